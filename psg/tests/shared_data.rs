//! Real recordings, compared with what an independent reader (edfio) sees in them.
//!
//! The recordings are not part of the project; without them the tests are skipped.

use std::collections::BTreeMap;
use std::path::PathBuf;

use nocturne_psg::montage::Channel;
use nocturne_psg::{Inspection, Night, Recording, Stage, ZScore};
use serde::Deserialize;

#[derive(Deserialize)]
struct Expected {
    n_records: u64,
    record_s: f64,
    duration_s: f64,
    n_annotations: usize,
    first_annotations: Vec<(f64, Option<f64>, String)>,
    signals: Vec<ExpectedSignal>,
}

#[derive(Deserialize)]
struct ExpectedSignal {
    rate_hz: f64,
    n: u64,
    physical: (f64, f64),
    digital: (i32, i32),
    digital_first8: Vec<i32>,
    digital_sum: i64,
}

fn shared_data() -> Option<PathBuf> {
    nocturne_testing::available!(nocturne_testing::shared_data())
}

#[test]
fn every_file_is_read_as_the_independent_reader_reads_it() {
    let Some(folder) = shared_data() else { return };
    let text = std::fs::read_to_string(folder.join("expected.json")).unwrap();
    let expected: BTreeMap<String, Expected> = serde_json::from_str(&text).unwrap();
    assert!(!expected.is_empty());
    for (name, expected) in expected {
        // Without the scorings beside the files.
        let options = nocturne_psg::OpenOptions {
            annotations: Some(Vec::new()),
            ..nocturne_psg::OpenOptions::default()
        };
        let found = Inspection::open_with(&folder.join(&name), &options)
            .unwrap_or_else(|error| panic!("{error}"));
        assert_eq!(found.n_records, expected.n_records, "{name}");
        assert_eq!(found.record_duration_s, expected.record_s, "{name}");
        let duration_s: f64 = found.segments_s.iter().map(|(_, duration_s)| duration_s).sum();
        assert!((duration_s - expected.duration_s).abs() < 1e-6, "{name}: {duration_s} s");
        assert_eq!(found.n_annotations, expected.n_annotations, "{name}");
        for (found, expected) in found.annotations.iter().zip(&expected.first_annotations) {
            assert!((found.0 - expected.0).abs() < 1e-6, "{name}: onset {} s", found.0);
            assert_eq!((found.1, &found.2), (expected.1, &expected.2), "{name}");
        }
        assert_eq!(found.signals.len(), expected.signals.len(), "{name}");
        for (found, expected) in found.signals.iter().zip(expected.signals) {
            let label = &found.label;
            assert!((found.sample_rate_hz - expected.rate_hz).abs() < 1e-9, "{name}, {label}");
            assert_eq!(found.n_samples, expected.n, "{name}, {label}");
            assert_eq!(
                (found.physical_min, found.physical_max),
                expected.physical,
                "{name}, {label}"
            );
            assert_eq!((found.digital_min, found.digital_max), expected.digital, "{name}, {label}");
            assert_eq!(found.digital_first8, expected.digital_first8, "{name}, {label}");
            assert_eq!(found.digital_sum, expected.digital_sum, "{name}, {label}");
        }
    }
}

#[test]
fn gaps_of_a_real_night_stay_on_its_time_line() {
    let Some(folder) = shared_data() else { return };
    let recording = Recording::open(&folder.join("ucddb-cohort/ucddb002_eeg_partial.edf")).unwrap();
    let night = Night::read(&recording, ZScore::Recording).unwrap();
    assert_eq!(night.epochs().len(), 208);
    assert!(recording.file().runs().len() > 1);
    for epoch in night.epochs() {
        assert_eq!(epoch.onset_s, 30.0 * f64::from(epoch.number.0));
        assert!(matches!(epoch.stage, Some(Stage::Wake | Stage::N3)), "{epoch:?}");
    }
}

#[test]
fn each_device_feeds_its_channels() {
    let Some(folder) = shared_data() else { return };
    let check = |name: &str, profile: &str, expected: &[(Channel, &str)]| {
        let recording = Recording::open(&folder.join(name)).unwrap();
        let montage = recording.montage();
        assert_eq!(montage.profile().name, profile, "{name}");
        let report = montage.report(recording.file().header());
        let fed: Vec<(&str, &str)> = report
            .iter()
            .filter_map(|line| Some((line.channel, line.derivation.as_deref()?)))
            .collect();
        let expected: Vec<(&str, &str)> =
            expected.iter().map(|(channel, label)| (channel.name(), *label)).collect();
        assert_eq!(fed, expected, "{name}");
        Night::read(&recording, ZScore::Recording).unwrap();
    };
    check("ucddb018/ucddb018_eeg.edf", "general", &[(Channel::EegC3A2, "EEG")]);
    check(
        "sleep-edf-excerpt/short_psg.edf",
        "sleep-edf",
        &[
            (Channel::Airflow, "Resp oro-nasal"),
            (Channel::EogLeft, "EOG horizontal"),
            (Channel::EegC3A2, "EEG Fpz-Cz"),
        ],
    );
    check(
        "nox-excerpt/subject1.edf",
        "nox",
        &[
            (Channel::Ecg, "ECG"),
            (Channel::Abdomen, "Abdomen"),
            (Channel::Thorax, "Chest"),
            (Channel::Airflow, "Airflow"),
            (Channel::EogLeft, "E1-M2"),
            (Channel::EogRight, "E2-M1"),
            (Channel::EegC3A2, "C3-M2"),
            (Channel::EegC4A1, "C4-M1"),
            (Channel::EmgChin, "1-2"),
        ],
    );
}

#[test]
fn files_without_an_epoch_are_refused_by_name() {
    let Some(folder) = shared_data() else { return };
    let path = folder.join("edf-conformance/zero-data-records.edf");
    let error = Night::read(&Recording::open(&path).unwrap(), ZScore::Recording).unwrap_err();
    let expected = "has no complete 30-second epoch; the longest part without a gap lasts 0 s";
    assert_eq!(error.to_string(), format!("`{}` {expected}", path.display()));
}
