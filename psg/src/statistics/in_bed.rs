//! The time in bed: marked, stated, or the whole recording as far as that can be.

use serde::Serialize;

use crate::statistics::NotMeasured;

/// Longest recording in minutes that counts as the time in bed if lights off and lights on are not marked.
///
/// Recordings of a day and a night (the cassette nights of Sleep-EDF last 20 h) are longer.
pub const LONGEST_UNMARKED_NIGHT_MIN: f64 = 720.0;

/// Least share of the recording that the sleep period must fill if lights off and lights on are not marked.
pub const LEAST_SLEEP_PERIOD_SHARE: f64 = 0.5;

/// Least share of the recording that must have a stage if lights off and lights on are not marked.
pub const LEAST_STAGED_SHARE: f64 = 0.5;

/// From when to when the sleeper was in bed, in seconds from the start of the recording.
///
/// Epochs count if they lie wholly within it; epochs outside of it count for no measure.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
#[serde(rename_all = "snake_case", tag = "source")]
pub enum InBed {
    /// The marks of the scorer or technician.
    LightsMarks {
        /// Lights off.
        off_s: f64,
        /// Lights on.
        on_s: f64,
    },
    /// A window that the user states.
    Stated {
        /// Start.
        start_s: f64,
        /// End.
        end_s: f64,
    },
    /// Neither marked nor stated: what depends on the time in bed is refused. Epochs of the whole recording count.
    Unmarked,
    /// Not known: the whole recording.
    ///
    /// What depends on the time in bed is refused if the recording is longer than [`LONGEST_UNMARKED_NIGHT_MIN`], or if
    /// the sleep period fills less than [`LEAST_SLEEP_PERIOD_SHARE`] of it.
    WholeRecording,
}

impl InBed {
    /// Returns the window in seconds; `None` if it is empty or its ends are not finite.
    ///
    /// `span_s` is that of the recording.
    pub(super) fn window_s(self, span_s: Option<(f64, f64)>) -> Option<(f64, f64)> {
        let window_s = match self {
            Self::LightsMarks { off_s, on_s } => Some((off_s, on_s)),
            Self::Stated { start_s, end_s } => Some((start_s, end_s)),
            Self::Unmarked | Self::WholeRecording => span_s,
        };
        window_s.filter(|(start_s, end_s)| (end_s - start_s).is_finite() && start_s < end_s)
    }

    /// Checks that the window is the time in bed.
    ///
    /// `sleep_period_min` is 0 without sleep.
    ///
    /// # Errors
    ///
    /// [`NotMeasured::UnmarkedTimeInBed`], [`NotMeasured::UnknownTimeInBed`].
    pub(super) fn check_window(
        self,
        window_min: f64,
        sleep_period_min: f64,
    ) -> Result<(), NotMeasured> {
        let is_filled =
            sleep_period_min == 0.0 || sleep_period_min >= LEAST_SLEEP_PERIOD_SHARE * window_min;
        match self {
            Self::Unmarked => Err(NotMeasured::UnmarkedTimeInBed),
            Self::WholeRecording if window_min > LONGEST_UNMARKED_NIGHT_MIN || !is_filled => {
                Err(NotMeasured::UnknownTimeInBed { recording_min: window_min, sleep_period_min })
            }
            Self::WholeRecording | Self::LightsMarks { .. } | Self::Stated { .. } => Ok(()),
        }
    }

    /// Checks that most of the window has a stage.
    ///
    /// # Errors
    ///
    /// [`NotMeasured::MostlyUnstaged`].
    pub(super) fn check_staged(self, staged_min: f64, in_bed_min: f64) -> Result<(), NotMeasured> {
        match self {
            Self::Unmarked | Self::WholeRecording
                if staged_min < LEAST_STAGED_SHARE * in_bed_min =>
            {
                Err(NotMeasured::MostlyUnstaged { staged_min, in_bed_min })
            }
            Self::Unmarked
            | Self::WholeRecording
            | Self::LightsMarks { .. }
            | Self::Stated { .. } => Ok(()),
        }
    }

    /// Checks that the sleep period is that of one night.
    ///
    /// # Errors
    ///
    /// [`NotMeasured::UnknownSleepPeriod`].
    pub(super) fn check_sleep_period(self, sleep_period_min: f64) -> Result<(), NotMeasured> {
        match self {
            Self::Unmarked | Self::WholeRecording
                if sleep_period_min > LONGEST_UNMARKED_NIGHT_MIN =>
            {
                Err(NotMeasured::UnknownSleepPeriod { sleep_period_min })
            }
            Self::Unmarked
            | Self::WholeRecording
            | Self::LightsMarks { .. }
            | Self::Stated { .. } => Ok(()),
        }
    }
}
