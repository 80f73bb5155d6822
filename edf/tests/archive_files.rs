//! Files with the oddities of files in archives and in the test suites of other readers.
//!
//! They are built here, so that a clone of the repository tests what `shared_data.rs` tests with real files.

#![expect(clippy::unwrap_used, reason = "a helper of tests fails as they do")]

use nocturne_edf::EdfReader;
use nocturne_edf::test_files::{TestFile, TestSignal, padded};

/// A signal to be built: label, unit, physical range, digital range, samples in a data record.
type Spec<'a> = (&'a str, &'a str, (&'a str, &'a str), (&'a str, &'a str), usize);

/// Returns a file with these signals; sample `i` of signal `s` is a pseudo-random number of `bits` bits.
fn file_with(base: TestFile, signals: &[Spec<'_>], n_records: usize, bits: u32) -> TestFile {
    let sample_bytes = if bits > 16 { 3 } else { 2 };
    let owned = |(min, max): (&str, &str)| (min.to_owned(), max.to_owned());
    let new = |(label, unit, physical, digital, samples): &Spec<'_>| TestSignal {
        label: label.as_bytes().to_vec(),
        unit: unit.as_bytes().to_vec(),
        physical: owned(*physical),
        digital: owned(*digital),
        samples: samples.to_string(),
    };
    base.with(|file| {
        file.signals = signals.iter().map(new).collect();
        let record = |record| record_of(signals, record, bits, sample_bytes);
        file.records = (0..n_records).map(record).collect();
    })
}

fn record_of(signals: &[Spec<'_>], record: usize, bits: u32, sample_bytes: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (signal, spec) in signals.iter().enumerate() {
        for sample in digital(signal, record * spec.4..(record + 1) * spec.4, bits) {
            bytes.extend_from_slice(&sample.to_le_bytes()[..sample_bytes]);
        }
    }
    bytes
}

/// Returns samples of a signal: all bits are used, and the sign.
fn digital(signal: usize, samples: std::ops::Range<usize>, bits: u32) -> Vec<i32> {
    let sample = |i: usize| {
        // Knuth's multiplicative hash; the upper bits are the best.
        let hash = ((i + 7919 * signal) as u32).wrapping_mul(2_654_435_761);
        hash.cast_signed() >> (32 - bits)
    };
    samples.map(sample).collect()
}

/// Opens a file, and returns it with the samples of all its ordinary signals.
fn read(name: &str, file: &TestFile) -> (EdfReader, Vec<Vec<i32>>) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join(name);
    file.write(&path);
    let reader = EdfReader::open(&path).unwrap();
    let header = reader.header();
    let signals: Vec<usize> =
        (0..header.signals.len()).filter(|i| !header.signals[*i].is_annotations).collect();
    let mut samples = vec![Vec::new(); signals.len()];
    let sink = |position: usize, more: &[i32]| samples[position].extend_from_slice(more);
    reader.read_digital(&signals, 0..header.n_records, sink).unwrap();
    (reader, samples)
}

fn warnings(reader: &EdfReader) -> Vec<String> {
    reader.warnings().iter().map(ToString::to_string).collect()
}

#[test]
fn signals_of_uneven_rates_are_read() {
    let signals = [
        ("3Hz +5/-5 V", "V", ("-10", "10"), ("-2048", "2048"), 1000),
        ("0.2Hz Blk 1/0uV", "uV", ("0", "1"), ("-100", "1000"), 128),
    ];
    let file = file_with(TestFile::edf(), &signals, 11, 12).with(|file| {
        file.duration = "10".to_owned();
        // A stray byte at the end.
        file.surplus = vec![0];
    });
    let (reader, samples) = read("a.edf", &file);
    let header = reader.header();
    let rates: Vec<f64> = header.signals.iter().map(|signal| header.rate_hz(signal)).collect();
    assert_eq!(rates, [100.0, 12.8]);
    assert_eq!(samples, [digital(0, 0..11_000, 12), digital(1, 0..1408, 12)]);
    let scaling: Vec<(f64, f64)> =
        header.signals.iter().map(|signal| signal.scaling().unwrap()).collect();
    assert_eq!(scaling, [(20.0 / 4096.0, 0.0), (1.0 / 1100.0, 100.0 / 1100.0)]);
    let expected = "file ends with an incomplete data record (1 of 2256 bytes); ignored";
    assert_eq!(warnings(&reader), [expected]);
}

#[test]
fn samples_of_24_bits_and_a_status_signal_are_read() {
    let range = ("-187470", "187470");
    let bits = ("-8388608", "8388607");
    let signals: Vec<Spec<'_>> =
        ["C3", "C4", "Cz", "Status"].map(|label| (label, "uV", range, bits, 500)).to_vec();
    let (reader, samples) = read("a.bdf", &file_with(TestFile::bdf(), &signals, 10, 24));
    for (signal, samples) in samples.iter().enumerate() {
        assert_eq!(*samples, digital(signal, 0..5000, 24));
    }
    assert!(reader.warnings().is_empty());
}

#[test]
fn records_of_two_seconds_with_different_rates_are_read() {
    let (range, bits) = (("-3000", "3000"), ("-8388608", "8388607"));
    let signals = [
        ("sine 2.5Hz", "uV", range, bits, 1000),
        ("square 6.5Hz", "uV", range, bits, 800),
        ("ramp 3.5Hz", "uV", range, bits, 500),
        ("pink noise", "uV", range, bits, 975),
    ];
    let file =
        file_with(TestFile::bdf(), &signals, 15, 24).with(|file| file.duration = "2".to_owned());
    let (reader, samples) = read("a.bdf", &file);
    let header = reader.header();
    let rates: Vec<f64> = header.signals.iter().map(|signal| header.rate_hz(signal)).collect();
    assert_eq!(rates, [500.0, 400.0, 250.0, 487.5]);
    assert_eq!(samples[3], digital(3, 0..14_625, 24));
}

#[test]
fn one_record_of_a_fractional_duration_is_read() {
    let range = ("175921", "175946");
    let signals = [("EEG Fp1", "uV", range, ("-32768", "32767"), 1228)];
    let file = file_with(TestFile::edf(), &signals, 1, 16)
        .with(|file| file.duration = "9.59375".to_owned());
    let (reader, samples) = read("a.edf", &file);
    let header = reader.header();
    assert_eq!(header.rate_hz(&header.signals[0]), 128.0);
    assert_eq!(samples, [digital(0, 0..1228, 16)]);
    assert_eq!(reader.runs()[0].duration_s, 9.59375);
}

#[test]
fn signals_with_one_label_are_read_apart() {
    let (range, bits) = (("-6553.4", "6553.4"), ("-32767", "32767"));
    let signals = ["EEG F1-Ref", "EEG F2-Ref", "EEG F1-Ref"];
    let signals = signals.map(|label| (label, "uV", range, bits, 250));
    let (reader, samples) = read("a.edf", &file_with(TestFile::edf(), &signals, 10, 16));
    assert_eq!(samples[0], digital(0, 0..2500, 16));
    assert_eq!(samples[2], digital(2, 0..2500, 16));
    assert_eq!(warnings(&reader), ["several signals have the label `EEG F1-Ref`"]);
}

#[test]
fn file_without_records_and_with_an_invalid_date_is_read() {
    let bits = ("-32768", "32767");
    let signals = [
        ("SaO2", "", ("0", "100"), bits, 1),
        ("H.R.", "", ("0", "250"), bits, 1),
        ("EEG(sec)", "uV", ("-125", "125"), ("-128", "127"), 125),
    ];
    let file =
        file_with(TestFile::edf(), &signals, 0, 8).with(|file| file.date = "00.00.00".into());
    let (reader, samples) = read("a.edf", &file);
    assert_eq!(samples, vec![Vec::<i32>::new(); 3]);
    assert_eq!((reader.start(), reader.runs().len()), (None, 0));
    let expected = "start date `00.00.00` is not a valid date; the start is unknown";
    assert_eq!(warnings(&reader), [expected]);
}

#[test]
fn inverted_signal_with_a_start_between_seconds_is_read() {
    let signals = [("Fp1", "uV", ("8711", "-8711"), ("-32768", "32767"), 128)];
    let file = file_with(TestFile::edf(), &signals, 3, 16).with(|file| {
        file.reserved = "EDF+C".to_owned();
        file.signals.push(TestSignal::annotations(2));
        for (record, bytes) in file.records.iter_mut().enumerate() {
            let onset = format!("+{record}.3945313\x14\x14\0");
            bytes.extend(padded(onset.as_bytes()));
        }
        file.annotate(0, "+1.9511719\x14XLSpike\x14\0".as_bytes());
        file.annotate(1, "+2.5\x151.5\x14中文测试八个字\x14\0".as_bytes());
    });
    let (reader, samples) = read("a.edf", &file);
    assert_eq!(samples, [digital(0, 0..384, 16)]);
    assert_eq!(reader.start().unwrap().to_string(), "2020-01-02T22:00:00.3945313");
    // Onsets count from the first sample.
    let found: Vec<(f64, Option<f64>, &str)> = reader
        .annotations()
        .iter()
        .map(|annotation| (annotation.onset_s, annotation.duration_s, annotation.text.as_str()))
        .collect();
    assert_eq!(found, [(1.5566406, None, "XLSpike"), (2.1054687, Some(1.5), "中文测试八个字")]);
    assert_eq!(warnings(&reader), ["range of `Fp1` is inverted; its polarity was kept"]);
    let (gain, _) = reader.header().signals[0].scaling().unwrap();
    assert!(gain < 0.0);
}

#[test]
fn long_records_are_read_signal_by_signal() {
    // Over a megabyte, as of recorders that write one data record for several minutes.
    let (range, bits) = (("-100", "100"), ("-32768", "32767"));
    let signals = [
        ("A", "uV", range, bits, 400_000),
        ("B", "uV", range, bits, 7),
        ("C", "uV", range, bits, 200_000),
    ];
    let file = file_with(TestFile::edf(), &signals, 2, 16);
    let (_, samples) = read("a.edf", &file);
    let expected = [digital(0, 0..800_000, 16), digital(1, 0..14, 16), digital(2, 0..400_000, 16)];
    assert!(samples == expected, "samples differ");
}
