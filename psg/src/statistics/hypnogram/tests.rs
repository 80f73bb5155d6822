//! Small nights that pin each definition, and properties of all nights.

use proptest::prelude::*;

use super::*;
use crate::sleep::EPOCH_S;
use HypnogramMeasure as M;
use Stage::{N1, N2, N3, Rem, Wake};

/// Reads run lengths such as `Wx4 N2x20 ?x1`.
fn staged(run_lengths: &str) -> Vec<Option<Stage>> {
    let run = |run: &str| {
        let (stage, n) = run.split_once('x').unwrap();
        std::iter::repeat_n(stage.parse().ok(), n.parse().unwrap())
    };
    run_lengths.split_whitespace().flat_map(run).collect()
}

fn whole(stages: &[Option<Stage>]) -> HypnogramStatistics {
    HypnogramStatistics::of(EpochStages::consecutive(stages), InBed::WholeRecording)
}

fn check(run_lengths: &str, expected: &[(M, f64)]) {
    let statistics = whole(&staged(run_lengths));
    for (measure, expected) in expected {
        let found = statistics.value(*measure).unwrap_or_else(|e| panic!("{measure}: {e}"));
        assert!((found - expected).abs() < 1e-9, "{measure}: {found}, expected {expected}");
    }
}

#[test]
fn sleep_times_of_a_night() {
    // 5 min awake, 20 min asleep with 2 min of wake and half a minute unscored, 5 min awake.
    check(
        "Wx10 N1x2 N2x18 Wx4 ?x1 Rx15 Wx10",
        &[
            (M::TimeInBed, 30.0),
            (M::SleepOnsetLatency, 5.0),
            (M::SleepPeriodTime, 20.0),
            (M::TotalSleepTime, 17.5),
            (M::WasoToLastSleep, 2.0),
            (M::UnscoredInSleepPeriod, 0.5),
            (M::WasoToLightsOn, 7.0),
            (M::FinalWake, 5.0),
            (M::SleepEfficiency, 100.0 * 17.5 / 30.0),
            (M::SleepMaintenanceEfficiency, 87.5),
            (M::RemLatency, 12.5),
            (M::RemLatencyWithoutWake, 10.0),
            (M::StageTime(Wake), 12.0),
            (M::StageShare(Rem), 100.0 * 7.5 / 17.5),
        ],
    );
}

#[test]
fn persistent_sleep_starts_with_the_first_run_that_is_long_enough() {
    // Runs of 4.5, 5 and 10 min; a minute of wake or an unscored epoch ends a run.
    check(
        "Wx2 N1x9 Wx2 N2x10 ?x1 N2x10 Rx10 Wx2",
        &[
            (M::SleepOnsetLatency, 1.0),
            (M::PersistentSleepLatency5, 6.5),
            (M::PersistentSleepLatency10, 12.0),
        ],
    );
    let short = whole(&staged("N2x9 Wx1 N2x9 ?x1 N2x9"));
    let none = NotMeasured::NoPersistentSleep { least_min: 5.0 };
    assert_eq!(short.value(M::PersistentSleepLatency5), Err(none));
}

#[test]
fn awakenings_are_bouts_of_wake_before_the_last_sleep() {
    // The last awakening is a step from sleep to wake, but sleep does not follow. A step into an unscored epoch is none.
    check(
        "Wx2 N2x60 Wx3 N1x10 ?x2 N2x50 Wx4",
        &[(M::Awakenings, 1.0), (M::FragmentationIndex, 2.0)],
    );
}

#[test]
fn stage_shifts_are_counted_across_unscored_epochs_once() {
    // N2 to N3, N3 to N2 and N2 to REM; N2, unscored, N2 is not a shift. One hour of sleep.
    check("Wx1 N2x40 N3x20 ?x1 N2x20 ?x1 N2x20 Rx20 Wx1", &[(M::StageShiftIndex, 3.0)]);
}

#[test]
fn run_of_a_stage_never_crosses_unscored_time() {
    check(
        "N2x4 ?x1 N2x6 N3x2",
        &[
            (M::LongestRun(N2), 3.0),
            (M::LongestRun(N3), 1.0),
            (M::LongestRun(N1), 0.0),
            (M::LongestRun(Wake), 0.0),
        ],
    );
}

#[test]
fn gap_of_the_recording_is_unscored_time() {
    let with_none = staged("Wx2 N2x4 ?x3 N2x4 Rx2");
    let epochs = with_none.iter().enumerate().map(|(n, stage)| (n as f64 * EPOCH_S, *stage));
    let gap = EpochStages::scored(epochs.filter(|(_, stage)| stage.is_some()));
    let gap = HypnogramStatistics::of(gap, InBed::WholeRecording);
    assert_eq!(gap, whole(&with_none));
    assert_eq!(gap.value(M::UnscoredInSleepPeriod), Ok(1.5));
    assert_eq!(gap.value(M::LongestRun(N2)), Ok(2.0));
}

#[test]
fn epochs_after_a_gap_need_not_start_at_a_multiple_of_thirty_seconds() {
    let epochs = [(0.0, N2), (30.0, N2), (67.0, N2), (97.0, Wake), (127.0, N2)];
    let stages = EpochStages::scored(epochs.map(|(onset_s, stage)| (onset_s, Some(stage))));
    let statistics = HypnogramStatistics::of(stages, InBed::WholeRecording);
    assert_eq!(statistics.value(M::LongestRun(N2)), Ok(1.0));
    assert_eq!(statistics.value(M::SleepPeriodTime), Ok(157.0 / 60.0));
    let unscored_min = statistics.value(M::UnscoredInSleepPeriod).unwrap();
    assert!((unscored_min - 7.0 / 60.0).abs() < 1e-9);
}

#[test]
fn lights_marks_bound_the_night() {
    // Ten minutes between the marks: the nap before lights off does not count.
    let stages = EpochStages::consecutive(&staged("N1x4 Wx8 N2x10 Wx10 N2x2"));
    let marks = InBed::LightsMarks { off_s: 180.0, on_s: 780.0 };
    let statistics = HypnogramStatistics::of(stages, marks);
    assert_eq!(statistics.value(M::TimeInBed), Ok(10.0));
    assert_eq!(statistics.value(M::SleepOnsetLatency), Ok(3.0));
    assert_eq!(statistics.value(M::TotalSleepTime), Ok(5.0));
    assert_eq!(statistics.value(M::WasoToLightsOn), Ok(2.0));
    assert_eq!(statistics.value(M::SleepEfficiency), Ok(50.0));
}

#[test]
fn time_in_bed_of_a_recording_of_a_day_is_unknown() {
    // As in Sleep-EDF: 20 h with 7 h of sleep.
    let stages = staged("Wx960 N2x700 Rx140 Wx600");
    let unknown = NotMeasured::UnknownTimeInBed { recording_min: 1200.0, sleep_period_min: 420.0 };
    let statistics = whole(&stages);
    for measure in
        [M::TimeInBed, M::SleepEfficiency, M::SleepOnsetLatency, M::WasoToLightsOn, M::FinalWake]
    {
        assert_eq!(statistics.value(measure), Err(unknown), "{measure}");
    }
    assert_eq!(statistics.value(M::StageTime(Wake)), Err(unknown));
    assert_eq!(statistics.value(M::TotalSleepTime), Ok(420.0));
    assert_eq!(statistics.value(M::WasoToLastSleep), Ok(0.0));
    let stated = InBed::Stated { start_s: 930.0 * EPOCH_S, end_s: 1810.0 * EPOCH_S };
    let stated = HypnogramStatistics::of(EpochStages::consecutive(&stages), stated);
    assert_eq!(stated.value(M::SleepOnsetLatency), Ok(15.0));
}

#[test]
fn time_in_bed_is_unknown_if_sleep_fills_less_than_half() {
    let statistics = whole(&staged("Wx100 N2x99"));
    assert!(matches!(
        statistics.value(M::SleepEfficiency),
        Err(NotMeasured::UnknownTimeInBed { .. })
    ));
    assert!(whole(&staged("Wx100 N2x100")).value(M::SleepEfficiency).is_ok());
}

#[test]
fn nap_half_a_day_before_the_night_leaves_the_sleep_period_unknown() {
    let statistics = whole(&staged("Wx100 N2x40 Wx1000 N2x800 Wx60"));
    let unknown = NotMeasured::UnknownSleepPeriod { sleep_period_min: 920.0 };
    assert_eq!(statistics.value(M::WasoToLastSleep), Err(unknown));
    assert_eq!(statistics.value(M::Awakenings), Err(unknown));
    assert_eq!(statistics.value(M::TotalSleepTime), Ok(420.0));
}

#[test]
fn night_without_stages_has_no_statistics() {
    for stages in [vec![], vec![None; 4]] {
        for (measure, value) in whole(&stages).values() {
            let is_window = measure == M::TimeInBed && !stages.is_empty();
            let expected = if is_window { Ok(2.0) } else { Err(NotMeasured::NoStages) };
            assert_eq!(value, expected, "{measure}");
        }
    }
}

#[test]
fn night_without_sleep_has_time_in_bed_and_no_latency() {
    let statistics = whole(&staged("Wx60"));
    assert_eq!(statistics.value(M::TotalSleepTime), Ok(0.0));
    assert_eq!(statistics.value(M::SleepEfficiency), Ok(0.0));
    assert_eq!(statistics.value(M::StageTime(Wake)), Ok(30.0));
    for measure in [
        M::SleepPeriodTime,
        M::SleepOnsetLatency,
        M::RemLatency,
        M::StageShare(N2),
        M::Awakenings,
        M::FragmentationIndex,
    ] {
        assert_eq!(statistics.value(measure), Err(NotMeasured::NoSleep), "{measure}");
    }
}

#[test]
fn night_without_rem_has_no_rem_latency() {
    let statistics = whole(&staged("Wx2 N2x20 N3x10 Wx2"));
    assert_eq!(statistics.value(M::RemLatency), Err(NotMeasured::NoRem));
    assert_eq!(statistics.value(M::RemLatencyWithoutWake), Err(NotMeasured::NoRem));
    assert_eq!(statistics.value(M::StageTime(Rem)), Ok(0.0));
}

#[test]
fn night_may_start_and_end_in_sleep() {
    check(
        "Rx2 N2x20",
        &[
            (M::SleepOnsetLatency, 0.0),
            (M::RemLatency, 0.0),
            (M::RemLatencyWithoutWake, 0.0),
            (M::FinalWake, 0.0),
            (M::SleepEfficiency, 100.0),
        ],
    );
}

#[test]
fn night_of_one_epoch() {
    check("N2x1", &[(M::TimeInBed, 0.5), (M::SleepPeriodTime, 0.5), (M::StageShare(N2), 100.0)]);
    assert_eq!(whole(&staged("Wx1")).value(M::SleepEfficiency), Ok(0.0));
}

#[test]
fn empty_window_has_no_statistics() {
    let stages = EpochStages::consecutive(&staged("N2x10"));
    for (start_s, end_s) in [(60.0, 60.0), (60.0, 0.0), (f64::NAN, 60.0), (0.0, f64::INFINITY)] {
        let statistics = HypnogramStatistics::of(stages.clone(), InBed::Stated { start_s, end_s });
        assert_eq!(statistics.value(M::TimeInBed), Err(NotMeasured::NoStages));
    }
}

#[test]
fn probabilities_give_expected_times_and_the_order_of_the_likely_stages() {
    let epochs = [
        [0.8, 0.2, 0.0, 0.0, 0.0],
        [0.1, 0.3, 0.6, 0.0, 0.0],
        [0.0, 0.0, 0.4, 0.0, 0.6],
        [0.9, 0.0, 0.1, 0.0, 0.0],
    ];
    let epochs = epochs.iter().enumerate().map(|(n, p)| (n as f64 * EPOCH_S, Some(*p)));
    let stages = EpochStages::posterior(epochs);
    let statistics = HypnogramStatistics::of(stages, InBed::WholeRecording);
    for (measure, expected) in [
        (M::StageTime(Wake), 0.9),
        (M::StageTime(N1), 0.25),
        (M::StageTime(N2), 0.55),
        (M::StageTime(Rem), 0.3),
        (M::TotalSleepTime, 1.1),
        (M::SleepEfficiency, 55.0),
        (M::WasoToLastSleep, 0.05),
        (M::SleepOnsetLatency, 0.5),
        (M::RemLatency, 0.5),
        (M::LongestRun(Rem), 0.5),
    ] {
        let found = statistics.value(measure).unwrap();
        assert!((found - expected).abs() < 1e-6, "{measure}: {found}, expected {expected}");
    }
}

fn any_night() -> impl Strategy<Value = Vec<Option<Stage>>> {
    let stages = Stage::ALL.map(Some).into_iter().chain([None]).collect::<Vec<_>>();
    proptest::collection::vec((proptest::sample::select(stages), 1..30usize), 0..20).prop_map(
        |runs| runs.into_iter().flat_map(|(stage, n)| std::iter::repeat_n(stage, n)).collect(),
    )
}

proptest! {
    #[test]
    fn times_of_a_night_add_up(stages in any_night()) {
        let epochs = EpochStages::consecutive(&stages);
        let end_s = stages.len() as f64 * EPOCH_S;
        let statistics =
            HypnogramStatistics::of(epochs, InBed::Stated { start_s: 0.0, end_s });
        let value = |measure| statistics.value(measure);
        if let Ok(spt) = value(M::SleepPeriodTime) {
            let parts = value(M::SleepOnsetLatency).unwrap() + spt + value(M::FinalWake).unwrap();
            prop_assert!((value(M::TimeInBed).unwrap() - parts).abs() < 1e-9);
            let parts = value(M::TotalSleepTime).unwrap()
                + value(M::WasoToLastSleep).unwrap()
                + value(M::UnscoredInSleepPeriod).unwrap();
            prop_assert!((spt - parts).abs() < 1e-9);
            let shares: f64 = [N1, N2, N3, Rem].map(|it| value(M::StageShare(it)).unwrap()).iter().sum();
            prop_assert!((shares - 100.0).abs() < 1e-9);
        } else {
            prop_assert!(stages.iter().flatten().all(|stage| !stage.is_sleep()));
        }
    }

    #[test]
    fn certain_probabilities_are_scored_stages(stages in any_night()) {
        let certain = |stage: Stage| {
            let mut posterior = [0.0; 5];
            posterior[stage.index()] = 1.0;
            posterior
        };
        let onset_s = |n| n as f64 * EPOCH_S;
        let soft = EpochStages::posterior(
            stages.iter().enumerate().map(|(n, stage)| (onset_s(n), stage.map(certain))),
        );
        prop_assert_eq!(soft, EpochStages::consecutive(&stages));
    }

    #[test]
    fn statistics_do_not_depend_on_the_time_of_the_start(stages in any_night(), shift in 0..1000u32) {
        let start_s = f64::from(shift) * EPOCH_S;
        let later = stages.iter().enumerate().map(|(n, it)| (start_s + n as f64 * EPOCH_S, *it));
        let later = HypnogramStatistics::of(EpochStages::scored(later), InBed::WholeRecording);
        let values = |statistics: &HypnogramStatistics| statistics.values().collect::<Vec<_>>();
        prop_assert_eq!(values(&later), values(&whole(&stages)));
    }

    #[test]
    fn sleep_times_do_not_depend_on_which_stages_sleep_has(stages in any_night()) {
        // As if all of N3 had been scored as N2.
        let merged: Vec<_> =
            stages.iter().map(|it| it.map(|it| if it == N3 { N2 } else { it })).collect();
        let (one, other) = (whole(&stages), whole(&merged));
        for measure in [M::TotalSleepTime, M::SleepPeriodTime, M::WasoToLastSleep, M::RemLatency,
            M::SleepOnsetLatency, M::PersistentSleepLatency10, M::Awakenings, M::FragmentationIndex]
        {
            prop_assert_eq!(one.value(measure), other.value(measure));
        }
    }
}
