//! Copies contain nothing that may identify a person, and everything else.

#![expect(clippy::unwrap_used, reason = "a helper of tests fails as they do")]

use std::path::{Path, PathBuf};

use jiff::civil::date;
use nocturne_edf::{
    Annotation, DeidentifyOptions, EdfReader, Error, IdentifyingContent, NewRecording, NewSignal,
    WriteProblem, deidentify, identifying_content,
};

/// Returns whether a text is one of the terms that stay.
fn is_known(text: &str) -> bool {
    matches!(text, "Sleep stage N2" | "Arousal")
}

/// Writes a recording whose header, annotations and surplus bytes name people.
fn identifying_recording(folder: &Path) -> PathBuf {
    let path = folder.join("night.edf");
    let signal = NewSignal {
        label: "C3-M2".to_owned(),
        unit: "uV".to_owned(),
        physical_range: (-100.0, 100.0),
        samples_per_record: 10,
    };
    let recording = NewRecording {
        start: date(2021, 3, 4).at(22, 15, 0, 0),
        equipment: None,
        n_records: 2,
        record_duration_s: 30.0,
        signals: vec![signal],
        annotations: vec![
            Annotation::new(0.0, Some(30.0), "Sleep stage N2"),
            Annotation::new(3.0, None, "Mrs Miller asks for water"),
            Annotation::new(4.0, Some(8.0), "Arousal"),
        ],
    };
    recording.write_to(&path, &[(0..20).map(|i| i as f32).collect()]).unwrap();
    let mut bytes = std::fs::read(&path).unwrap();
    let mut fill = |field: std::ops::Range<usize>, text: &str| {
        bytes[field.clone()].fill(b' ');
        bytes[field][..text.len()].copy_from_slice(text.as_bytes());
    };
    fill(8..88, "MCH-0234567 F 02-MAY-1951 Miller");
    fill(88..168, "Startdate 04-MAR-2021 PSG-1234 Smith Telemetry03");
    bytes.extend_from_slice(b"Miller");
    std::fs::write(&path, bytes).unwrap();
    path
}

fn samples(reader: &EdfReader) -> Vec<i32> {
    let mut samples = Vec::new();
    reader.read_digital(&[0], 0..2, |_, more| samples.extend_from_slice(more)).unwrap();
    samples
}

#[test]
fn copy_names_nobody_and_has_all_samples_and_known_annotations() {
    let folder = tempfile::tempdir().unwrap();
    let (path, copy) = (identifying_recording(folder.path()), folder.path().join("clean.edf"));
    let found = deidentify(&path, &copy, DeidentifyOptions::default(), is_known).unwrap();
    let expected = IdentifyingContent {
        patient: true,
        recording: true,
        start_date: true,
        unknown_texts: 1,
        surplus_bytes: 6,
    };
    assert_eq!(found, expected);
    let left = identifying_content(&copy, is_known).unwrap();
    assert!(left.is_empty(), "{left:?}");
    let bytes = std::fs::read(&copy).unwrap();
    for word in ["Miller", "Smith", "1951", "water", "2021"] {
        assert!(!bytes.windows(word.len()).any(|part| part == word.as_bytes()), "{word}");
    }
    let (before, after) = (EdfReader::open(&path).unwrap(), EdfReader::open(&copy).unwrap());
    let texts: Vec<&str> = after.annotations().iter().map(|a| a.text.as_str()).collect();
    assert_eq!(texts, ["Sleep stage N2", "X", "Arousal"]);
    let times = |reader: &EdfReader| {
        reader.annotations().iter().map(|a| (a.onset_s, a.duration_s)).collect::<Vec<_>>()
    };
    assert_eq!(times(&before), times(&after));
    assert_eq!(samples(&before), samples(&after));
    assert_eq!(after.header().start_time, before.header().start_time);
    assert!(after.warnings().is_empty(), "{:?}", after.warnings());
}

#[test]
fn date_and_texts_are_copied_on_request() {
    let folder = tempfile::tempdir().unwrap();
    let (path, copy) = (identifying_recording(folder.path()), folder.path().join("clean.edf"));
    let options =
        DeidentifyOptions { keep_date: true, keep_texts: true, ..DeidentifyOptions::default() };
    deidentify(&path, &copy, options, is_known).unwrap();
    let after = EdfReader::open(&copy).unwrap();
    assert_eq!(after.start(), EdfReader::open(&path).unwrap().start());
    assert_eq!(after.annotations()[1].text, "Mrs Miller asks for water");
    let found = identifying_content(&copy, is_known).unwrap();
    assert_eq!((found.patient, found.recording, found.start_date), (false, false, true));
}

#[test]
fn copy_of_a_simulated_recording_is_marked_as_simulated() {
    let folder = tempfile::tempdir().unwrap();
    let (path, copy) = (identifying_recording(folder.path()), folder.path().join("clean.edf"));
    let mut bytes = std::fs::read(&path).unwrap();
    let recording = format!("{:<80}", "Startdate 04-MAR-2021 PSG-1 Smith Nocturne_simulator_0.1.0");
    bytes[88..168].copy_from_slice(recording.as_bytes());
    std::fs::write(&path, bytes).unwrap();
    assert!(EdfReader::open(&path).unwrap().header().is_simulated);
    let found = deidentify(&path, &copy, DeidentifyOptions::default(), is_known).unwrap();
    assert!(found.recording);
    assert!(EdfReader::open(&copy).unwrap().header().is_simulated);
    let left = identifying_content(&copy, is_known).unwrap();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn files_are_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let path = identifying_recording(folder.path());
    let result = deidentify(&path, &path, DeidentifyOptions::default(), is_known);
    assert!(matches!(result, Err(Error::Unwritable { problem: WriteProblem::AlreadyExists, .. })));
}

#[test]
fn copy_that_cannot_be_written_is_reported() {
    let folder = tempfile::tempdir().unwrap();
    let path = identifying_recording(folder.path());
    let copy = folder.path().join("clean.edf");
    // A folder is where the copy is written to.
    std::fs::create_dir(folder.path().join("clean.edf.tmp")).unwrap();
    let result = deidentify(&path, &copy, DeidentifyOptions::default(), is_known);
    assert!(matches!(result, Err(Error::Io { action: "create", .. })), "{result:?}");
    assert!(!copy.exists());
}
