//! Reports list the source of each channel, unused signals and unknown labels.

use super::{header_of, header_with};
use crate::montage::ResolvedMontage;
use crate::warning::{Warning, WarningCode};

#[test]
fn reports_describe_the_source_of_a_channel() {
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
fn the_profile_gives_the_unit_if_the_header_has_none() {
    let header = header_of(&[("EEG(sec)", "", 125), ("EEG", "mV", 125)]);
    let montage = ResolvedMontage::resolve(&header);
    assert_eq!(montage.unit(&header, 0), "uV");
    assert_eq!(montage.unit(&header, 1), "mV");
}

#[test]
fn unused_signals_have_a_reason() {
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
            ("A1", Some("reference"), "no channel uses this reference"),
            ("SpO2", Some("spo2"), "the montage has no such channel"),
            ("Chin", Some("EMG_CHIN"), "the rate is 10 Hz; EMG_CHIN requires 50 Hz"),
            ("Banana", None, "the label is unknown"),
        ]
    );
}

#[test]
fn unknown_labels_list_similar_known_ones() {
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
fn assumed_channels_and_units_other_than_voltage_give_warnings() {
    let header = header_of(&[("C3", "uV", 100), ("EMG chin", "mm", 100)]);
    let warnings = ResolvedMontage::resolve(&header).warnings(&header);
    assert_eq!(
        warnings[1..],
        [
            Warning::new(
                WarningCode::AssumedChannel,
                "`C3` is used for EEG_C3_A2, although its label does not say that it is that channel",
            ),
            Warning::new(
                WarningCode::Unit,
                "`EMG chin`, which feeds EMG_CHIN, has the unit `mm`, which is not a voltage; read as microvolts",
            ),
        ]
    );
}
