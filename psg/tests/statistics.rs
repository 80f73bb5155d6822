//! Statistics of three real nights, compared with those that YASA and Luna compute.
//!
//! The nights are not part of the project; without them the test is skipped.

use std::collections::BTreeMap;

use nocturne_psg::Stage;
use nocturne_psg::statistics::HypnogramMeasure as M;
use nocturne_psg::statistics::{EpochStages, HypnogramStatistics, InBed};
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    nights: Vec<GoldenNight>,
}

#[derive(Deserialize)]
struct GoldenNight {
    name: String,
    run_length: String,
    expected: Expected,
    #[serde(rename = "yasa_Hypnogram.sleep_statistics")]
    yasa: BTreeMap<String, f64>,
    #[serde(rename = "luna_HYPNO")]
    luna: Luna,
}

#[derive(Deserialize)]
struct Luna {
    baseline: BTreeMap<String, serde_json::Value>,
    stage: BTreeMap<String, BTreeMap<String, Option<f64>>>,
}

#[derive(Deserialize)]
struct Expected {
    stage_min: BTreeMap<Stage, f64>,
    stage_percent_of_tst: BTreeMap<Stage, f64>,
    #[serde(flatten)]
    values: BTreeMap<String, f64>,
}

/// The names of measures in the reference values.
const EXPECTED: [(M, &str); 16] = [
    (M::TimeInBed, "tib_min"),
    (M::TotalSleepTime, "tst_min"),
    (M::SleepPeriodTime, "spt_min"),
    (M::SleepOnsetLatency, "sol_min"),
    (M::PersistentSleepLatency5, "sol_persistent_5_min"),
    (M::PersistentSleepLatency10, "sol_persistent_10_min"),
    (M::WasoToLastSleep, "waso_to_last_sleep_min"),
    (M::WasoToLightsOn, "waso_to_lights_on_min"),
    (M::FinalWake, "final_wake_min"),
    (M::UnscoredInSleepPeriod, "unscored_in_spt_min"),
    (M::SleepEfficiency, "se_percent"),
    (M::SleepMaintenanceEfficiency, "sme_percent"),
    (M::RemLatency, "rem_latency_from_onset_min"),
    (M::RemLatencyWithoutWake, "rem_latency_from_onset_nrem_only_min"),
    (M::Awakenings, "awakenings"),
    (M::FragmentationIndex, "sleep_to_wake_per_hour"),
];

/// Those that YASA computes by the same definition.
const YASA: [(M, &str); 9] = [
    (M::TimeInBed, "TIB"),
    (M::TotalSleepTime, "TST"),
    (M::SleepPeriodTime, "SPT"),
    (M::WasoToLastSleep, "WASO"),
    (M::SleepEfficiency, "SE"),
    (M::SleepMaintenanceEfficiency, "SME"),
    (M::SleepOnsetLatency, "SOL"),
    (M::PersistentSleepLatency5, "SOL_5min"),
    (M::FragmentationIndex, "SFI"),
];

/// Those that Luna computes by the same definition, with the factor from its unit to ours.
const LUNA: [(M, &str, f64); 11] = [
    (M::TimeInBed, "TIB", 1.0),
    (M::TotalSleepTime, "TST", 1.0),
    (M::SleepPeriodTime, "SPT", 1.0),
    (M::WasoToLastSleep, "WASO", 1.0),
    (M::FinalWake, "FWT", 1.0),
    (M::SleepEfficiency, "SE", 1.0),
    (M::SleepMaintenanceEfficiency, "SME", 1.0),
    (M::SleepOnsetLatency, "SOL", 1.0),
    (M::PersistentSleepLatency10, "SOL_PER", 1.0),
    (M::RemLatency, "REM_LAT", 1.0),
    (M::FragmentationIndex, "SFI", 60.0),
];

fn staged(run_lengths: &str) -> Vec<Option<Stage>> {
    let run = |run: &str| {
        let (stage, n) = run.split_once('x').expect("a run is a stage and a length");
        std::iter::repeat_n(stage.parse().ok(), n.parse().expect("a length is a number"))
    };
    run_lengths.split_whitespace().flat_map(run).collect()
}

#[test]
fn statistics_agree_with_yasa_and_luna() {
    let path = nocturne_testing::require!(nocturne_testing::case("statistics_golden.json"));
    let golden: Golden = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
    assert_eq!(golden.nights.len(), 3);
    for GoldenNight { name, run_length, expected, yasa, luna } in golden.nights {
        let stages = EpochStages::consecutive(&staged(&run_length));
        let statistics = HypnogramStatistics::of(stages, InBed::WholeRecording);
        let check = |measure: M, expected: f64, source: &str| {
            let found = statistics.value(measure).unwrap();
            assert!(
                (found - expected).abs() < 1e-3,
                "{name}: {measure} is {found}, {source} has {expected}"
            );
        };
        for (measure, key) in EXPECTED {
            check(measure, expected.values[key], "the reference");
        }
        check(M::StageShiftIndex, expected.values["stage_shift_index_per_hour_tst"], "reference");
        for (stage, minutes) in &expected.stage_min {
            check(M::StageTime(*stage), *minutes, "the reference");
            let longest = luna.stage[stage.code()]["BOUT_MX"].unwrap();
            check(M::LongestRun(*stage), longest, "Luna");
        }
        for (stage, percent) in &expected.stage_percent_of_tst {
            check(M::StageShare(*stage), *percent, "the reference");
        }
        for (measure, key) in YASA {
            check(measure, yasa[key], "YASA");
        }
        for (measure, key, factor) in LUNA {
            check(measure, luna.baseline[key].as_f64().unwrap() * factor, "Luna");
        }
    }
}
