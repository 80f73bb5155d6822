//! What is written is read as it was written; damaged files are read or refused.

use nocturne_edf::test_files::{N_RECORDS, TestFile, seconds};
use nocturne_edf::{
    Annotation, EdfFormat, EdfReader, EdfWriter, Error, NewRecording, NewSignal,
    SIMULATOR_EQUIPMENT, WriteProblem, has_only_annotations,
};
use proptest::prelude::*;

fn signal(label: &str, samples_per_record: usize) -> NewSignal {
    NewSignal {
        label: label.to_owned(),
        unit: "uV".to_owned(),
        physical_range: (-100.0, 100.0),
        samples_per_record,
    }
}

fn recording(signals: Vec<NewSignal>, annotations: Vec<Annotation>) -> NewRecording {
    NewRecording {
        start: jiff::civil::date(2020, 1, 31).at(22, 5, 9, 0),
        equipment: None,
        n_records: 2,
        record_duration_s: 30.0,
        signals,
        annotations,
    }
}

#[test]
fn header_and_samples_are_read_as_written() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.edf");
    let samples = vec![vec![-100.0, 100.0, 0.0, 250.0], vec![-250.0, 50.0]];
    let signals = vec![signal("C3-M2", 2), signal("ECG", 1)];
    recording(signals, Vec::new()).write_to(&path, &samples).unwrap();
    let reader = EdfReader::open(&path).unwrap();
    assert_eq!(reader.header().format, EdfFormat::EdfPlusContinuous);
    assert_eq!(reader.start().unwrap().to_string(), "2020-01-31T22:05:09");
    assert!(reader.warnings().is_empty() && reader.annotations().is_empty());
    let mut digital = vec![Vec::new(); 2];
    let sink = |position: usize, more: &[i32]| digital[position].extend_from_slice(more);
    reader.read_digital(&[0, 1], 0..2, sink).unwrap();
    // Values beyond the range are clipped.
    assert_eq!(digital, [vec![-32768, 32767, 0, 32767], vec![-32768, 16383]]);
    assert!(!has_only_annotations(&path).unwrap());
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 1);
}

#[test]
fn equipment_marks_simulated_recordings() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.edf");
    let is_simulated = |equipment: Option<&str>| {
        let equipment = equipment.map(str::to_owned);
        let new = NewRecording { equipment, ..recording(vec![signal("ECG", 1)], Vec::new()) };
        new.write_to(&path, &[vec![0.0; 2]]).unwrap();
        EdfReader::open(&path).unwrap().header().is_simulated
    };
    assert!(!is_simulated(None));
    assert!(!is_simulated(Some("Telemetry03")));
    assert!(is_simulated(Some(SIMULATOR_EQUIPMENT)));
}

#[test]
fn file_has_its_name_only_when_it_is_complete() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.edf");
    let mut writer = EdfWriter::create(&path, recording(Vec::new(), Vec::new())).unwrap();
    writer.write_samples(&[]).unwrap();
    assert!(!path.exists());
    writer.commit().unwrap();
    assert!(has_only_annotations(&path).unwrap());
}

#[test]
fn recordings_that_do_not_fit_the_format_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.edf");
    let problem = |signal: NewSignal, n_samples: usize| {
        let result = recording(vec![signal], Vec::new()).write_to(&path, &[vec![0.0; n_samples]]);
        let Err(Error::Unwritable { problem, .. }) = result else { panic!("{result:?}") };
        problem
    };
    let field = |text: &str, width| WriteProblem::HeaderField { text: text.to_owned(), width };
    let long = "a label of 17 byt";
    assert_eq!(problem(signal(long, 1), 2), field(long, 16));
    assert_eq!(problem(signal("µ", 1), 2), field("µ", 16));
    let precise = NewSignal { physical_range: (-1.0 / 3.0, 1.0), ..signal("A", 1) };
    assert_eq!(problem(precise, 2), field("-0.3333333333333333", 8));
    let expected = WriteProblem::SampleCount { label: "A".to_owned(), found: 3, expected: 2 };
    assert_eq!(problem(signal("A", 1), 3), expected);
    assert_eq!(expected.to_string(), "signal `A` has 3 samples; expected 2");
}

fn text() -> impl Strategy<Value = String> {
    "[a-zA-Z#\"'&<>;|=.,é🛌@-]([ -~é]{0,12}[a-z\"#;.>])?"
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn annotations_are_read_as_written(
        // Onsets to seven decimals, within the recording: later ones are stored with the last data record.
        mut annotations in proptest::collection::vec(
            (0..600_000_000_u32, proptest::option::of(0.0..1e4_f64), text()), 0..12,
        ),
    ) {
        // The writer keeps the order within a data record.
        annotations.sort_by_key(|(onset, ..)| *onset);
        let annotations: Vec<Annotation> = annotations
            .into_iter()
            .map(|(onset, duration_s, text)| Annotation::new(f64::from(onset) / 1e7, duration_s, text))
            .collect();
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.edf");
        recording(Vec::new(), annotations.clone()).write_to(&path, &[]).unwrap();
        let reader = EdfReader::open(&path).unwrap();
        prop_assert_eq!(reader.annotations(), annotations);
    }

    #[test]
    fn damaged_files_are_read_or_refused(
        base in 0..4,
        damages in proptest::collection::vec((0..900_usize, any::<u8>()), 1..8),
        length in proptest::option::of(0..9000_usize),
    ) {
        let onsets_s = seconds(N_RECORDS);
        let base = match base {
            0 => TestFile::edf(),
            1 => TestFile::bdf(),
            2 => TestFile::edf_plus("EDF+C", &onsets_s),
            _ => TestFile::edf_plus("EDF+D", &onsets_s),
        };
        let mut bytes = base.bytes();
        for (offset, byte) in damages {
            // The header, and the first data records.
            let offset = offset.min(bytes.len() - 1);
            bytes[offset] = byte;
        }
        bytes.truncate(length.unwrap_or(usize::MAX));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.edf");
        std::fs::write(&path, bytes).unwrap();
        match EdfReader::open(&path) {
            Ok(reader) => {
                let header = reader.header();
                for idx in 0..header.signals.len() {
                    let mut n = 0;
                    reader.read_digital(&[idx], 0..header.n_records, |_, more| n += more.len()).unwrap();
                    let expected = header.signals[idx].samples_per_record as u64 * header.n_records;
                    prop_assert_eq!(n as u64, expected);
                }
                for warning in reader.warnings() {
                    prop_assert!(!warning.to_string().contains(char::is_control));
                }
            }
            Err(error) => prop_assert!(!error.to_string().contains(char::is_control), "{}", error),
        }
    }
}
