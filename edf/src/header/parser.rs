//! Parses the header leniently: common mistakes are corrected, with a warning, if the meaning is clear.
//!
//! The patient field is never decoded.

use std::collections::HashMap;
use std::fs::File;
use std::path::Path;

use jiff::civil::{Date, Time};

use super::layout::{self, BLOCK, Column, decode};
use super::{EdfHeader, SignalHeader, simulator_code, start};
use crate::error::{Error, HeaderField, Result};
use crate::format::EdfFormat;
use crate::regular_file::read_at;
use crate::warning::{EdfWarning, TextEncoding};

/// Shortest and longest duration of a data record in seconds that is accepted.
const RECORD_DURATION_S: (f64, f64) = (1e-6, 1e6);

/// Maximum number of data records: what eight characters can count.
const MAX_RECORDS: u64 = 99_999_999;

/// Maximum number of samples of a signal in a data record: what eight characters can count.
const MAX_SAMPLES_PER_RECORD: usize = 99_999_999;

/// Maximum number of signals: what four characters can count.
const MAX_SIGNALS: usize = 9999;

/// Maximum length of an annotation signal in one data record, in bytes: it is kept in memory as a whole.
const MAX_ANNOTATION_BYTES: usize = 16 << 20;

/// Labels of annotation signals.
const ANNOTATION_LABELS: [&str; 2] = ["EDF Annotations", "BDF Annotations"];

/// Reads the header of an open file of `file_bytes` bytes.
pub(super) fn read(
    path: &Path,
    file: &File,
    file_bytes: u64,
    warnings: &mut Vec<EdfWarning>,
) -> Result<EdfHeader> {
    let mut parser = Parser { path, warnings };
    let truncated =
        |needed: u64| Error::TruncatedHeader { path: path.to_owned(), found: file_bytes, needed };
    let mut fixed = [0; BLOCK];
    let n = file_bytes.min(BLOCK as u64) as usize;
    read_at(file, 0, &mut fixed[..n]).map_err(Error::io(path, "read"))?;
    let is_bdf = parser.is_bdf(&fixed[..n])?;
    if n < BLOCK {
        return Err(truncated(BLOCK as u64));
    }

    let field = HeaderField::of_file("number of signals");
    let n_signals = parser.whole_number(&fixed[layout::N_SIGNALS], &field, 1, MAX_SIGNALS)?;
    let data_offset = (BLOCK * (n_signals + 1)) as u64;
    // Checked before memory is reserved for the signals.
    if file_bytes < data_offset {
        return Err(truncated(data_offset));
    }
    parser.check_header_length(&fixed[layout::HEADER_BYTES], data_offset);
    let format = parser.format(&fixed[layout::RESERVED], is_bdf);
    let mut block = vec![0; BLOCK * n_signals];
    read_at(file, BLOCK as u64, &mut block).map_err(Error::io(path, "read"))?;
    let signals = (0..n_signals)
        .map(|idx| parser.signal(&SignalFields { block: &block, n_signals, idx }))
        .collect::<Result<Vec<SignalHeader>>>()?;
    parser.check_annotation_length(&signals, format.sample_bytes())?;
    parser.warn_duplicate_labels(&signals);

    let has_samples =
        signals.iter().any(|signal| !signal.is_annotations && signal.samples_per_record > 0);
    let record_duration_s = parser.record_duration(&fixed[layout::RECORD_DURATION], has_samples)?;
    let (start_date, start_time) = parser.start(&fixed);
    let mut header = EdfHeader {
        format,
        start_date,
        start_time,
        is_simulated: simulator_code(&decode(&fixed[layout::RECORDING])).is_some(),
        record_duration_s,
        n_records: 0,
        signals,
        data_offset,
    };
    let data_bytes = file_bytes - data_offset;
    header.n_records =
        parser.n_records(&fixed[layout::N_RECORDS], data_bytes, header.record_bytes())?;
    Ok(header)
}

/// The fields of one signal.
struct SignalFields<'a> {
    /// The fields of all signals.
    block: &'a [u8],
    n_signals: usize,
    idx: usize,
}

impl<'a> SignalFields<'a> {
    fn get(&self, column: Column) -> &'a [u8] {
        column.field(self.block, self.n_signals, self.idx)
    }
}

/// Parses fields and collects warnings.
struct Parser<'a> {
    path: &'a Path,
    warnings: &'a mut Vec<EdfWarning>,
}

impl Parser<'_> {
    /// Returns the error of a field that cannot be corrected.
    fn invalid(&self, field: &HeaderField, bytes: &[u8], expected: impl Into<String>) -> Error {
        Error::Header {
            path: self.path.to_owned(),
            field: field.clone(),
            value: decode(bytes),
            expected: expected.into(),
        }
    }

    /// Returns whether the file is BDF, by its version field.
    fn is_bdf(&self, fixed: &[u8]) -> Result<bool> {
        match fixed {
            [0xff, rest @ ..] if rest.starts_with(b"BIOSEMI") => Ok(true),
            [b'0', rest @ ..] if rest.iter().take(7).all(|byte| matches!(byte, b' ' | 0)) => {
                Ok(false)
            }
            _ => {
                let start = fixed[..fixed.len().min(layout::VERSION.end)].to_vec();
                Err(Error::NotEdf { path: self.path.to_owned(), start })
            }
        }
    }

    /// Warns if the declared length of the header is wrong; the actual one follows from the number of signals.
    fn check_header_length(&mut self, bytes: &[u8], actual: u64) {
        let claimed = decode(bytes);
        if claimed.parse() != Ok(actual) {
            self.warnings.push(EdfWarning::HeaderLength { claimed, actual });
        }
    }

    /// Returns the format by the version and reserved fields; warns if the file name has the extension of the other one.
    fn format(&mut self, reserved: &[u8], is_bdf: bool) -> EdfFormat {
        let extension =
            self.path.extension().and_then(|extension| extension.to_str()).unwrap_or_default();
        let is_named_bdf = extension.eq_ignore_ascii_case("bdf");
        if is_named_bdf != is_bdf && (is_named_bdf || extension.eq_ignore_ascii_case("edf")) {
            let format = if is_bdf { EdfFormat::Bdf } else { EdfFormat::Edf };
            self.warnings.push(EdfWarning::FileName { extension: extension.to_owned(), format });
        }
        let reserved = decode(reserved);
        // Some writers of BDF+ declare `EDF+C`; the version field decides.
        match (is_bdf, reserved.get(..5).unwrap_or_default()) {
            (false, "EDF+C" | "BDF+C") => EdfFormat::EdfPlusContinuous,
            (false, "EDF+D" | "BDF+D") => EdfFormat::EdfPlusDiscontinuous,
            (false, _) => EdfFormat::Edf,
            (true, "BDF+C" | "EDF+C") => EdfFormat::BdfPlusContinuous,
            (true, "BDF+D" | "EDF+D") => EdfFormat::BdfPlusDiscontinuous,
            (true, _) => EdfFormat::Bdf,
        }
    }

    /// Parses the fields of one signal.
    fn signal(&mut self, fields: &SignalFields<'_>) -> Result<SignalHeader> {
        let idx = fields.idx;
        let label =
            self.text(fields.get(layout::LABEL), || HeaderField::of_signal("label", idx, ""));
        let field = |name| HeaderField::of_signal(name, idx, &label);
        let samples_per_record = self.whole_number(
            fields.get(layout::SAMPLES_PER_RECORD),
            &field("number of samples in each data record"),
            0,
            MAX_SAMPLES_PER_RECORD,
        )?;
        if ANNOTATION_LABELS.contains(&label.as_str()) {
            return Ok(annotation_signal(label, samples_per_record));
        }
        let signal = SignalHeader {
            unit: self.text(fields.get(layout::UNIT), || field("physical dimension")),
            physical_min: self
                .number(fields.get(layout::PHYSICAL_MIN), &field("physical minimum"))?,
            physical_max: self
                .number(fields.get(layout::PHYSICAL_MAX), &field("physical maximum"))?,
            digital_min: self
                .digital(fields.get(layout::DIGITAL_MIN), &field("digital minimum"))?,
            digital_max: self
                .digital(fields.get(layout::DIGITAL_MAX), &field("digital maximum"))?,
            label,
            samples_per_record,
            is_annotations: false,
        };
        self.warnings.extend(range_warning(&signal));
        Ok(signal)
    }

    /// Refuses annotation signals that take more memory than any scoring needs.
    fn check_annotation_length(&self, signals: &[SignalHeader], sample_bytes: usize) -> Result<()> {
        let limit = MAX_ANNOTATION_BYTES / sample_bytes;
        let is_too_long = |(_, signal): &(usize, &SignalHeader)| {
            signal.is_annotations && signal.samples_per_record > limit
        };
        let Some((idx, signal)) = signals.iter().enumerate().find(is_too_long) else {
            return Ok(());
        };
        let name = "number of samples in each data record";
        Err(self.invalid(
            &HeaderField::of_signal(name, idx, &signal.label),
            signal.samples_per_record.to_string().as_bytes(),
            format!("at most {limit} for annotations"),
        ))
    }

    /// Warns once about each label that several signals have.
    fn warn_duplicate_labels(&mut self, signals: &[SignalHeader]) {
        let mut counts: HashMap<&str, usize> = HashMap::new();
        for SignalHeader { label, .. } in signals.iter().filter(|signal| !signal.is_annotations) {
            let count = counts.entry(label).or_default();
            *count += 1;
            if *count == 2 {
                self.warnings.push(EdfWarning::DuplicateLabel { label: label.clone() });
            }
        }
    }

    /// Parses the duration of a data record, which may be 0 if there are annotations only.
    fn record_duration(&mut self, bytes: &[u8], has_samples: bool) -> Result<f64> {
        let field = HeaderField::of_file("duration of a data record");
        let duration_s = self.number(bytes, &field)?;
        let (min, max) = RECORD_DURATION_S;
        if (min..=max).contains(&duration_s) || (duration_s == 0.0 && !has_samples) {
            return Ok(duration_s);
        }
        Err(self.invalid(&field, bytes, format!("{min} to {max} seconds")))
    }

    /// Parses the start date and time; an invalid one is `None`, with a warning.
    fn start(&mut self, fixed: &[u8; BLOCK]) -> (Option<Date>, Option<Time>) {
        let date = decode(&fixed[layout::START_DATE]);
        let time = decode(&fixed[layout::START_TIME]);
        let start_date = start::date(&date, &decode(&fixed[layout::RECORDING]));
        let start_time = start::time(&time);
        if start_date.is_none() {
            self.warnings.push(EdfWarning::StartDate { text: date });
        }
        if start_time.is_none() {
            self.warnings.push(EdfWarning::StartTime { text: time });
        }
        (start_date, start_time)
    }

    /// Counts the complete data records in the file, whatever the header claims.
    fn n_records(&mut self, bytes: &[u8], data_bytes: u64, record_bytes: u64) -> Result<u64> {
        let actual = data_bytes.checked_div(record_bytes).unwrap_or(0);
        let rest = data_bytes - actual * record_bytes;
        if actual > MAX_RECORDS {
            let expected = format!(
                "at most {MAX_RECORDS}, but the file has {actual} data records of {record_bytes} bytes"
            );
            let field = HeaderField::of_file("number of data records");
            return Err(self.invalid(&field, bytes, expected));
        }
        let claimed = decode(bytes);
        if claimed.parse() != Ok(actual) {
            self.warnings.push(EdfWarning::RecordCount { claimed, actual });
        }
        if rest != 0 {
            self.warnings.push(EdfWarning::TruncatedRecord { bytes: rest, record_bytes });
        }
        Ok(actual)
    }

    /// Decodes a text field as UTF-8, or else as Latin-1.
    fn text(&mut self, bytes: &[u8], field: impl FnOnce() -> HeaderField) -> String {
        let value = decode(bytes);
        if !bytes.is_ascii() {
            let is_utf8 = std::str::from_utf8(bytes).is_ok();
            let encoding = if is_utf8 { TextEncoding::Utf8 } else { TextEncoding::Latin1 };
            let value = value.clone();
            self.warnings.push(EdfWarning::HeaderEncoding { field: field(), encoding, value });
        }
        value
    }

    /// Parses a finite number; a decimal comma is accepted.
    fn number(&mut self, bytes: &[u8], field: &HeaderField) -> Result<f64> {
        let text = decode(bytes);
        if let Some(number) = finite(&text) {
            return Ok(number);
        }
        if let Some(number) = finite(&text.replacen(',', ".", 1)) {
            self.warnings.push(EdfWarning::DecimalComma { field: field.clone(), text, number });
            return Ok(number);
        }
        Err(self.invalid(field, bytes, "a number"))
    }

    /// Parses a whole number in `[min, max]`.
    fn whole_number(
        &self,
        bytes: &[u8],
        field: &HeaderField,
        min: usize,
        max: usize,
    ) -> Result<usize> {
        let number = decode(bytes).parse().ok().filter(|number| (min..=max).contains(number));
        number.ok_or_else(|| {
            self.invalid(field, bytes, format!("a whole number from {min} to {max}"))
        })
    }

    /// Parses a digital limit; some writers add a fraction of zero.
    fn digital(&mut self, bytes: &[u8], field: &HeaderField) -> Result<i32> {
        const RANGE: std::ops::RangeInclusive<f64> = -8_388_608.0..=8_388_607.0;
        let number = self.number(bytes, field)?;
        if number.fract() != 0.0 || !RANGE.contains(&number) {
            return Err(self.invalid(field, bytes, "a whole number of at most 24 bits"));
        }
        Ok(number as i32)
    }
}

/// Returns the header of an annotation signal; its ranges are not read, as its bytes are text.
fn annotation_signal(label: String, samples_per_record: usize) -> SignalHeader {
    SignalHeader {
        label,
        unit: String::new(),
        physical_min: -1.0,
        physical_max: 1.0,
        digital_min: -32768,
        digital_max: 32767,
        samples_per_record,
        is_annotations: true,
    }
}

/// Parses a finite decimal number; `inf`, `nan` and hexadecimal notation are refused.
fn finite(text: &str) -> Option<f64> {
    let is_allowed = |byte: u8| matches!(byte, b'0'..=b'9' | b'+' | b'-' | b'.' | b'e' | b'E');
    text.parse().ok().filter(|number: &f64| text.bytes().all(is_allowed) && number.is_finite())
}

/// Returns a warning if the ranges of a signal are empty, inverted or too large.
fn range_warning(signal: &SignalHeader) -> Option<EdfWarning> {
    let label = || signal.label.clone();
    let (physical_min, physical_max) = (signal.physical_min, signal.physical_max);
    if signal.digital_min == signal.digital_max {
        return Some(EdfWarning::EmptyDigitalRange { label: label() });
    }
    if signal.has_excessive_range() {
        let range = (physical_min, physical_max);
        return Some(EdfWarning::ExcessivePhysicalRange { label: label(), range });
    }
    if physical_min == physical_max {
        return Some(EdfWarning::EmptyPhysicalRange { label: label() });
    }
    let is_inverted = (physical_min > physical_max) != (signal.digital_min > signal.digital_max);
    is_inverted.then(|| EdfWarning::InvertedRange { label: label() })
}
