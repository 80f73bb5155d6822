//! Files that promise or hold more than is read.

use std::fs::{File, OpenOptions};

use super::builder::{Odd, OddSignal, padded, samples};
use super::{check, check_at, with_warning};

/// Lets a file grow to a length without any bytes on the disk.
fn check_sparse(file: &Odd, bytes: u64, expected: &str) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.edf");
    std::fs::write(&path, file.bytes()).unwrap();
    OpenOptions::new().write(true).open(&path).unwrap().set_len(bytes).unwrap();
    check_at(&path, expected);
}

#[test]
fn promised_records_take_no_memory() {
    for claimed in ["99999999", "1e9"] {
        let file = Odd::edf().with(|file| file.n_records = Some(claimed.to_owned()));
        let warning = format!(
            "record_count: the header counts `{claimed}` data records; the file holds 40, which were read"
        );
        check("a.edf", &file, &with_warning("EDF", &warning));
    }
}

#[test]
fn promised_signals_take_no_memory() {
    let file = Odd::edf().with(|file| file.n_signals = Some("9999".to_owned()));
    check("a.edf", &file, "refused: `a.edf` ends after 5632 bytes; its header takes 2560000");
    let file = Odd::edf().with(|file| file.n_signals = Some("1000000"[..4].to_owned()));
    check("a.edf", &file, "refused: `a.edf` ends after 5632 bytes; its header takes 256256");
}

#[test]
fn promised_samples_take_no_memory() {
    let file = Odd::edf().with(|file| file.signals[0].samples = "99999999".to_owned());
    let expected = "EDF 2020-01-02T22:00:00\nrecords of 1 s: \n\
                    C3-M2: 0 samples, 99999999.000 Hz, the second is 0.12 uV\n\
                    record_count: the header counts `40` data records; the file holds 0, which were read\n\
                    truncated_record: the last 5120 bytes are no whole data record of 199999998 bytes; left out";
    check("a.edf", &file, expected);
}

#[test]
fn more_records_than_the_format_counts_are_refused() {
    // Five gigabytes of records of two bytes.
    let file = Odd::edf().with(|file| {
        file.signals = vec![OddSignal { samples: "1".to_owned(), ..OddSignal::annotations(2) }];
        file.reserved = "EDF+C".to_owned();
        file.records.clear();
        file.n_records = Some("-1".to_owned());
    });
    let expected = "refused: `a.edf`: the header field `number of data records` holds `-1`; expected at most 99999999, \
                    but the file holds 2500000000 data records of 2 bytes";
    check_sparse(&file, 5_000_000_512, expected);
}

#[test]
fn recordings_beyond_a_month_are_refused_unread() {
    let file = Odd::edf().with(|file| file.n_records = Some("-1".to_owned()));
    check_sparse(&file, 5_000_000_512, "refused: `a.edf` lasts 10850.7 h; expected at most 744 h");
    let file = Odd::edf().with(|file| file.duration = "1000000".to_owned());
    check("a.edf", &file, "refused: `a.edf` lasts 11111.1 h; expected at most 744 h");
}

#[test]
fn annotations_that_take_too_much_of_a_record_are_refused() {
    let file =
        Odd::plus("EDF+C", &[0.0]).with(|file| file.signals[1].samples = "9000000".to_owned());
    let expected = "refused: `a.edf`: the header field `number of samples in each data record of `EDF Annotations`` \
                    holds `9000000`; expected at most 8388608 for annotations";
    check_sparse(&file, 5_000_000_000, expected);
}

#[test]
fn annotations_without_end_are_refused() {
    // Every byte makes an annotation without a text.
    let file = Odd::plus("EDF+C", &[0.0]).with(|file| {
        file.signals[1].samples = "500000".to_owned();
        let mut lists = b"+0\x14\x14\0+1\x14".to_vec();
        lists.resize(999_999, 0x14);
        lists.push(0);
        file.records = vec![[samples(2), lists].concat()];
    });
    let expected = "refused: `a.edf`, data record 0: the file holds more than 250000 annotations";
    check("a.edf", &file, expected);
    // A few annotations with more text than any scorer writes.
    let file = Odd::plus("EDF+C", &[0.0]).with(|file| {
        file.signals[1].samples = "500000".to_owned();
        let mut lists = b"+0\x14\x14\0+1\x14".to_vec();
        lists.resize(999_998, b'a');
        lists.extend(b"\x14\0");
        file.records = vec![[samples(2), lists].concat(); 18];
        file.duration = "0.5".to_owned();
    });
    let expected =
        "refused: `a.edf`, data record 16: the annotations hold more than 16777216 bytes of text";
    check("a.edf", &file, expected);
}

#[test]
fn many_signals_are_read_in_time() {
    let file = Odd::edf().with(|file| {
        let signal = |i: usize| {
            let label = format!("EEG {}", i % 1000);
            OddSignal { samples: "1".to_owned(), ..OddSignal::new(&label) }
        };
        file.signals = (0..2000).map(signal).collect();
        file.records.clear();
    });
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.edf");
    File::create(&path).unwrap();
    std::fs::write(&path, file.bytes()).unwrap();
    let begin = std::time::Instant::now();
    let inspection = nocturne_psg::Inspection::of(&path).unwrap();
    assert_eq!(inspection.signals.len(), 2000);
    assert!(begin.elapsed() < super::LONGEST, "it took {:?}", begin.elapsed());
}

#[test]
fn blank_annotations_are_passed_over_quickly() {
    // 200 megabytes of zeros, all of it annotations in short records.
    let file = Odd::plus("EDF+C", &[0.0]).with(|file| {
        file.signals.remove(0);
        file.records = vec![padded(b"+0\x14\x14\0")];
        file.n_records = Some("-1".to_owned());
        file.duration = "0".to_owned();
    });
    let expected = "EDF+C 2020-01-02T22:00:00\nrecords of 0 s: 0+1666666 at 0 s\n\
                    record_count: the header counts `-1` data records; the file holds 1666666, which were read\n\
                    truncated_record: the last 80 bytes are no whole data record of 120 bytes; left out\n\
                    time_keeping: 1666665 data records have no time-keeping annotation; read as continuous";
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.edf");
    let mut bytes = file.bytes();
    bytes.resize(200_000_512, 0);
    std::fs::write(&path, bytes).unwrap();
    check_at(&path, expected);
}

#[test]
fn files_that_were_mostly_never_written_are_refused() {
    // Five gigabytes of thirty signals, as a copy leaves them that reserves the place and is stopped.
    let file = Odd::edf().with(|file| {
        let signal = |i: usize| OddSignal {
            samples: "2000".to_owned(),
            ..OddSignal::new(&format!("EEG {i}"))
        };
        file.signals = (0..30).map(signal).collect();
        file.records = vec![vec![7; 120_000]; 4];
        file.n_records = Some("-1".to_owned());
    });
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.edf");
    std::fs::write(&path, file.bytes()).unwrap();
    OpenOptions::new().write(true).open(&path).unwrap().set_len(5_000_000_512).unwrap();
    let begin = std::time::Instant::now();
    let error = nocturne_psg::Inspection::of(&path).unwrap_err();
    assert!(begin.elapsed() < super::LONGEST, "it took {:?}", begin.elapsed());
    let sentence = error.to_string();
    assert!(sentence.contains("of its 4999920000 bytes were never written"), "{sentence}");
}

#[test]
fn parts_that_were_never_written_are_told() {
    use std::io::{Seek, SeekFrom, Write};
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.edf");
    let file = Odd::edf().with(|file| {
        file.records = vec![samples(2); 10_000];
        file.n_records = None;
    });
    let bytes = file.bytes();
    let hole = 400_000..700_000;
    let mut sparse = File::create(&path).unwrap();
    sparse.write_all(&bytes[..hole.start]).unwrap();
    sparse.seek(SeekFrom::Start(hole.end as u64)).unwrap();
    sparse.write_all(&bytes[hole.end..]).unwrap();
    sparse.sync_all().unwrap();
    let warnings = nocturne_psg::edf::EdfFile::open(&path).unwrap().warnings().to_vec();
    assert_eq!(warnings.len(), 1, "{warnings:?}");
    assert_eq!(warnings[0].code, nocturne_psg::WarningCode::Unwritten);
}
