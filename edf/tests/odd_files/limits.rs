//! Files that claim or contain more than is read.

use std::fs::{File, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::path::Path;

use nocturne_edf::test_files::{TestFile, TestSignal, padded, samples};
use nocturne_edf::{EdfReader, EdfWarning};

use super::{check, check_at, with_warnings};

/// Writes a file and extends it without writing to disk.
fn write_sparse(file: &TestFile, path: &Path, bytes: u64) {
    file.write(path);
    OpenOptions::new().write(true).open(path).unwrap().set_len(bytes).unwrap();
}

fn check_sparse(file: &TestFile, bytes: u64, expected: &str) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.edf");
    write_sparse(file, &path, bytes);
    check_at(&path, expected);
}

#[test]
fn claimed_records_take_no_memory() {
    for claimed in ["99999999", "1e9"] {
        let file = TestFile::edf().with(|file| file.n_records = Some(claimed.to_owned()));
        let warning =
            format!("header counts `{claimed}` data records; the file has 40, which were read");
        check("a.edf", &file, &with_warnings("EDF", &[&warning]));
    }
}

#[test]
fn claimed_signals_take_no_memory() {
    for (claimed, needed) in [("9999", 2_560_000), ("1000", 256_256)] {
        let file = TestFile::edf().with(|file| file.n_signals = Some(claimed.to_owned()));
        let expected =
            format!("refused: `a.edf` ends after 5632 bytes, inside its header of {needed} bytes");
        check("a.edf", &file, &expected);
    }
}

#[test]
fn claimed_samples_take_no_memory() {
    let file = TestFile::edf().with(|file| file.signals[0].samples = "99999999".to_owned());
    let expected = "EDF 2020-01-02T22:00:00\nrecords of 1 s: \n\
                    C3-M2: 0 samples, 99999999.000 Hz, the second is 0.12 uV\n\
                    warning: header counts `40` data records; the file has 0, which were read\n\
                    warning: file ends with an incomplete data record (5120 of 199999998 bytes); ignored";
    check("a.edf", &file, expected);
}

#[test]
fn more_records_than_the_header_can_count_are_refused() {
    // Five gigabytes of data records of two bytes.
    let file = TestFile::edf().with(|file| {
        file.signals = vec![TestSignal { samples: "1".to_owned(), ..TestSignal::annotations(2) }];
        file.reserved = "EDF+C".to_owned();
        file.records.clear();
        file.n_records = Some("-1".to_owned());
    });
    let expected = "refused: `a.edf`: header field `number of data records` is `-1`; expected at most 99999999, but the \
                    file has 2500000000 data records of 2 bytes";
    check_sparse(&file, 5_000_000_512, expected);
}

#[test]
fn recordings_longer_than_a_month_are_refused_unread() {
    let file = TestFile::edf().with(|file| file.n_records = Some("-1".to_owned()));
    check_sparse(&file, 5_000_000_512, "refused: `a.edf` lasts 10850.7 h; expected at most 744 h");
    let file = TestFile::edf().with(|file| file.duration = "1000000".to_owned());
    check("a.edf", &file, "refused: `a.edf` lasts 11111.1 h; expected at most 744 h");
}

#[test]
fn long_annotation_signals_are_refused() {
    let file = TestFile::edf_plus("EDF+C", &[0.0])
        .with(|file| file.signals[1].samples = "9000000".to_owned());
    let expected = "refused: `a.edf`: header field `number of samples in each data record` of signal 2 \
                    (`EDF Annotations`) is `9000000`; expected at most 8388608 for annotations";
    check_sparse(&file, 5_000_000_000, expected);
}

#[test]
fn number_and_length_of_annotations_are_limited() {
    // Each byte is an annotation without a text.
    let file = TestFile::edf_plus("EDF+C", &[0.0]).with(|file| {
        file.signals[1].samples = "500000".to_owned();
        let mut lists = b"+0\x14\x14\0+1\x14".to_vec();
        lists.resize(999_999, 0x14);
        lists.push(0);
        file.records = vec![[samples(2), lists].concat()];
    });
    let expected = "refused: `a.edf`, data record 0: the file has more than 250000 annotations";
    check("a.edf", &file, expected);
    // Few annotations with more text than any scorer writes.
    let file = TestFile::edf_plus("EDF+C", &[0.0]).with(|file| {
        file.signals[1].samples = "500000".to_owned();
        let mut lists = b"+0\x14\x14\0+1\x14".to_vec();
        lists.resize(999_998, b'a');
        lists.extend(b"\x14\0");
        file.records = vec![[samples(2), lists].concat(); 18];
        file.duration = "0.5".to_owned();
    });
    let expected = "refused: `a.edf`, data record 16: the file has more than 16777216 bytes of annotation text";
    check("a.edf", &file, expected);
}

#[test]
fn blank_annotations_are_skipped_quickly() {
    // 200 megabytes of zeros, all of them annotation signals of short data records.
    let file = TestFile::edf_plus("EDF+C", &[0.0]).with(|file| {
        file.signals.remove(0);
        file.records = vec![padded(b"+0\x14\x14\0")];
        file.n_records = Some("-1".to_owned());
        file.duration = "0".to_owned();
    });
    let expected = "EDF+C 2020-01-02T22:00:00\nrecords of 0 s: 0+1666666 at 0 s\n\
                    warning: header counts `-1` data records; the file has 1666666, which were read\n\
                    warning: file ends with an incomplete data record (80 of 120 bytes); ignored\n\
                    warning: 1666665 data records without a time-keeping annotation; read as continuous";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.edf");
    let mut bytes = file.bytes();
    bytes.resize(200_000_512, 0);
    std::fs::write(&path, bytes).unwrap();
    check_at(&path, expected);
}

#[test]
fn mostly_unwritten_files_are_refused() {
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
    write_sparse(&file, &path, 5_000_000_512);
    let start = std::time::Instant::now();
    let message = EdfReader::open(&path).unwrap_err().to_string();
    assert!(start.elapsed() < super::MAX_DURATION, "it took {:?}", start.elapsed());
    assert!(message.contains("of its 4999920000 bytes were never written"), "{message}");
}

#[test]
fn unwritten_parts_are_reported() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.edf");
    let bytes = TestFile::edf().with(|file| file.records = vec![samples(2); 10_000]).bytes();
    let hole = 400_000..700_000;
    let mut sparse = File::create(&path).unwrap();
    sparse.write_all(&bytes[..hole.start]).unwrap();
    sparse.seek(SeekFrom::Start(hole.end as u64)).unwrap();
    sparse.write_all(&bytes[hole.end..]).unwrap();
    sparse.sync_all().unwrap();
    let warnings = EdfReader::open(&path).unwrap().warnings().to_vec();
    assert!(matches!(warnings[..], [EdfWarning::Unwritten { .. }]), "{warnings:?}");
}
