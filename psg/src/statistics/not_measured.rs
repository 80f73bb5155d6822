//! Why a night does not have the value of a measure.

use serde::Serialize;

use crate::sleep::EventFamily;

/// Why a night does not have the value of a measure. Minutes are of the night, not of the computer's clock.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "reason")]
pub enum NotMeasured {
    /// No epoch of the time in bed has a stage.
    #[error("no epoch has a stage")]
    NoStages,
    /// The night has stages, but none of sleep.
    #[error("no epoch is scored as sleep")]
    NoSleep,
    /// The night has no REM sleep.
    #[error("the night has no REM sleep")]
    NoRem,
    /// There is no run of sleep as long as persistent sleep demands.
    #[error("no run of sleep lasts {least_min} min")]
    NoPersistentSleep {
        /// Minutes that persistent sleep demands.
        least_min: f64,
    },
    /// Lights off and lights on are not marked, and nothing else says when the sleeper was in bed.
    #[error("lights off and lights on are not marked")]
    UnmarkedTimeInBed,
    /// The time in bed is not known, and the recording is too long, or too much of it lies outside the sleep period.
    #[error(
        "lights off and lights on are not marked, and the recording of {recording_min:.0} min with a sleep period of \
         {sleep_period_min:.0} min cannot be taken for the time in bed"
    )]
    UnknownTimeInBed {
        /// Minutes from the first to the last epoch.
        recording_min: f64,
        /// Minutes from the first to the last epoch of sleep.
        sleep_period_min: f64,
    },
    /// The time in bed is not known, and sleep is so far apart that it is more than one night's.
    #[error(
        "lights off and lights on are not marked, and the first and the last epoch of sleep are \
         {sleep_period_min:.0} min apart"
    )]
    UnknownSleepPeriod {
        /// Minutes from the first to the last epoch of sleep.
        sleep_period_min: f64,
    },
    /// The share of wake of total sleep time, which does not contain it.
    #[error("wake is not part of the total sleep time")]
    WakeIsNotSleep,
    /// Events of the family were not scored in this night.
    #[error("events of the family `{family}` were not scored")]
    EventsNotScored {
        /// The family.
        family: EventFamily,
    },
    /// Apneas were scored without their type.
    #[error("the type of {n_untyped} apneas was not scored")]
    UntypedApneas {
        /// Number of apneas without a type.
        n_untyped: usize,
    },
    /// Limb movements were scored, but not which of them are periodic.
    #[error("limb movements were scored without their periodicity")]
    PeriodicityNotScored,
    /// Respiratory events were scored, but no respiratory effort-related arousals.
    #[error("respiratory effort-related arousals were not scored")]
    RerasNotScored,
    /// There is too little time for the measure.
    #[error(
        "only {minutes:.1} min of sleep in the part asked about; at least {least_min} min are needed"
    )]
    TooShort {
        /// Minutes that there are.
        minutes: f64,
        /// Minutes that the measure needs.
        least_min: f64,
    },
    /// The side that a ratio divides by is 0.
    #[error("the quantity to compare with is 0")]
    NothingToCompareWith,
    /// Too few epochs have a stage.
    #[error("only {staged_min:.1} min have a stage; at least {least_min} min are needed")]
    FewStaged {
        /// Minutes with a stage.
        staged_min: f64,
        /// Minutes that are needed.
        least_min: f64,
    },
    /// Most of the time in bed has no stage.
    #[error("only {staged_min:.0} min of {in_bed_min:.0} min have a stage")]
    MostlyUnstaged {
        /// Minutes with a stage.
        staged_min: f64,
        /// Minutes from the first to the last epoch.
        in_bed_min: f64,
    },
}

impl NotMeasured {
    /// Returns the next step of a user, if there is one.
    pub const fn hint(&self) -> Option<&'static str> {
        match self {
            Self::UnmarkedTimeInBed
            | Self::UnknownTimeInBed { .. }
            | Self::UnknownSleepPeriod { .. } => Some("state the time in bed"),
            Self::UntypedApneas { .. } => Some("ask for all apneas"),
            Self::PeriodicityNotScored => Some("ask for all limb movements"),
            Self::RerasNotScored => Some("ask for the apnea-hypopnea index"),
            Self::NoStages
            | Self::NoSleep
            | Self::NoRem
            | Self::NoPersistentSleep { .. }
            | Self::WakeIsNotSleep
            | Self::EventsNotScored { .. }
            | Self::NothingToCompareWith
            | Self::FewStaged { .. }
            | Self::MostlyUnstaged { .. }
            | Self::TooShort { .. } => None,
        }
    }
}
