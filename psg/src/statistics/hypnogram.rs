//! The statistics of a hypnogram.

use crate::sleep::Stage;
use crate::statistics::bouts::{bouts, minutes};
use crate::statistics::epoch_stages::{EpochStages, StagedEpoch};
use crate::statistics::in_bed::InBed;
use crate::statistics::measure::HypnogramMeasure;
use crate::statistics::not_measured::NotMeasured;

/// The statistics of a hypnogram within a time in bed.
///
/// [`value`](Self::value) answers each measure or says why the night has none. If the stages are probabilities, times
/// and shares are expected values; see [`EpochStages::posterior`].
#[derive(Debug, Clone, PartialEq)]
pub struct HypnogramStatistics {
    in_bed: InBed,
    /// The time in bed in seconds, `None` if it is empty.
    window_s: Option<(f64, f64)>,
    /// Number of epochs with a stage.
    n_staged: usize,
    stage_min: [f64; 5],
    longest_run_min: [f64; 5],
    n_sleep_to_wake: usize,
    /// First onsets of sleep that lasts 5 and 10 min, in seconds.
    persistent_s: [Option<f64>; 2],
    sleep_period: Option<SleepPeriod>,
}

/// What lies between the first and the last epoch of sleep.
#[derive(Debug, Clone, PartialEq)]
struct SleepPeriod {
    start_s: f64,
    end_s: f64,
    staged_min: f64,
    wake_min: f64,
    /// Wake from the first epoch of sleep to the end of the window.
    wake_after_onset_min: f64,
    n_awakenings: usize,
    n_shifts: usize,
    /// Onset of REM in seconds, and the non-REM sleep before it in minutes.
    rem: Option<(f64, f64)>,
}

/// Minutes of uninterrupted sleep that make it persistent, in the order of the fields.
const PERSISTENT_MIN: [f64; 2] = [5.0, 10.0];

impl HypnogramStatistics {
    /// Computes the statistics.
    pub fn of(stages: &EpochStages, in_bed: InBed) -> Self {
        let window_s = in_bed.window_s(stages.span_s());
        let epochs = window_s.map_or(&[][..], |window_s| stages.within(window_s));
        let mut longest_run_min = [0.0; 5];
        for run in bouts(epochs, |epoch| epoch.stage) {
            let longest = &mut longest_run_min[run[0].stage.index()];
            *longest = f64::max(*longest, minutes(run.len()));
        }
        let wakes_up = |pair: &&[StagedEpoch]| {
            pair[0].is_followed_by(&pair[1])
                && pair[0].stage.is_sleep()
                && pair[1].stage == Stage::Wake
        };
        Self {
            in_bed,
            window_s,
            n_staged: epochs.len(),
            stage_min: Stage::ALL.map(|stage| expected_min(epochs, stage)),
            longest_run_min,
            n_sleep_to_wake: epochs.windows(2).filter(wakes_up).count(),
            persistent_s: PERSISTENT_MIN.map(|least_min| persistent_onset_s(epochs, least_min)),
            sleep_period: SleepPeriod::of(epochs),
        }
    }

    /// Returns the time in bed that the statistics were computed with.
    pub fn in_bed(&self) -> InBed {
        self.in_bed
    }

    /// Returns the value of a measure in its [unit](HypnogramMeasure::unit).
    ///
    /// # Errors
    ///
    /// [`NotMeasured`] if the night does not have it.
    pub fn value(&self, measure: HypnogramMeasure) -> Result<f64, NotMeasured> {
        match measure {
            HypnogramMeasure::TimeInBed => self.time_in_bed_min(),
            HypnogramMeasure::TotalSleepTime => self.total_sleep_min(),
            HypnogramMeasure::SleepPeriodTime => Ok(self.sleep_period()?.minutes()),
            HypnogramMeasure::WasoToLastSleep => Ok(self.sleep_period()?.wake_min),
            HypnogramMeasure::WasoToLightsOn => {
                self.window()?;
                Ok(self.sleep_period()?.wake_after_onset_min)
            }
            HypnogramMeasure::FinalWake => {
                let (_, end_s) = self.window()?;
                Ok((end_s - self.sleep_period()?.end_s) / 60.0)
            }
            HypnogramMeasure::UnscoredInSleepPeriod => {
                let period = self.sleep_period()?;
                Ok(period.minutes() - period.staged_min)
            }
            HypnogramMeasure::SleepEfficiency => {
                Ok(100.0 * self.total_sleep_min()? / self.time_in_bed_min()?)
            }
            HypnogramMeasure::SleepMaintenanceEfficiency => {
                Ok(100.0 * self.total_sleep_min()? / self.sleep_period()?.minutes())
            }
            HypnogramMeasure::SleepOnsetLatency => self.latency_min(self.sleep_period()?.start_s),
            HypnogramMeasure::PersistentSleepLatency5 => self.persistent_latency_min(0),
            HypnogramMeasure::PersistentSleepLatency10 => self.persistent_latency_min(1),
            HypnogramMeasure::RemLatency => {
                let period = self.sleep_period()?;
                let (onset_s, _) = period.rem.ok_or(NotMeasured::NoRem)?;
                Ok((onset_s - period.start_s) / 60.0)
            }
            HypnogramMeasure::RemLatencyWithoutWake => {
                let (_, non_rem_min) = self.sleep_period()?.rem.ok_or(NotMeasured::NoRem)?;
                Ok(non_rem_min)
            }
            HypnogramMeasure::StageTime(stage) => self.of_stage(stage, &self.stage_min),
            HypnogramMeasure::LongestRun(stage) => self.of_stage(stage, &self.longest_run_min),
            HypnogramMeasure::StageShare(stage) => {
                if !stage.is_sleep() {
                    return Err(NotMeasured::WakeIsNotSleep);
                }
                Ok(100.0 * self.stage_min[stage.index()] / (60.0 * self.hours_of_sleep()?))
            }
            HypnogramMeasure::Awakenings => Ok(self.sleep_period()?.n_awakenings as f64),
            HypnogramMeasure::FragmentationIndex => {
                Ok(self.n_sleep_to_wake as f64 / self.hours_of_sleep()?)
            }
            HypnogramMeasure::StageShiftIndex => {
                Ok(self.sleep_period()?.n_shifts as f64 / self.hours_of_sleep()?)
            }
        }
    }

    /// Returns every measure with its value, in the order of [`HypnogramMeasure::all`].
    pub fn values(
        &self,
    ) -> impl Iterator<Item = (HypnogramMeasure, Result<f64, NotMeasured>)> + '_ {
        HypnogramMeasure::all().map(|measure| (measure, self.value(measure)))
    }

    /// Returns the window in seconds if it is the time in bed.
    fn window(&self) -> Result<(f64, f64), NotMeasured> {
        let (start_s, end_s) = self.window_s.ok_or(NotMeasured::NoStages)?;
        let sleep_period_min = self.sleep_period.as_ref().map_or(0.0, SleepPeriod::minutes);
        self.in_bed.check_window((end_s - start_s) / 60.0, sleep_period_min)?;
        Ok((start_s, end_s))
    }

    fn time_in_bed_min(&self) -> Result<f64, NotMeasured> {
        let (start_s, end_s) = self.window()?;
        Ok((end_s - start_s) / 60.0)
    }

    fn total_sleep_min(&self) -> Result<f64, NotMeasured> {
        let asleep = Stage::ALL.into_iter().filter(|stage| stage.is_sleep());
        self.staged(asleep.map(|stage| self.stage_min[stage.index()]).sum())
    }

    fn hours_of_sleep(&self) -> Result<f64, NotMeasured> {
        let minutes = self.total_sleep_min()?;
        if minutes == 0.0 { Err(NotMeasured::NoSleep) } else { Ok(minutes / 60.0) }
    }

    fn sleep_period(&self) -> Result<&SleepPeriod, NotMeasured> {
        self.staged(())?;
        let period = self.sleep_period.as_ref().ok_or(NotMeasured::NoSleep)?;
        self.in_bed.check_sleep_period(period.minutes())?;
        Ok(period)
    }

    /// Returns the minutes from lights off to a time in seconds.
    fn latency_min(&self, at_s: f64) -> Result<f64, NotMeasured> {
        let (start_s, _) = self.window()?;
        Ok((at_s - start_s) / 60.0)
    }

    fn persistent_latency_min(&self, i: usize) -> Result<f64, NotMeasured> {
        self.sleep_period()?;
        let none = NotMeasured::NoPersistentSleep { least_min: PERSISTENT_MIN[i] };
        self.latency_min(self.persistent_s[i].ok_or(none)?)
    }

    /// Returns the minutes of a stage. Those of wake depend on the time in bed.
    fn of_stage(&self, stage: Stage, of_stages: &[f64; 5]) -> Result<f64, NotMeasured> {
        if !stage.is_sleep() {
            self.window()?;
        }
        self.staged(of_stages[stage.index()])
    }

    /// Returns the value if any epoch has a stage.
    fn staged<T>(&self, value: T) -> Result<T, NotMeasured> {
        if self.n_staged == 0 { Err(NotMeasured::NoStages) } else { Ok(value) }
    }
}

impl SleepPeriod {
    /// Finds the sleep period among the epochs of the time in bed; `None` without sleep.
    fn of(epochs: &[StagedEpoch]) -> Option<Self> {
        let is_asleep = |epoch: &StagedEpoch| epoch.stage.is_sleep();
        let first = epochs.iter().position(is_asleep)?;
        let last = epochs.iter().rposition(is_asleep)?;
        let period = &epochs[first..=last];
        let rem = period.iter().position(|epoch| epoch.stage == Stage::Rem).map(|at| {
            let non_rem = period[..at].iter().filter(|epoch| is_asleep(epoch));
            (period[at].onset_s, minutes(non_rem.count()))
        });
        let awakenings =
            bouts(period, |epoch| epoch.stage == Stage::Wake).filter(|bout| !is_asleep(&bout[0]));
        Some(Self {
            start_s: epochs[first].onset_s,
            end_s: epochs[last].end_s(),
            staged_min: minutes(period.len()),
            wake_min: expected_min(period, Stage::Wake),
            wake_after_onset_min: expected_min(&epochs[first..], Stage::Wake),
            n_awakenings: awakenings.count(),
            // Across epochs without a stage, different stages are at least one shift.
            n_shifts: period.windows(2).filter(|pair| pair[0].stage != pair[1].stage).count(),
            rem,
        })
    }

    fn minutes(&self) -> f64 {
        (self.end_s - self.start_s) / 60.0
    }
}

/// Returns the expected minutes of a stage.
fn expected_min(epochs: &[StagedEpoch], stage: Stage) -> f64 {
    minutes(1) * epochs.iter().map(|epoch| epoch.shares[stage.index()]).sum::<f64>()
}

/// Returns the onset in seconds of the first uninterrupted sleep that lasts as long.
fn persistent_onset_s(epochs: &[StagedEpoch], least_min: f64) -> Option<f64> {
    bouts(epochs, |epoch| epoch.stage.is_sleep())
        .find(|bout| bout[0].stage.is_sleep() && minutes(bout.len()) >= least_min)
        .map(|bout| bout[0].onset_s)
}

#[cfg(test)]
mod tests;
