//! The measures of a hypnogram, by name and unit.

use std::fmt;

use serde::Serialize;

use crate::sleep::Stage;

/// A measure of a hypnogram; `docs/measures.md` defines each.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(into = "&'static str")]
pub enum HypnogramMeasure {
    /// Lights off to lights on (TIB).
    TimeInBed,
    /// Time in N1, N2, N3 and REM (TST).
    TotalSleepTime,
    /// First to last epoch of sleep (SPT).
    SleepPeriodTime,
    /// Wake within the sleep period (WASO as in YASA and Luna).
    WasoToLastSleep,
    /// Wake from the first epoch of sleep to lights on (WASO as in the AASM manual and NSRR).
    WasoToLightsOn,
    /// Time from the last epoch of sleep to lights on.
    FinalWake,
    /// Time within the sleep period that has no stage.
    UnscoredInSleepPeriod,
    /// Total sleep time per time in bed (SE).
    SleepEfficiency,
    /// Total sleep time per sleep period time (SME).
    SleepMaintenanceEfficiency,
    /// Lights off to the first epoch of sleep (SOL).
    SleepOnsetLatency,
    /// Lights off to the first 5 min of uninterrupted sleep.
    PersistentSleepLatency5,
    /// Lights off to the first 10 min of uninterrupted sleep (LPS).
    PersistentSleepLatency10,
    /// First epoch of sleep to the first epoch of REM.
    RemLatency,
    /// Non-REM sleep before the first epoch of REM.
    RemLatencyWithoutWake,
    /// Time in a stage.
    StageTime(Stage),
    /// Time in a stage of sleep per total sleep time.
    StageShare(Stage),
    /// Longest uninterrupted time in a stage, 0 if there is none.
    LongestRun(Stage),
    /// Bouts of wake within the sleep period.
    Awakenings,
    /// Steps from sleep to wake per hour of sleep (SFI).
    FragmentationIndex,
    /// Changes of stage within the sleep period per hour of sleep.
    StageShiftIndex,
}

/// Unit of a measure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Minutes.
    Minutes,
    /// Per cent, 0 to 100.
    Percent,
    /// A number of occurrences.
    Count,
    /// Occurrences per hour of sleep.
    PerHour,
}

impl HypnogramMeasure {
    /// Every measure, in the order of `docs/measures.md`.
    pub fn all() -> impl Iterator<Item = Self> {
        let sleep = || Stage::ALL.into_iter().filter(|stage| stage.is_sleep());
        [
            Self::TimeInBed,
            Self::TotalSleepTime,
            Self::SleepPeriodTime,
            Self::WasoToLastSleep,
            Self::WasoToLightsOn,
            Self::FinalWake,
            Self::UnscoredInSleepPeriod,
            Self::SleepEfficiency,
            Self::SleepMaintenanceEfficiency,
            Self::SleepOnsetLatency,
            Self::PersistentSleepLatency5,
            Self::PersistentSleepLatency10,
            Self::RemLatency,
            Self::RemLatencyWithoutWake,
        ]
        .into_iter()
        .chain(Stage::ALL.map(Self::StageTime))
        .chain(sleep().map(Self::StageShare))
        .chain(Stage::ALL.map(Self::LongestRun))
        .chain([Self::Awakenings, Self::FragmentationIndex, Self::StageShiftIndex])
    }

    /// Returns the name in snake case, as in JSON.
    pub const fn name(self) -> &'static str {
        match self {
            Self::TimeInBed => "tib",
            Self::TotalSleepTime => "tst",
            Self::SleepPeriodTime => "spt",
            Self::WasoToLastSleep => "waso_to_last_sleep",
            Self::WasoToLightsOn => "waso_to_lights_on",
            Self::FinalWake => "final_wake",
            Self::UnscoredInSleepPeriod => "unscored_in_spt",
            Self::SleepEfficiency => "sleep_efficiency",
            Self::SleepMaintenanceEfficiency => "sleep_maintenance",
            Self::SleepOnsetLatency => "sleep_onset_latency",
            Self::PersistentSleepLatency5 => "persistent_sleep_latency_5",
            Self::PersistentSleepLatency10 => "persistent_sleep_latency_10",
            Self::RemLatency => "rem_latency",
            Self::RemLatencyWithoutWake => "rem_latency_without_wake",
            Self::StageTime(stage) => {
                ["time_w", "time_n1", "time_n2", "time_n3", "time_r"][stage.index()]
            }
            Self::StageShare(stage) => {
                ["share_w", "share_n1", "share_n2", "share_n3", "share_r"][stage.index()]
            }
            Self::LongestRun(stage) => [
                "longest_run_w",
                "longest_run_n1",
                "longest_run_n2",
                "longest_run_n3",
                "longest_run_r",
            ][stage.index()],
            Self::Awakenings => "awakenings",
            Self::FragmentationIndex => "sleep_fragmentation_index",
            Self::StageShiftIndex => "stage_shifts",
        }
    }

    /// Returns the measure with a [`name`](Self::name); `waso` is that to the last epoch of sleep.
    pub fn from_name(name: &str) -> Option<Self> {
        let name = if name == "waso" { Self::WasoToLastSleep.name() } else { name };
        Self::all().find(|measure| measure.name() == name)
    }

    /// Returns the unit.
    pub const fn unit(self) -> Unit {
        match self {
            Self::TimeInBed
            | Self::TotalSleepTime
            | Self::SleepPeriodTime
            | Self::WasoToLastSleep
            | Self::WasoToLightsOn
            | Self::FinalWake
            | Self::UnscoredInSleepPeriod
            | Self::SleepOnsetLatency
            | Self::PersistentSleepLatency5
            | Self::PersistentSleepLatency10
            | Self::RemLatency
            | Self::RemLatencyWithoutWake
            | Self::StageTime(_)
            | Self::LongestRun(_) => Unit::Minutes,
            Self::SleepEfficiency | Self::SleepMaintenanceEfficiency | Self::StageShare(_) => {
                Unit::Percent
            }
            Self::Awakenings => Unit::Count,
            Self::FragmentationIndex | Self::StageShiftIndex => Unit::PerHour,
        }
    }
}

impl From<HypnogramMeasure> for &'static str {
    fn from(measure: HypnogramMeasure) -> Self {
        measure.name()
    }
}

impl fmt::Display for HypnogramMeasure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique() {
        for measure in HypnogramMeasure::all() {
            assert_eq!(HypnogramMeasure::from_name(measure.name()), Some(measure));
        }
        assert_eq!(HypnogramMeasure::from_name("waso"), Some(HypnogramMeasure::WasoToLastSleep));
        assert_eq!(HypnogramMeasure::from_name("share_w"), None);
    }
}
