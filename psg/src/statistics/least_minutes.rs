//! The least minutes of sleep that each kind of answer needs; `docs/measures.md` gives the reasons.

/// For an estimate with a prediction interval.
pub const INTERVAL: f64 = 120.0;

/// For a rate per hour of sleep: one event in less would already be more than one per hour.
pub const RATE: f64 = 60.0;

/// For each side of a comparison of two scopes, such as supine and not supine.
pub const COMPARED_SIDE: f64 = 30.0;

/// For a rate within a stratum of sleep, such as a stage, a position or a part of the night.
pub const STRATUM: f64 = 15.0;
