//! Builds EDF and BDF files field by field, so that each field can be wrong.
//!
//! For the tests of this crate and of crates that read recordings; behind the feature `test-files`.

use std::ops::Range;
use std::path::Path;

use crate::header::layout::{self, Column};

/// The text of a signal in one column of the header.
type SignalField = fn(&TestSignal) -> &[u8];

/// Samples of each signal in a data record of a valid file.
pub const SAMPLES_PER_RECORD: usize = 64;

/// Data records of a valid file.
pub const N_RECORDS: usize = 40;

/// Bytes of the annotation signal in a data record.
const ANNOTATION_BYTES: usize = 120;

/// A file to be built; the fields are text, as in the file.
#[derive(Debug, Clone)]
pub struct TestFile {
    /// Version: `0`, or `\xffBIOSEMI` for BDF.
    pub version: Vec<u8>,
    /// Local patient identification.
    pub patient: Vec<u8>,
    /// Local recording identification.
    pub recording: Vec<u8>,
    /// Start date, `dd.mm.yy`.
    pub date: String,
    /// Start time, `hh.mm.ss`.
    pub time: String,
    /// Length of the header in bytes; `None` for the right one.
    pub header_bytes: Option<String>,
    /// Reserved: the kind of EDF+.
    pub reserved: String,
    /// Number of data records; `None` for the right one.
    pub n_records: Option<String>,
    /// Duration of a data record in seconds.
    pub duration: String,
    /// Number of signals; `None` for the right one.
    pub n_signals: Option<String>,
    /// The signals.
    pub signals: Vec<TestSignal>,
    /// The bytes of the data records.
    pub records: Vec<Vec<u8>>,
    /// The bytes after the data records.
    pub surplus: Vec<u8>,
}

/// The header of a signal to be built.
#[derive(Debug, Clone)]
pub struct TestSignal {
    /// Label.
    pub label: Vec<u8>,
    /// Physical dimension.
    pub unit: Vec<u8>,
    /// Physical minimum and maximum.
    pub physical: (String, String),
    /// Digital minimum and maximum.
    pub digital: (String, String),
    /// Samples in each data record.
    pub samples: String,
}

impl TestSignal {
    /// Returns a signal of [`SAMPLES_PER_RECORD`] samples from −500 to 500 µV.
    pub fn new(label: &str) -> Self {
        Self {
            label: label.as_bytes().to_vec(),
            unit: b"uV".to_vec(),
            physical: ("-500".to_owned(), "500".to_owned()),
            digital: ("-2048".to_owned(), "2047".to_owned()),
            samples: SAMPLES_PER_RECORD.to_string(),
        }
    }

    /// Returns an annotation signal for samples of 2 or 3 bytes.
    pub fn annotations(sample_bytes: usize) -> Self {
        let label = if sample_bytes == 2 { "EDF Annotations" } else { "BDF Annotations" };
        Self { samples: (ANNOTATION_BYTES / sample_bytes).to_string(), ..Self::new(label) }
    }
}

impl TestFile {
    /// Returns a valid EDF file of one EEG signal, with [`N_RECORDS`] data records of a second.
    pub fn edf() -> Self {
        Self::new(2)
    }

    /// Returns a valid BDF file of the same content.
    pub fn bdf() -> Self {
        Self { version: b"\xffBIOSEMI".to_vec(), reserved: "24BIT".to_owned(), ..Self::new(3) }
    }

    /// Returns a valid EDF+ file whose data records start at these seconds; `reserved` is `EDF+C` or `EDF+D`.
    pub fn edf_plus(reserved: &str, onsets_s: &[f64]) -> Self {
        Self::edf().with_annotations(2, reserved, onsets_s)
    }

    /// Returns a valid BDF+ file whose data records start at these seconds; `reserved` is `BDF+C` or `BDF+D`.
    pub fn bdf_plus(reserved: &str, onsets_s: &[f64]) -> Self {
        Self::bdf().with_annotations(3, reserved, onsets_s)
    }

    /// Returns the file with a change.
    pub fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    fn new(sample_bytes: usize) -> Self {
        Self {
            version: b"0".to_vec(),
            patient: b"X X X X".to_vec(),
            recording: Vec::new(),
            date: "02.01.20".to_owned(),
            time: "22.00.00".to_owned(),
            header_bytes: None,
            reserved: String::new(),
            n_records: None,
            duration: "1".to_owned(),
            n_signals: None,
            signals: vec![TestSignal::new("C3-M2")],
            records: vec![samples(sample_bytes); N_RECORDS],
            surplus: Vec::new(),
        }
    }

    fn with_annotations(self, sample_bytes: usize, reserved: &str, onsets_s: &[f64]) -> Self {
        let record = |onset_s: &f64| {
            let sign = if *onset_s < 0.0 { "" } else { "+" };
            let list = format!("{sign}{onset_s}\x14\x14\0").into_bytes();
            [samples(sample_bytes), padded(&list)].concat()
        };
        self.with(|file| {
            reserved.clone_into(&mut file.reserved);
            file.records = onsets_s.iter().map(record).collect();
            file.signals.push(TestSignal::annotations(sample_bytes));
        })
    }

    /// Adds annotation lists behind the time-keeping one of a data record, or behind those added before.
    ///
    /// # Panics
    ///
    /// Panics if the data record has no list, or if the lists do not fit.
    pub fn annotate(&mut self, record: usize, lists: &[u8]) {
        let bytes = &mut self.records[record];
        let last = bytes.iter().rposition(|byte| *byte == 0x14).expect("there is a list");
        // The last list ends with `\x14\0`.
        let start = last + 2;
        bytes[start..start + lists.len()].copy_from_slice(lists);
    }

    /// Writes the file.
    ///
    /// # Panics
    ///
    /// Panics if it cannot be written.
    pub fn write(&self, path: &Path) {
        std::fs::write(path, self.bytes()).expect("a test can write its files");
    }

    /// Returns the bytes of the file.
    ///
    /// # Panics
    ///
    /// Panics if a text is longer than its field.
    pub fn bytes(&self) -> Vec<u8> {
        let n = self.signals.len();
        let or_right = |text: &Option<String>, right: usize| {
            text.clone().unwrap_or_else(|| right.to_string()).into_bytes()
        };
        let header_bytes = layout::BLOCK * (n + 1);
        let fixed: [(Range<usize>, Vec<u8>); 10] = [
            (layout::VERSION, self.version.clone()),
            (layout::PATIENT, self.patient.clone()),
            (layout::RECORDING, self.recording.clone()),
            (layout::START_DATE, self.date.clone().into_bytes()),
            (layout::START_TIME, self.time.clone().into_bytes()),
            (layout::HEADER_BYTES, or_right(&self.header_bytes, header_bytes)),
            (layout::RESERVED, self.reserved.clone().into_bytes()),
            (layout::N_RECORDS, or_right(&self.n_records, self.records.len())),
            (layout::RECORD_DURATION, self.duration.clone().into_bytes()),
            (layout::N_SIGNALS, or_right(&self.n_signals, n)),
        ];
        let columns: [(Column, SignalField); 10] = [
            (layout::LABEL, |signal| &signal.label),
            (layout::TRANSDUCER, |_| b""),
            (layout::UNIT, |signal| &signal.unit),
            (layout::PHYSICAL_MIN, |signal| signal.physical.0.as_bytes()),
            (layout::PHYSICAL_MAX, |signal| signal.physical.1.as_bytes()),
            (layout::DIGITAL_MIN, |signal| signal.digital.0.as_bytes()),
            (layout::DIGITAL_MAX, |signal| signal.digital.1.as_bytes()),
            (layout::PREFILTERING, |_| b""),
            (layout::SAMPLES_PER_RECORD, |signal| signal.samples.as_bytes()),
            (layout::SIGNAL_RESERVED, |_| b""),
        ];
        let mut bytes = Vec::new();
        for (field, text) in fixed {
            append(&mut bytes, &text, field.len());
        }
        for (column, text) in columns {
            self.signals.iter().for_each(|signal| append(&mut bytes, text(signal), column.width));
        }
        self.records.iter().for_each(|record| bytes.extend_from_slice(record));
        bytes.extend_from_slice(&self.surplus);
        bytes
    }
}

fn append(bytes: &mut Vec<u8>, text: &[u8], width: usize) {
    assert!(text.len() <= width, "`{}` exceeds {width} bytes", String::from_utf8_lossy(text));
    bytes.extend_from_slice(text);
    bytes.resize(bytes.len() + width - text.len(), b' ');
}

/// Returns the samples of one signal in one data record, of 2 or 3 bytes each: 0, 100, −200, 300, and so on.
pub fn samples(sample_bytes: usize) -> Vec<u8> {
    let sample = |i: usize| {
        let size = 100 * (i as i32 % 16);
        if i.is_multiple_of(2) { -size } else { size }
    };
    let bytes = |i| sample(i).to_le_bytes()[..sample_bytes].to_vec();
    (0..SAMPLES_PER_RECORD).flat_map(bytes).collect()
}

/// Returns annotation lists, padded to the length of the annotation signal in a data record.
pub fn padded(lists: &[u8]) -> Vec<u8> {
    let mut bytes = lists.to_vec();
    bytes.resize(ANNOTATION_BYTES, 0);
    bytes
}

/// Returns the onsets of contiguous data records of a second.
pub fn seconds(n_records: usize) -> Vec<f64> {
    (0..n_records).map(|record| record as f64).collect()
}
