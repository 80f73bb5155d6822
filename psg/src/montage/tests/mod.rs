//! Tests of the profiles, each with a header made of its own labels.

mod cohorts;
mod detection;
mod profiles;
mod reports;

use jiff::civil::DateTime;
use nocturne_edf::{EdfHeader, EdfReader, NewRecording, NewSignal};

use super::ResolvedMontage;

/// A signal of a made header: label, unit and rate in hertz.
pub(super) type Made<'a> = (&'a str, &'a str, usize);

/// Writes a recording of one second and returns its header.
pub(super) fn header_of(signals: &[Made<'_>]) -> EdfHeader {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("made.edf");
    let new = |(label, unit, rate_hz): &Made<'_>| NewSignal {
        label: (*label).to_owned(),
        unit: (*unit).to_owned(),
        physical_range: (-100.0, 100.0),
        samples_per_record: *rate_hz,
    };
    let new: Vec<NewSignal> = signals.iter().map(new).collect();
    let samples: Vec<Vec<f32>> =
        new.iter().map(|signal| vec![0.0; signal.samples_per_record]).collect();
    let recording = NewRecording {
        start: DateTime::constant(2001, 1, 1, 22, 0, 0, 0),
        equipment: None,
        n_records: 1,
        record_duration_s: 1.0,
        signals: new,
        annotations: Vec::new(),
    };
    recording.write_to(&path, &samples).unwrap();
    EdfReader::open(&path).unwrap().header().clone()
}

/// Returns the header of signals at 100 Hz.
pub(crate) fn header_with_units(signals: &[(&str, &str)]) -> EdfHeader {
    let made: Vec<Made<'_>> = signals.iter().map(|(label, unit)| (*label, *unit, 100)).collect();
    header_of(&made)
}

/// Returns the header of signals at 100 Hz without a unit.
pub(super) fn header_with(labels: &[&str]) -> EdfHeader {
    let signals: Vec<(&str, &str)> = labels.iter().map(|label| (*label, "")).collect();
    header_with_units(&signals)
}

/// Returns the derivation of each channel that is fed.
pub(super) fn derivations(
    montage: &ResolvedMontage,
    header: &EdfHeader,
) -> Vec<(&'static str, String)> {
    let lines = montage.report(header).into_iter();
    lines.filter_map(|line| Some((line.channel, line.derivation?))).collect()
}

/// Checks what labels resolve to without anyone's help; `expected` holds each channel that is fed and how.
pub(super) fn check(profile: &str, labels: &str, expected: &str) {
    let labels: Vec<&str> = labels.split(", ").collect();
    let header = header_with(&labels);
    let montage = ResolvedMontage::resolve(&header);
    assert_eq!(montage.profile().name, profile, "{}", montage.reason());
    let found: Vec<String> = derivations(&montage, &header)
        .into_iter()
        .map(|(channel, derivation)| format!("{channel}: {derivation}"))
        .collect();
    assert_eq!(found.join(", "), expected, "{profile}");
}
