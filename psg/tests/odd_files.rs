//! Odd and broken files: what the EDF reader refuses is refused by everything, and nothing panics.

#![expect(clippy::unwrap_used, reason = "a helper of tests fails as they do")]

use std::fs::OpenOptions;
use std::path::Path;
use std::time::{Duration, Instant};

use nocturne_edf::EdfReader;
use nocturne_edf::test_files::{N_RECORDS, TestFile, TestSignal, padded, samples, seconds};
use nocturne_psg::{Error, Inspection, Night, Recording, Warning, WarningCode, ZScore};

/// Longest time that reading a file may take in every way, in a build without all optimisations.
const MAX_DURATION: Duration = Duration::from_secs(5);

/// Reads a file in every way and compares the results.
fn check_at(path: &Path, what: &str) {
    let start = Instant::now();
    let opened = EdfReader::open(path);
    let inspected = Inspection::open(path);
    let night = Recording::open(path).and_then(|open| Night::read(&open, ZScore::Recording));
    match (opened, inspected) {
        (Ok(reader), Ok(inspection)) => {
            let codes: Vec<WarningCode> =
                reader.warnings().iter().map(|warning| Warning::from(warning).code).collect();
            let found = &inspection.warnings[..codes.len()];
            assert!(found.iter().map(|warning| warning.code).eq(codes), "{what}: {found:?}");
        }
        (Err(error), Err(Error::Edf(inspected))) => {
            assert_eq!(inspected.to_string(), error.to_string(), "{what}");
            assert_eq!(night.unwrap_err().to_string(), error.to_string(), "{what}");
        }
        (opened, inspected) => panic!("{what}: {opened:?}, {inspected:?}"),
    }
    assert!(start.elapsed() < MAX_DURATION, "{what}: it took {:?}", start.elapsed());
}

fn check(name: &str, file: &TestFile) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    file.write(&path);
    check_at(&path, &format!("{file:.300?}"));
}

fn check_all(base: impl Fn() -> TestFile, changes: &[&dyn Fn(&mut TestFile)]) {
    changes.iter().for_each(|change| check("a.edf", &base().with(change)));
}

#[test]
fn files_of_every_format_are_read() {
    let onsets_s = seconds(N_RECORDS);
    check("a.edf", &TestFile::edf());
    check("a.bdf", &TestFile::bdf());
    check("a.edf", &TestFile::bdf());
    check("a.edf", &TestFile::edf_plus("EDF+C", &onsets_s));
    check("a.edf", &TestFile::edf_plus("EDF+D", &onsets_s));
    check("a.bdf", &TestFile::bdf_plus("BDF+C", &onsets_s));
    check("a.bdf", &TestFile::bdf_plus("BDF+D", &onsets_s));
}

#[test]
fn odd_headers_are_read_or_refused() {
    let texts = ["-1", "0", "", "nan", "inf", "1e300", "1e-300", "9999", "1e6", "x", "4e1", "0.5"];
    for text in texts {
        let owned = || text.to_owned();
        check_all(
            TestFile::edf,
            &[
                &|file| file.n_records = Some(owned()),
                &|file| file.n_signals = Some(text[..text.len().min(4)].to_owned()),
                &|file| file.header_bytes = Some(owned()),
                &|file| file.duration = owned(),
                &|file| file.date = owned(),
                &|file| file.time = owned(),
                &|file| file.signals[0].samples = owned(),
                &|file| file.signals[0].physical.0 = owned(),
                &|file| file.signals[0].physical.1 = owned(),
                &|file| file.signals[0].digital.0 = owned(),
                &|file| file.signals[0].digital.1 = owned(),
            ],
        );
    }
    check_all(
        TestFile::edf,
        &[
            &|file| file.surplus = vec![7; 100],
            &|file| file.records.clear(),
            &|file| file.signals[0].samples = "99999999".to_owned(),
            &|file| file.signals[0].unit = b"\xb5V".to_vec(),
            &|file| file.signals[0].label = b"Atmung\xfc".to_vec(),
            &|file| file.signals[0].physical = ("500".to_owned(), "-500".to_owned()),
            &|file| file.signals[0].physical = ("5".to_owned(), "5".to_owned()),
            &|file| file.signals[0].physical = ("-1e308".to_owned(), "1e308".to_owned()),
            &|file| file.signals[0].physical.1 = "500,0".to_owned(),
            &|file| file.reserved = "EDF+D".to_owned(),
            &|file| {
                let hollow = TestSignal { samples: "0".to_owned(), ..TestSignal::new("C4-M1") };
                file.signals.push(hollow);
            },
            &|file| {
                file.signals = vec![TestSignal::new("C3-M2"); 4];
                file.records = vec![samples(2).repeat(4); 40];
            },
        ],
    );
}

#[test]
fn files_that_end_inside_their_header_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.edf");
    for n in [0, 100, 256, 511] {
        std::fs::write(&path, &TestFile::edf().bytes()[..n]).unwrap();
        check_at(&path, &format!("{n} bytes"));
    }
    std::fs::write(&path, b"%PDF-1.7".repeat(100)).unwrap();
    check_at(&path, "PDF");
}

#[test]
fn odd_timelines_are_read_or_refused() {
    let mut gap_s = seconds(40);
    gap_s[20..].iter_mut().for_each(|onset_s| *onset_s += 100.0);
    let mut overlap_s = seconds(40);
    overlap_s[7] = 6.5;
    let early_s: Vec<f64> = (0..40).map(|record| f64::from(record) - 60.0).collect();
    let drift_s: Vec<f64> = (0..400).map(|record| f64::from(record) * 1.005).collect();
    for onsets_s in [gap_s, overlap_s, early_s, drift_s] {
        for reserved in ["EDF+C", "EDF+D"] {
            check("a.edf", &TestFile::edf_plus(reserved, &onsets_s));
        }
    }
    let endless = [b"+".as_slice(), &[b'9'; 90], b"\x14\x14\0"].concat();
    for reserved in ["EDF+C", "EDF+D"] {
        let without_onset = |file: &mut TestFile| {
            file.records[3] = [samples(2), padded(&endless)].concat();
        };
        let invalid = |file: &mut TestFile| {
            file.annotate(2, b"5\x14Apnea\x14\0+6\x15-1\x14Hypopnea\x14\0+7\x14Arousal\x14\0");
        };
        check_all(
            || TestFile::edf_plus(reserved, &seconds(40)),
            &[&without_onset, &invalid, &|file| file.records.truncate(1)],
        );
    }
}

#[test]
fn many_annotations_are_refused() {
    // Each byte is an annotation without a text.
    let file = TestFile::edf_plus("EDF+C", &[0.0]).with(|file| {
        file.signals[1].samples = "500000".to_owned();
        let mut lists = b"+0\x14\x14\0+1\x14".to_vec();
        lists.resize(999_999, 0x14);
        lists.push(0);
        file.records = vec![[samples(2), lists].concat()];
    });
    check("a.edf", &file);
}

#[test]
fn many_signals_are_read_in_time() {
    let file = TestFile::edf().with(|file| {
        let signal = |i: usize| {
            let label = format!("EEG {}", i % 1000);
            TestSignal { samples: "1".to_owned(), ..TestSignal::new(&label) }
        };
        file.signals = (0..2000).map(signal).collect();
        file.records.clear();
    });
    check("a.edf", &file);
}

#[test]
fn sparse_files_are_refused_in_time() {
    // Five gigabytes of thirty signals, as an interrupted copy leaves them that reserved its space first.
    let file = TestFile::edf().with(|file| {
        let signal = |i: usize| TestSignal {
            samples: "2000".to_owned(),
            ..TestSignal::new(&format!("EEG {i}"))
        };
        file.signals = (0..30).map(signal).collect();
        file.records = vec![vec![7; 120_000]; 4];
        file.n_records = Some("-1".to_owned());
    });
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.edf");
    file.write(&path);
    OpenOptions::new().write(true).open(&path).unwrap().set_len(5_000_000_512).unwrap();
    check_at(&path, "a sparse file");
    assert!(matches!(
        Inspection::open(&path),
        Err(Error::Edf(nocturne_edf::Error::Unwritten { .. }))
    ));
}

#[test]
fn warnings_of_the_reader_say_what_follows_for_epochs() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.edf");
    let file = TestFile::edf_plus("EDF+D", &[0.0, 100.0]).with(|file| {
        file.signals.insert(0, TestSignal::new("C3-M2"));
        file.records.iter_mut().for_each(|record| *record = [samples(2), record.clone()].concat());
    });
    file.write(&path);
    let warnings = Inspection::open(&path).unwrap().warnings;
    let expected = [
        "several signals have the label `C3-M2`; the first is used",
        "1 gap in the timeline, 99.0 s in total; no epoch crosses a gap",
    ];
    assert_eq!(warnings[..2].iter().map(|it| it.message.as_str()).collect::<Vec<_>>(), expected);
}

#[test]
fn warnings_contain_no_control_characters() {
    let file = TestFile::edf().with(|file| file.signals[0].unit = b"\x1b[2J".to_vec());
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.edf");
    file.write(&path);
    let recording = Recording::open(&path).unwrap();
    let of_unit = |warning: &&Warning| warning.code == WarningCode::Unit;
    let warning = recording.warnings().iter().find(of_unit).unwrap();
    let expected = "`C3-M2`, which feeds EEG_C3_A2, has the unit `\\u{1b}[2J`, which is not a voltage; read as microvolts";
    assert_eq!(warning.message, expected);
}
