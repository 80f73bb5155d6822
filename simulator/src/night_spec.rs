//! Which night to simulate.

use crate::site::Site;

/// Identifies a night to simulate.
#[derive(Debug, Clone, PartialEq)]
pub struct NightSpec {
    /// Seed of the cohort.
    pub seed: u64,
    /// Number of the night in the cohort; each night has a different sleeper.
    pub night: u32,
    /// Length in hours, rounded to whole epochs and clamped to 0.1–16.
    pub hours: f64,
    /// Site that records the night; `None` draws one from the seed.
    pub site: Option<Site>,
}
