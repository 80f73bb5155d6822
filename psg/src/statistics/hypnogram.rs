//! The statistics of a hypnogram.

use std::ops::Range;

use crate::sleep::Stage;
use crate::statistics::bouts::{bouts, minutes};
use crate::statistics::epoch_stages::{EpochStages, StagedEpoch};
use crate::statistics::in_bed::InBed;
use crate::statistics::measure::HypnogramMeasure;
use crate::statistics::not_measured::NotMeasured;
use crate::statistics::scope::Scope;

/// The statistics of a hypnogram within a time in bed.
///
/// [`value`](Self::value) computes a measure or says why the night has none. If the stages are probabilities, times and
/// shares are expected values; see [`EpochStages::posterior`].
#[derive(Debug, Clone, PartialEq)]
pub struct HypnogramStatistics {
    in_bed: InBed,
    /// The time in bed in seconds, `None` if it is empty.
    window_s: Option<(f64, f64)>,
    stages: EpochStages,
    /// Positions of the first epoch of sleep among those of the time in bed, and after the last one; `None` without sleep.
    sleep: Option<Range<usize>>,
}

/// What lies between the first and the last epoch of sleep.
struct SleepPeriod<'a> {
    epochs: &'a [StagedEpoch],
    /// The epochs from the first one of sleep to the end of the time in bed.
    epochs_from_onset: &'a [StagedEpoch],
}

impl HypnogramStatistics {
    /// Finds the sleep period within the time in bed.
    pub fn of(stages: EpochStages, in_bed: InBed) -> Self {
        let window_s = in_bed.window_s(stages.span_s());
        let mut statistics = Self { in_bed, window_s, stages, sleep: None };
        let is_asleep = |epoch: &StagedEpoch| epoch.stage.is_sleep();
        let first = statistics.epochs().iter().position(is_asleep);
        let last = statistics.epochs().iter().rposition(is_asleep);
        statistics.sleep = first.zip(last).map(|(first, last)| first..last + 1);
        statistics
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
            HypnogramMeasure::WasoToLastSleep => {
                Ok(expected_min(self.sleep_period()?.epochs, Stage::Wake))
            }
            HypnogramMeasure::WasoToLightsOn => {
                self.staged_window()?;
                Ok(expected_min(self.sleep_period()?.epochs_from_onset, Stage::Wake))
            }
            HypnogramMeasure::FinalWake => {
                let (_, end_s) = self.staged_window()?;
                Ok((end_s - self.sleep_period()?.end_s()) / 60.0)
            }
            HypnogramMeasure::UnscoredInSleepPeriod => {
                let period = self.sleep_period()?;
                Ok(period.minutes() - minutes(period.epochs.len()))
            }
            HypnogramMeasure::SleepEfficiency => {
                let (start_s, end_s) = self.staged_window()?;
                Ok(100.0 * self.total_sleep_min()? / ((end_s - start_s) / 60.0))
            }
            HypnogramMeasure::SleepMaintenanceEfficiency => {
                Ok(100.0 * self.total_sleep_min()? / self.sleep_period()?.minutes())
            }
            HypnogramMeasure::SleepOnsetLatency => self.latency_min(self.sleep_period()?.start_s()),
            HypnogramMeasure::PersistentSleepLatency5 => self.persistent_latency_min(5.0),
            HypnogramMeasure::PersistentSleepLatency10 => self.persistent_latency_min(10.0),
            HypnogramMeasure::RemLatency => {
                let period = self.sleep_period()?;
                let rem = &period.epochs[period.first_rem()?];
                Ok((rem.onset_s - period.start_s()) / 60.0)
            }
            HypnogramMeasure::RemLatencyWithoutWake => {
                let period = self.sleep_period()?;
                let before = period.epochs[..period.first_rem()?].iter();
                Ok(minutes(before.filter(|epoch| epoch.stage.is_sleep()).count()))
            }
            HypnogramMeasure::StageTime(stage) => {
                self.of_stage(stage, |epochs| expected_min(epochs, stage))
            }
            HypnogramMeasure::LongestRun(stage) => {
                self.of_stage(stage, |epochs| longest_run_min(epochs, stage))
            }
            HypnogramMeasure::StageShare(stage) => {
                if !stage.is_sleep() {
                    return Err(NotMeasured::WakeIsNotSleep);
                }
                let hours = self.hours_of_sleep()?;
                Ok(100.0 * expected_min(self.epochs(), stage) / (60.0 * hours))
            }
            HypnogramMeasure::Awakenings => Ok(self.sleep_period()?.n_awakenings() as f64),
            HypnogramMeasure::FragmentationIndex => {
                let hours = self.hours_of_sleep()?;
                Ok(n_sleep_to_wake(self.epochs()) as f64 / hours)
            }
            HypnogramMeasure::StageShiftIndex => {
                let n_shifts = self.sleep_period()?.n_shifts();
                Ok(n_shifts as f64 / self.hours_of_sleep()?)
            }
        }
    }

    /// Returns every measure with its value, in the order of [`HypnogramMeasure::all`].
    pub fn values(
        &self,
    ) -> impl Iterator<Item = (HypnogramMeasure, Result<f64, NotMeasured>)> + '_ {
        HypnogramMeasure::all().map(|measure| (measure, self.value(measure)))
    }

    /// Returns the epochs of sleep within the time in bed.
    pub fn sleep_scope(&self) -> Scope {
        let asleep = self.epochs().iter().filter(|epoch| epoch.stage.is_sleep());
        Scope::of_onsets(asleep.map(|epoch| epoch.onset_s))
    }

    /// Returns the epochs of the time in bed that have a stage.
    fn epochs(&self) -> &[StagedEpoch] {
        self.window_s.map_or(&[], |window_s| self.stages.within(window_s))
    }

    /// Returns what lies between the first and the last epoch of sleep, whether or not it is that of one night.
    fn asleep(&self) -> Option<SleepPeriod<'_>> {
        let Range { start, end } = self.sleep.clone()?;
        let epochs = self.epochs();
        Some(SleepPeriod { epochs: &epochs[start..end], epochs_from_onset: &epochs[start..] })
    }

    /// Returns the window in seconds if it is the time in bed.
    fn window(&self) -> Result<(f64, f64), NotMeasured> {
        let (start_s, end_s) = self.window_s.ok_or(NotMeasured::NoStages)?;
        let sleep_period_min = self.asleep().map_or(0.0, |period| period.minutes());
        self.in_bed.check_window((end_s - start_s) / 60.0, sleep_period_min)?;
        Ok((start_s, end_s))
    }

    /// Returns the window in seconds if it is the time in bed and most of it has a stage.
    fn staged_window(&self) -> Result<(f64, f64), NotMeasured> {
        let (start_s, end_s) = self.window()?;
        let staged_min = minutes(self.epochs().len());
        if staged_min > 0.0 {
            self.in_bed.check_staged(staged_min, (end_s - start_s) / 60.0)?;
        }
        Ok((start_s, end_s))
    }

    fn time_in_bed_min(&self) -> Result<f64, NotMeasured> {
        let (start_s, end_s) = self.window()?;
        Ok((end_s - start_s) / 60.0)
    }

    fn total_sleep_min(&self) -> Result<f64, NotMeasured> {
        self.staged(())?;
        let asleep = |epoch: &StagedEpoch| {
            let stages = Stage::ALL.iter().filter(|stage| stage.is_sleep());
            stages.map(|stage| epoch.shares[stage.index()]).sum::<f64>()
        };
        Ok(minutes(1) * self.epochs().iter().map(asleep).sum::<f64>())
    }

    fn hours_of_sleep(&self) -> Result<f64, NotMeasured> {
        let minutes = self.total_sleep_min()?;
        if minutes == 0.0 { Err(NotMeasured::NoSleep) } else { Ok(minutes / 60.0) }
    }

    fn sleep_period(&self) -> Result<SleepPeriod<'_>, NotMeasured> {
        self.staged(())?;
        let period = self.asleep().ok_or(NotMeasured::NoSleep)?;
        self.in_bed.check_sleep_period(period.minutes())?;
        Ok(period)
    }

    /// Returns the minutes from lights off to a time in seconds.
    fn latency_min(&self, at_s: f64) -> Result<f64, NotMeasured> {
        let (start_s, _) = self.staged_window()?;
        Ok((at_s - start_s) / 60.0)
    }

    fn persistent_latency_min(&self, least_min: f64) -> Result<f64, NotMeasured> {
        self.sleep_period()?;
        let onset_s = persistent_onset_s(self.epochs(), least_min);
        self.latency_min(onset_s.ok_or(NotMeasured::NoPersistentSleep { least_min })?)
    }

    /// Returns the minutes of a stage. Those of wake depend on the time in bed.
    fn of_stage(
        &self,
        stage: Stage,
        minutes: impl Fn(&[StagedEpoch]) -> f64,
    ) -> Result<f64, NotMeasured> {
        if !stage.is_sleep() {
            self.staged_window()?;
        }
        self.staged(()).map(|()| minutes(self.epochs()))
    }

    /// Returns the value if any epoch has a stage.
    fn staged<T>(&self, value: T) -> Result<T, NotMeasured> {
        if self.epochs().is_empty() { Err(NotMeasured::NoStages) } else { Ok(value) }
    }
}

impl SleepPeriod<'_> {
    fn start_s(&self) -> f64 {
        self.epochs[0].onset_s
    }

    fn end_s(&self) -> f64 {
        self.epochs[self.epochs.len() - 1].end_s()
    }

    fn minutes(&self) -> f64 {
        (self.end_s() - self.start_s()) / 60.0
    }

    /// Returns the position of the first epoch of REM.
    fn first_rem(&self) -> Result<usize, NotMeasured> {
        let at = self.epochs.iter().position(|epoch| epoch.stage == Stage::Rem);
        at.ok_or(NotMeasured::NoRem)
    }

    fn n_awakenings(&self) -> usize {
        let bouts = bouts(self.epochs, |epoch| epoch.stage == Stage::Wake);
        bouts.filter(|bout| bout[0].stage == Stage::Wake).count()
    }

    /// Returns the number of changes of stage. Across epochs without a stage, different stages are at least one.
    fn n_shifts(&self) -> usize {
        self.epochs.windows(2).filter(|pair| pair[0].stage != pair[1].stage).count()
    }
}

/// Returns the expected minutes of a stage.
fn expected_min(epochs: &[StagedEpoch], stage: Stage) -> f64 {
    minutes(1) * epochs.iter().map(|epoch| epoch.shares[stage.index()]).sum::<f64>()
}

/// Returns the minutes of the longest uninterrupted run of a stage.
fn longest_run_min(epochs: &[StagedEpoch], stage: Stage) -> f64 {
    let runs = bouts(epochs, |epoch| epoch.stage).filter(|run| run[0].stage == stage);
    minutes(runs.map(<[StagedEpoch]>::len).max().unwrap_or(0))
}

/// Returns the number of epochs of wake that directly follow sleep.
fn n_sleep_to_wake(epochs: &[StagedEpoch]) -> usize {
    let wakes_up = |pair: &&[StagedEpoch]| {
        pair[0].is_followed_by(&pair[1]) && pair[0].stage.is_sleep() && pair[1].stage == Stage::Wake
    };
    epochs.windows(2).filter(wakes_up).count()
}

/// Returns the onset in seconds of the first uninterrupted sleep that lasts as long.
fn persistent_onset_s(epochs: &[StagedEpoch], least_min: f64) -> Option<f64> {
    bouts(epochs, |epoch| epoch.stage.is_sleep())
        .find(|bout| bout[0].stage.is_sleep() && minutes(bout.len()) >= least_min)
        .map(|bout| bout[0].onset_s)
}

#[cfg(test)]
mod tests;
