//! Real recordings, compared with what an independent reader (edfio) finds in them.

#![expect(clippy::unwrap_used, reason = "a helper of tests fails as they do")]

use std::collections::BTreeMap;

use nocturne_edf::EdfReader;
use nocturne_testing::require;
use serde::Deserialize;

/// What edfio finds in a file.
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
    label: String,
    unit: String,
    rate_hz: f64,
    n: u64,
    physical: (f64, f64),
    digital: (i32, i32),
    digital_first8: Vec<i32>,
    digital_sum: i64,
}

#[test]
fn every_file_is_read_as_by_an_independent_reader() {
    let folder = require!(nocturne_testing::shared_data());
    let text = std::fs::read_to_string(folder.join("expected.json")).unwrap();
    let expected: BTreeMap<String, Expected> = serde_json::from_str(&text).unwrap();
    assert!(!expected.is_empty());
    for (name, expected) in expected {
        let reader = EdfReader::open(&folder.join(&name)).unwrap_or_else(|error| panic!("{error}"));
        check(&name, &reader, &expected);
    }
}

fn check(name: &str, reader: &EdfReader, expected: &Expected) {
    let header = reader.header();
    assert_eq!(header.n_records, expected.n_records, "{name}");
    assert_eq!(header.record_duration_s, expected.record_s, "{name}");
    let duration_s: f64 = reader.runs().iter().map(|run| run.duration_s).sum();
    assert!((duration_s - expected.duration_s).abs() < 1e-6, "{name}: {duration_s} s");
    assert_eq!(reader.annotations().len(), expected.n_annotations, "{name}");
    for (found, expected) in reader.annotations().iter().zip(&expected.first_annotations) {
        assert!((found.onset_s - expected.0).abs() < 1e-6, "{name}: onset {} s", found.onset_s);
        assert_eq!((found.duration_s, &found.text), (expected.1, &expected.2), "{name}");
    }
    let signals: Vec<usize> =
        (0..header.signals.len()).filter(|i| !header.signals[*i].is_annotations).collect();
    assert_eq!(signals.len(), expected.signals.len(), "{name}");
    for (idx, expected) in signals.into_iter().zip(&expected.signals) {
        let signal = &header.signals[idx];
        let what = format!("{name}, {}", signal.label);
        // edfio replaces what is not ASCII.
        if signal.label.is_ascii() && signal.unit.is_ascii() {
            assert_eq!((&signal.label, &signal.unit), (&expected.label, &expected.unit), "{what}");
        }
        assert!((header.rate_hz(signal) - expected.rate_hz).abs() < 1e-9, "{what}");
        assert_eq!((signal.physical_min, signal.physical_max), expected.physical, "{what}");
        assert_eq!((signal.digital_min, signal.digital_max), expected.digital, "{what}");
        let (mut n, mut sum, mut first8) = (0, 0, Vec::<i32>::new());
        let sink = |_, samples: &[i32]| {
            n += samples.len() as u64;
            sum += samples.iter().map(|sample| i64::from(*sample)).sum::<i64>();
            first8.extend(samples.iter().take(8 - first8.len()));
        };
        reader.read_digital(&[idx], 0..header.n_records, sink).unwrap();
        assert_eq!((n, sum), (expected.n, expected.digital_sum), "{what}");
        assert_eq!(first8, expected.digital_first8, "{what}");
    }
}
