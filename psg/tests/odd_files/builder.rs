//! Makes EDF and BDF files field by field, so that each field can be wrong.

/// Samples of each signal in a record of a plain file.
pub(crate) const SAMPLES: usize = 64;

/// Bytes of the annotation signal in a record.
const ANNOTATION_BYTES: usize = 120;

/// Returns the text of one field of a signal.
type Column = fn(&OddSignal) -> &[u8];

/// A file in the making; every field is text, as in the file.
#[derive(Debug, Clone)]
pub(crate) struct Odd {
    pub(crate) version: Vec<u8>,
    pub(crate) recording: Vec<u8>,
    pub(crate) date: String,
    pub(crate) time: String,
    pub(crate) header_bytes: Option<String>,
    pub(crate) reserved: String,
    pub(crate) n_records: Option<String>,
    pub(crate) duration: String,
    pub(crate) n_signals: Option<String>,
    pub(crate) signals: Vec<OddSignal>,
    /// The records, or a part of one.
    pub(crate) records: Vec<Vec<u8>>,
    /// What comes after them.
    pub(crate) surplus: Vec<u8>,
}

/// A signal in the making.
#[derive(Debug, Clone)]
pub(crate) struct OddSignal {
    pub(crate) label: Vec<u8>,
    pub(crate) unit: Vec<u8>,
    pub(crate) physical: (String, String),
    pub(crate) digital: (String, String),
    pub(crate) samples: String,
}

impl OddSignal {
    pub(crate) fn new(label: &str) -> Self {
        Self {
            label: label.as_bytes().to_vec(),
            unit: b"uV".to_vec(),
            physical: ("-500".to_owned(), "500".to_owned()),
            digital: ("-2048".to_owned(), "2047".to_owned()),
            samples: SAMPLES.to_string(),
        }
    }

    pub(crate) fn annotations(bytes_per_sample: usize) -> Self {
        let label = if bytes_per_sample == 2 { "EDF Annotations" } else { "BDF Annotations" };
        Self { samples: (ANNOTATION_BYTES / bytes_per_sample).to_string(), ..Self::new(label) }
    }
}

impl Odd {
    /// Returns a sound file of one EEG signal and 40 records of a second.
    pub(crate) fn edf() -> Self {
        Self::of(2, "", vec![OddSignal::new("C3-M2")])
    }

    /// Returns a sound BDF file of the same content.
    pub(crate) fn bdf() -> Self {
        let mut file = Self::of(3, "24BIT", vec![OddSignal::new("C3-M2")]);
        file.version = b"\xffBIOSEMI".to_vec();
        file
    }

    /// Returns a sound EDF+ file whose records begin at these seconds.
    pub(crate) fn plus(reserved: &str, onsets_s: &[f64]) -> Self {
        Self::edf().with_annotations(2, reserved, onsets_s)
    }

    /// Returns the same as BDF+.
    pub(crate) fn bdf_plus(reserved: &str, onsets_s: &[f64]) -> Self {
        Self::bdf().with_annotations(3, reserved, onsets_s)
    }

    /// Changes a file in place.
    pub(crate) fn with(mut self, change: impl FnOnce(&mut Self)) -> Self {
        change(&mut self);
        self
    }

    fn of(bytes_per_sample: usize, reserved: &str, signals: Vec<OddSignal>) -> Self {
        Self {
            version: b"0".to_vec(),
            recording: Vec::new(),
            date: "02.01.20".to_owned(),
            time: "22.00.00".to_owned(),
            header_bytes: None,
            reserved: reserved.to_owned(),
            n_records: None,
            duration: "1".to_owned(),
            n_signals: None,
            signals,
            records: vec![samples(bytes_per_sample); 40],
            surplus: Vec::new(),
        }
    }

    fn with_annotations(self, bytes_per_sample: usize, reserved: &str, onsets_s: &[f64]) -> Self {
        let lists = onsets_s.iter().map(|onset_s| {
            let sign = if *onset_s < 0.0 { "" } else { "+" };
            format!("{sign}{onset_s}\x14\x14\0").into_bytes()
        });
        self.with(|file| {
            reserved.clone_into(&mut file.reserved);
            file.records =
                lists.map(|list| [samples(bytes_per_sample), padded(&list)].concat()).collect();
            file.signals.push(OddSignal::annotations(bytes_per_sample));
        })
    }

    /// Returns the bytes of the file.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let n = self.signals.len();
        let mut bytes = Vec::new();
        let text = |text: &Option<String>, default: usize| {
            text.clone().unwrap_or_else(|| default.to_string()).into_bytes()
        };
        let fixed = [
            (self.version.clone(), 8),
            (b"X X X X".to_vec(), 80),
            (self.recording.clone(), 80),
            (self.date.clone().into_bytes(), 8),
            (self.time.clone().into_bytes(), 8),
            (text(&self.header_bytes, 256 * (n + 1)), 8),
            (self.reserved.clone().into_bytes(), 44),
            (text(&self.n_records, self.records.len()), 8),
            (self.duration.clone().into_bytes(), 8),
            (text(&self.n_signals, n), 4),
        ];
        fixed.iter().for_each(|(text, width)| field(&mut bytes, text, *width));
        let columns: [(Column, usize); 10] = [
            (|signal| &signal.label, 16),
            (|_| b"", 80),
            (|signal| &signal.unit, 8),
            (|signal| signal.physical.0.as_bytes(), 8),
            (|signal| signal.physical.1.as_bytes(), 8),
            (|signal| signal.digital.0.as_bytes(), 8),
            (|signal| signal.digital.1.as_bytes(), 8),
            (|_| b"", 80),
            (|signal| signal.samples.as_bytes(), 8),
            (|_| b"", 32),
        ];
        for (of, width) in columns {
            self.signals.iter().for_each(|signal| field(&mut bytes, of(signal), width));
        }
        self.records.iter().for_each(|record| bytes.extend_from_slice(record));
        bytes.extend_from_slice(&self.surplus);
        bytes
    }
}

fn field(bytes: &mut Vec<u8>, text: &[u8], width: usize) {
    assert!(text.len() <= width, "`{}` fits into {width} bytes", String::from_utf8_lossy(text));
    bytes.extend_from_slice(text);
    bytes.resize(bytes.len() + width - text.len(), b' ');
}

/// Returns the samples of one signal in one record: 0, 100, -200, 300, and so on.
pub(crate) fn samples(bytes_per_sample: usize) -> Vec<u8> {
    let sample = |i: usize| {
        let size = 100 * (i as i32 % 16);
        if i.is_multiple_of(2) { -size } else { size }
    };
    (0..SAMPLES).flat_map(|i| sample(i).to_le_bytes()[..bytes_per_sample].to_vec()).collect()
}

/// Returns annotation lists with the padding of an annotation signal behind them.
pub(crate) fn padded(lists: &[u8]) -> Vec<u8> {
    let mut bytes = lists.to_vec();
    bytes.resize(ANNOTATION_BYTES, 0);
    bytes
}
