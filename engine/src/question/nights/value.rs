//! A number for a night: its value, where it comes from, and how far it may be off.

use std::fmt;

use nocturne_concepts::{Source, Unit};
use serde::Serialize;

/// A number for a night.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Measurement {
    /// The quantity in its normal form, such as `rate(arousal) in R`.
    pub quantity: String,
    /// The value, in the unit of the quantity.
    pub value: f64,
    /// Its unit.
    pub unit: Unit,
    /// Where it comes from.
    pub source: Source,
    /// The 95 % prediction interval of what a scorer would find; `None` with a reason in `no_interval`.
    pub interval: Option<(f64, f64)>,
    /// Why there is no interval; `None` for what a scorer or a signal says, which needs none.
    pub no_interval: Option<NoInterval>,
    /// Hours that it was measured over.
    pub hours: f64,
}

/// Why a number of the model has no interval.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NoInterval {
    /// The calibration is of nights of another origin: simulated, not recorded, or the other way round.
    OtherPopulation,
    /// The night has fewer channels than those of the calibration.
    FewChannels,
    /// There is too little sleep.
    LittleSleep,
    /// The calibration does not cover this quantity or this part of the night.
    NotCalibrated,
}

impl NoInterval {
    /// Returns the name in snake case, as in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::OtherPopulation => "other_population",
            Self::FewChannels => "few_channels",
            Self::LittleSleep => "little_sleep",
            Self::NotCalibrated => "not_calibrated",
        }
    }
}

impl fmt::Display for NoInterval {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::OtherPopulation => "calibrated on other nights",
            Self::FewChannels => "few channels",
            Self::LittleSleep => "little sleep",
            Self::NotCalibrated => "not calibrated for this",
        })
    }
}

/// What the bounds of a question say of a night.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Verdict {
    /// The value is within the bounds, and so is the whole interval.
    Holds,
    /// The value is within the bounds; the interval crosses one of them, or there is none.
    Uncertain,
    /// The value is not within the bounds.
    Fails,
}

impl Verdict {
    /// Returns the verdict on both.
    pub(super) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Fails, _) | (_, Self::Fails) => Self::Fails,
            (Self::Holds, Self::Holds) => Self::Holds,
            _ => Self::Uncertain,
        }
    }

    /// Returns the verdict on either.
    pub(super) fn or(self, other: Self) -> Self {
        match (self, other) {
            (Self::Holds, _) | (_, Self::Holds) => Self::Holds,
            (Self::Fails, Self::Fails) => Self::Fails,
            _ => Self::Uncertain,
        }
    }
}
