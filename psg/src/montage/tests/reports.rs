//! The report tells what feeds each channel, what feeds none, and what is not known.

use super::{header_of, header_with};
use crate::montage::ResolvedMontage;
use crate::warning::{Warning, WarningCode};

#[test]
fn lines_tell_how_a_channel_is_fed() {
    let header = header_of(&[("ROC-LOC", "uV", 128), ("TERMISTORE", "", 64), ("C4-A1", "uV", 512)]);
    let montage = ResolvedMontage::resolve(&header);
    let lines = serde_json::to_value(montage.report(&header)).unwrap();
    assert_eq!(
        lines[4],
        serde_json::json!({
            "channel": "EOG_L",
            "source": "ROC-LOC",
            "derivation": "-(ROC-LOC)",
            "meaning": "right eye against the left",
            "unit": "uV",
            "sample_rate_hz": 128.0,
            "polarity": "inverted",
            "confidence": "substitute",
            "provenance": montage.profile().source,
        })
    );
    assert_eq!(lines[5]["source"], serde_json::Value::Null);
}

#[test]
fn the_unit_of_the_profile_stands_in_for_an_empty_one() {
    let header = header_of(&[("EEG(sec)", "", 125), ("EEG", "mV", 125)]);
    let montage = ResolvedMontage::resolve(&header);
    assert_eq!(montage.unit(&header, 0), "uV");
    assert_eq!(montage.unit(&header, 1), "mV");
}

#[test]
fn unused_signals_say_why() {
    let header = header_of(&[
        ("C3", "uV", 100),
        ("C3-A2", "uV", 100),
        ("A1", "uV", 100),
        ("SpO2", "%", 1),
        ("Chin", "uV", 10),
        ("Banana", "", 10),
    ]);
    let unused = ResolvedMontage::resolve(&header).unused(&header);
    let unused: Vec<(&str, Option<&str>, &str)> = unused
        .iter()
        .map(|it| (it.label.as_str(), it.meaning.as_deref(), it.why.as_str()))
        .collect();
    assert_eq!(
        unused,
        [
            ("C3", Some("EEG_C3_A2"), "another signal feeds EEG_C3_A2"),
            ("A1", Some("reference"), "nothing is referred to it"),
            ("SpO2", Some("spo2"), "it is no channel of the montage"),
            ("Chin", Some("EMG_CHIN"), "too slow for EMG_CHIN: 10 Hz, and 50 Hz are needed"),
            ("Banana", None, "its label is not known"),
        ]
    );
}

#[test]
fn unknown_labels_come_with_the_nearest_known_ones() {
    let header = header_with(&["C3-M2", "Airfow", "Banana", "Airfow"]);
    let unknown = ResolvedMontage::resolve(&header).unknown_labels(&header);
    assert_eq!(
        serde_json::to_value(unknown).unwrap(),
        serde_json::json!([
            { "label": "Airfow", "nearest": ["Airflow"] },
            { "label": "Banana", "nearest": [] },
        ])
    );
}

#[test]
fn assumptions_and_units_that_are_no_voltage_are_told() {
    let header = header_of(&[("C3", "uV", 100), ("EMG chin", "mm", 100)]);
    let warnings = ResolvedMontage::resolve(&header).warnings(&header);
    assert_eq!(
        warnings[1..],
        [
            Warning::new(
                WarningCode::AssumedChannel,
                "`C3` is taken for EEG_C3_A2; its label leaves that open",
            ),
            Warning::new(
                WarningCode::Unit,
                "`EMG chin`, which feeds EMG_CHIN, is in `mm`, which is no voltage; read as microvolts",
            ),
        ]
    );
}
