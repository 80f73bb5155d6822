//! The header of EDF, EDF+, BDF and BDF+ files, read leniently where real files are odd.
//!
//! Sources: Kemp et al. 1992 (EDF), Kemp and Olivan 2003 (EDF+), BioSemi's description of BDF.
//! The fields that identify a patient are skipped: they never enter memory as text.

use std::collections::HashMap;
use std::fs::File;
use std::path::Path;

use jiff::civil::{Date, DateTime, Time};

use super::{read_at, start};
use crate::error::quoted;
use crate::{Error, Result, Warning, WarningCode};

/// Bytes of the fixed part of the header, and of each signal's part.
pub(super) const BLOCK: usize = 256;

/// Shortest and longest duration of a data record in seconds that is believed.
const RECORD_DURATION_S: (f64, f64) = (1e-6, 1e6);

/// Data records that a file may hold: what the header's eight characters can count.
const MOST_RECORDS: u64 = 99_999_999;

/// Greatest physical limit that is believed; beyond it, samples of 24 bits leave what 32-bit numbers hold exactly enough.
const GREATEST_PHYSICAL: f64 = 1e12;

/// Bytes that annotations may take in one data record: these are held in memory at once.
const MOST_ANNOTATION_BYTES: usize = 16 << 20;

/// The container format of a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// European Data Format, 16-bit samples.
    Edf,
    /// EDF+ whose records follow each other without a gap.
    EdfPlusContinuous,
    /// EDF+ whose records may lie apart in time.
    EdfPlusDiscontinuous,
    /// BioSemi's 24-bit variant of EDF.
    Bdf,
    /// BDF+ without gaps.
    BdfPlusContinuous,
    /// BDF+ with gaps.
    BdfPlusDiscontinuous,
}

impl Format {
    /// Returns the format's name: `EDF`, `EDF+C`, `EDF+D`, `BDF`, `BDF+C` or `BDF+D`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Edf => "EDF",
            Self::EdfPlusContinuous => "EDF+C",
            Self::EdfPlusDiscontinuous => "EDF+D",
            Self::Bdf => "BDF",
            Self::BdfPlusContinuous => "BDF+C",
            Self::BdfPlusDiscontinuous => "BDF+D",
        }
    }

    /// Returns the bytes of one sample: 2 or 3.
    pub const fn sample_bytes(self) -> usize {
        match self {
            Self::Edf | Self::EdfPlusContinuous | Self::EdfPlusDiscontinuous => 2,
            Self::Bdf | Self::BdfPlusContinuous | Self::BdfPlusDiscontinuous => 3,
        }
    }

    /// Returns whether records may lie apart in time.
    pub const fn is_discontinuous(self) -> bool {
        matches!(self, Self::EdfPlusDiscontinuous | Self::BdfPlusDiscontinuous)
    }
}

/// What the header says of one signal.
#[derive(Debug, Clone, PartialEq)]
pub struct Signal {
    /// The label, trimmed, decoded as UTF-8 or else as Latin-1.
    pub label: String,
    /// The physical dimension as written, such as `uV`; often empty.
    pub unit: String,
    /// Physical value of [`digital_min`](Self::digital_min). May lie above the maximum: the signal is then inverted.
    pub physical_min: f64,
    /// Physical value of [`digital_max`](Self::digital_max).
    pub physical_max: f64,
    /// Smallest digital value that the recorder announces.
    pub digital_min: i32,
    /// Greatest digital value that the recorder announces.
    pub digital_max: i32,
    /// Samples in each data record.
    pub samples_per_record: usize,
    /// Whether the signal holds annotations instead of samples.
    pub is_annotations: bool,
}

impl Signal {
    /// Returns gain and offset such that `physical = gain * digital + offset`, or `None` where the digital range is
    /// empty or the physical one beyond all measures.
    pub fn scaling(&self) -> Option<(f64, f64)> {
        let digital = f64::from(self.digital_max) - f64::from(self.digital_min);
        if digital == 0.0 || self.is_beyond_measure() {
            return None;
        }
        let gain = (self.physical_max - self.physical_min) / digital;
        Some((gain, self.physical_min - gain * f64::from(self.digital_min)))
    }

    fn is_beyond_measure(&self) -> bool {
        self.physical_min.abs().max(self.physical_max.abs()) > GREATEST_PHYSICAL
    }
}

/// A header, checked against the length of its file.
#[derive(Debug, Clone, PartialEq)]
pub struct Header {
    /// The container format.
    pub format: Format,
    /// The date on which the recording began, where the file tells a possible one.
    pub start_date: Option<Date>,
    /// The time of day at which the recording began, to the second.
    pub start_time: Option<Time>,
    /// Duration of a data record in seconds; 0 only where there are no ordinary signals.
    pub record_duration_s: f64,
    /// Whole data records in the file, counted by its length.
    pub n_records: u64,
    /// The signals, in the order of the file.
    pub signals: Vec<Signal>,
    /// Bytes before the first data record.
    pub(super) data_offset: u64,
}

impl Header {
    /// Returns when the recording began: the wall clock where it was made, without a zone.
    pub fn start(&self) -> Option<DateTime> {
        Some(DateTime::from_parts(self.start_date?, self.start_time?))
    }

    /// Returns the sampling rate of a signal in hertz, 0 where records have no duration.
    pub fn rate_hz(&self, signal: &Signal) -> f64 {
        if self.record_duration_s == 0.0 {
            0.0
        } else {
            signal.samples_per_record as f64 / self.record_duration_s
        }
    }

    /// Returns the bytes of one data record.
    pub(super) fn record_bytes(&self) -> u64 {
        let samples: u64 = self.signals.iter().map(|signal| signal.samples_per_record as u64).sum();
        samples * self.format.sample_bytes() as u64
    }

    /// Returns the bytes of a record before the samples of a signal.
    pub(super) fn offset_in_record(&self, signal: usize) -> u64 {
        let samples: u64 =
            self.signals[..signal].iter().map(|signal| signal.samples_per_record as u64).sum();
        samples * self.format.sample_bytes() as u64
    }

    /// Reads the header of an open file of `file_bytes` bytes.
    pub(super) fn read(
        path: &Path,
        file: &File,
        file_bytes: u64,
        warnings: &mut Vec<Warning>,
    ) -> Result<Self> {
        let mut parser = Parser { path, warnings };
        let mut fixed = [0; BLOCK];
        let n = file_bytes.min(BLOCK as u64) as usize;
        read_at(file, 0, &mut fixed[..n]).map_err(Error::io(path, "read"))?;
        let is_bdf = parser.check_magic(&fixed[..n])?;
        if n < BLOCK {
            return Err(Error::HeaderCut {
                path: path.to_owned(),
                found: file_bytes,
                needed: BLOCK as u64,
            });
        }

        let n_signals: usize = parser.whole(&fixed[252..256], "number of signals", 1, 9999)?;
        let data_offset = (BLOCK * (n_signals + 1)) as u64;
        if file_bytes < data_offset {
            return Err(Error::HeaderCut {
                path: path.to_owned(),
                found: file_bytes,
                needed: data_offset,
            });
        }
        parser.check_header_bytes(&fixed[184..192], data_offset);
        let format = parser.format(&fixed[192..236], is_bdf);
        let mut block = vec![0; BLOCK * n_signals];
        read_at(file, BLOCK as u64, &mut block).map_err(Error::io(path, "read"))?;
        let signals = parser.signals(&block, n_signals)?;
        parser.check_annotation_bytes(&signals, format.sample_bytes())?;
        parser.warn_duplicates(&signals);

        let has_samples =
            signals.iter().any(|signal| !signal.is_annotations && signal.samples_per_record > 0);
        let record_duration_s = parser.record_duration(&fixed[244..252], has_samples)?;
        let (start_date, start_time) = parser.start(&fixed);
        let mut header = Self {
            format,
            start_date,
            start_time,
            record_duration_s,
            n_records: 0,
            signals,
            data_offset,
        };
        header.n_records =
            parser.n_records(&fixed[236..244], file_bytes - data_offset, header.record_bytes())?;
        Ok(header)
    }
}

/// Offset and width of the fields of a signal: each field lies for all signals one after the other.
mod field {
    pub(super) const LABEL: (usize, usize) = (0, 16);
    pub(super) const UNIT: (usize, usize) = (96, 8);
    pub(super) const PHYSICAL_MIN: (usize, usize) = (104, 8);
    pub(super) const PHYSICAL_MAX: (usize, usize) = (112, 8);
    pub(super) const DIGITAL_MIN: (usize, usize) = (120, 8);
    pub(super) const DIGITAL_MAX: (usize, usize) = (128, 8);
    pub(super) const SAMPLES: (usize, usize) = (216, 8);
}

/// Reads fields, and remembers what was odd about them.
struct Parser<'a> {
    path: &'a Path,
    warnings: &'a mut Vec<Warning>,
}

impl Parser<'_> {
    fn warn(&mut self, code: WarningCode, message: String) {
        self.warnings.push(Warning::new(code, message));
    }

    fn error(&self, field: &str, bytes: &[u8], expected: impl Into<String>) -> Error {
        let value = quoted(&decode(bytes));
        Error::Header {
            path: self.path.to_owned(),
            field: field.to_owned(),
            value,
            expected: expected.into(),
        }
    }

    /// Returns whether the file is BDF.
    fn check_magic(&self, fixed: &[u8]) -> Result<bool> {
        let not_a_recording =
            |found: String| Error::NotARecording { path: self.path.to_owned(), found };
        match fixed {
            [] => Err(not_a_recording("it is empty".to_owned())),
            [0xff, rest @ ..] if rest.starts_with(b"BIOSEMI") => Ok(true),
            [b'0', rest @ ..] if rest.iter().take(7).all(|byte| matches!(byte, b' ' | 0)) => {
                Ok(false)
            }
            _ => {
                let head = String::from_utf8_lossy(&fixed[..fixed.len().min(8)]).into_owned();
                Err(not_a_recording(format!("it begins with {}", quoted(&head))))
            }
        }
    }

    fn check_header_bytes(&mut self, bytes: &[u8], needed: u64) {
        let text = decode(bytes);
        if text.parse() != Ok(needed) {
            let message = format!(
                "the header says that it takes {} bytes; its number of signals makes it {needed}, which was used",
                quoted(&text)
            );
            self.warn(WarningCode::HeaderField, message);
        }
    }

    fn format(&mut self, reserved: &[u8], is_bdf: bool) -> Format {
        let reserved = decode(reserved);
        let named =
            self.path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        let named_bdf = named.eq_ignore_ascii_case("bdf");
        if named_bdf != is_bdf && (named_bdf || named.eq_ignore_ascii_case("edf")) {
            let (real, bits) = if is_bdf { ("BDF", 24) } else { ("EDF", 16) };
            self.warn(
                WarningCode::Format,
                format!("the file is named `.{named}` but is {real}; read with {bits} bits"),
            );
        }
        let plus = reserved.get(..5).unwrap_or_default();
        match (is_bdf, plus) {
            (false, "EDF+C" | "BDF+C") => Format::EdfPlusContinuous,
            (false, "EDF+D" | "BDF+D") => Format::EdfPlusDiscontinuous,
            (false, _) => Format::Edf,
            (true, "BDF+C" | "EDF+C") => Format::BdfPlusContinuous,
            (true, "BDF+D" | "EDF+D") => Format::BdfPlusDiscontinuous,
            (true, _) => Format::Bdf,
        }
    }

    fn signals(&mut self, block: &[u8], n: usize) -> Result<Vec<Signal>> {
        let field =
            |i: usize, (offset, width): (usize, usize)| &block[n * offset + i * width..][..width];

        (0..n)
            .map(|i| {
                let label =
                    self.text(field(i, field::LABEL), &format!("label of signal {}", i + 1));
                let of = |name: &str| format!("{name} of signal {} ({})", i + 1, quoted(&label));
                let samples_per_record = self.whole(
                    field(i, field::SAMPLES),
                    &of("number of samples in each data record"),
                    0,
                    99_999_999,
                )?;
                let is_annotations =
                    matches!(label.as_str(), "EDF Annotations" | "BDF Annotations");
                if is_annotations {
                    return Ok(Signal {
                        label,
                        unit: String::new(),
                        physical_min: -1.0,
                        physical_max: 1.0,
                        digital_min: -32768,
                        digital_max: 32767,
                        samples_per_record,
                        is_annotations,
                    });
                }
                let signal = Signal {
                    unit: self.text(field(i, field::UNIT), &of("physical dimension")),
                    physical_min: self
                        .number(field(i, field::PHYSICAL_MIN), &of("physical minimum"))?,
                    physical_max: self
                        .number(field(i, field::PHYSICAL_MAX), &of("physical maximum"))?,
                    digital_min: self
                        .digital(field(i, field::DIGITAL_MIN), &of("digital minimum"))?,
                    digital_max: self
                        .digital(field(i, field::DIGITAL_MAX), &of("digital maximum"))?,
                    label,
                    samples_per_record,
                    is_annotations,
                };
                self.warn_range(&signal);
                Ok(signal)
            })
            .collect()
    }

    /// Refuses annotations that take more memory than any scoring needs.
    fn check_annotation_bytes(&self, signals: &[Signal], sample_bytes: usize) -> Result<()> {
        let most = MOST_ANNOTATION_BYTES / sample_bytes;
        let too_long = |signal: &&Signal| signal.is_annotations && signal.samples_per_record > most;
        match signals.iter().find(too_long) {
            None => Ok(()),
            Some(signal) => Err(self.error(
                &format!("number of samples in each data record of {}", quoted(&signal.label)),
                signal.samples_per_record.to_string().as_bytes(),
                format!("at most {most} for annotations"),
            )),
        }
    }

    fn warn_range(&mut self, signal: &Signal) {
        let label = quoted(&signal.label);
        if signal.digital_min == signal.digital_max {
            let message =
                format!("the digital range of {label} is empty; its samples cannot be scaled");
            self.warn(WarningCode::EmptyRange, message);
        } else if signal.is_beyond_measure() {
            let message = format!(
                "the physical range of {label}, {:e} to {:e}, is beyond all measures; its samples cannot be scaled",
                signal.physical_min, signal.physical_max
            );
            self.warn(WarningCode::EmptyRange, message);
        } else if signal.physical_min == signal.physical_max {
            let message =
                format!("the physical range of {label} is empty; every sample has the same value");
            self.warn(WarningCode::EmptyRange, message);
        } else if (signal.physical_min > signal.physical_max)
            != (signal.digital_min > signal.digital_max)
        {
            self.warn(
                WarningCode::InvertedRange,
                format!("the range of {label} is inverted; its polarity was kept so"),
            );
        }
    }

    fn warn_duplicates(&mut self, signals: &[Signal]) {
        let mut seen: HashMap<&str, usize> = HashMap::new();
        for signal in signals.iter().filter(|signal| !signal.is_annotations) {
            let n = seen.entry(&signal.label).or_default();
            *n += 1;
            if *n == 2 {
                let message = format!(
                    "several signals are labelled {}; the first is used",
                    quoted(&signal.label)
                );
                self.warn(WarningCode::DuplicateLabel, message);
            }
        }
    }

    fn record_duration(&mut self, bytes: &[u8], has_samples: bool) -> Result<f64> {
        const FIELD: &str = "duration of a data record";

        let duration_s = self.number(bytes, FIELD)?;
        let (shortest, longest) = RECORD_DURATION_S;
        if (shortest..=longest).contains(&duration_s) || (duration_s == 0.0 && !has_samples) {
            return Ok(duration_s);
        }
        Err(self.error(FIELD, bytes, format!("{shortest} to {longest} seconds")))
    }

    fn start(&mut self, fixed: &[u8; BLOCK]) -> (Option<Date>, Option<Time>) {
        let (date, time) = (decode(&fixed[168..176]), decode(&fixed[176..184]));
        let start_date = start::date(&date, &decode(&fixed[88..168]));
        let start_time = start::time(&time);
        if start_date.is_none() {
            let message =
                format!("the start date {} is no date; the recording has none", quoted(&date));
            self.warn(WarningCode::StartTime, message);
        }
        if start_time.is_none() {
            let message = format!(
                "the start time {} is no time of day; the recording has none",
                quoted(&time)
            );
            self.warn(WarningCode::StartTime, message);
        }
        (start_date, start_time)
    }

    /// Counts the whole records that the file holds, whatever the header claims.
    fn n_records(&mut self, bytes: &[u8], data_bytes: u64, record_bytes: u64) -> Result<u64> {
        let whole = data_bytes.checked_div(record_bytes).unwrap_or(0);
        let rest = data_bytes - whole * record_bytes;
        if whole > MOST_RECORDS {
            let expected = format!(
                "at most {MOST_RECORDS}, but the file holds {whole} data records of {record_bytes} bytes"
            );
            return Err(self.error("number of data records", bytes, expected));
        }
        let claimed = decode(bytes);
        if claimed.parse() != Ok(whole) {
            let message = format!(
                "the header counts {} data records; the file holds {whole}, which were read",
                quoted(&claimed)
            );
            self.warn(WarningCode::RecordCount, message);
        }
        if rest != 0 {
            let message = format!(
                "the last {rest} bytes are no whole data record of {record_bytes} bytes; left out"
            );
            self.warn(WarningCode::TruncatedRecord, message);
        }
        Ok(whole)
    }

    /// Reads a text field: UTF-8, or else Latin-1.
    fn text(&mut self, bytes: &[u8], field: &str) -> String {
        let text = decode(bytes);
        if !bytes.is_ascii() {
            let encoding = if std::str::from_utf8(bytes).is_ok() { "UTF-8" } else { "Latin-1" };
            let message =
                format!("the {field} is not ASCII; read as {encoding}: {}", quoted(&text));
            self.warn(WarningCode::HeaderEncoding, message);
        }
        text
    }

    /// Reads a finite number; a decimal comma is understood.
    fn number(&mut self, bytes: &[u8], field: &str) -> Result<f64> {
        let text = decode(bytes);
        let plain = |text: &str| {
            let is_plain = text
                .bytes()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E'));
            text.parse().ok().filter(|number: &f64| is_plain && number.is_finite())
        };
        if let Some(number) = plain(&text) {
            return Ok(number);
        }
        if let Some(number) = plain(&text.replacen(',', ".", 1)) {
            let message =
                format!("the {field} is written with a comma, {}; read as {number}", quoted(&text));
            self.warn(WarningCode::HeaderField, message);
            return Ok(number);
        }
        Err(self.error(field, bytes, "a number"))
    }

    /// Reads a whole number in `[least, greatest]`.
    fn whole(&self, bytes: &[u8], field: &str, least: usize, greatest: usize) -> Result<usize> {
        let number =
            decode(bytes).parse().ok().filter(|number| (least..=greatest).contains(number));
        number.ok_or_else(|| {
            self.error(field, bytes, format!("a whole number from {least} to {greatest}"))
        })
    }

    /// Reads a digital limit; some writers give it as a decimal fraction of zero.
    fn digital(&mut self, bytes: &[u8], field: &str) -> Result<i32> {
        const RANGE: std::ops::RangeInclusive<f64> = -8_388_608.0..=8_388_607.0;
        let number = self.number(bytes, field)?;
        if number.fract() != 0.0 || !RANGE.contains(&number) {
            return Err(self.error(field, bytes, "a whole number of at most 24 bits"));
        }
        Ok(number as i32)
    }
}

/// Decodes a field: UTF-8 or else Latin-1, without the padding of blanks and zeros around it.
pub(super) fn decode(bytes: &[u8]) -> String {
    let text = match std::str::from_utf8(bytes) {
        Ok(text) => text.to_owned(),
        Err(_) => bytes.iter().map(|byte| char::from(*byte)).collect(),
    };
    text.trim_matches([' ', '\0', '\t', '\r', '\n']).to_owned()
}
