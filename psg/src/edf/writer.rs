//! Writes EDF+C files.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use jiff::civil::DateTime;

use crate::annotation::Annotation;
use crate::{Error, Result};

/// What is to be written of a signal's header.
#[derive(Debug, Clone, PartialEq)]
pub struct NewSignal {
    /// The label, ASCII, at most 16 bytes.
    pub label: String,
    /// The physical dimension, ASCII, at most 8 bytes.
    pub unit: String,
    /// Physical values at digital −32768 and 32767.
    pub physical_range: (f64, f64),
    /// Samples in each data record.
    pub samples_per_record: usize,
}

/// Writes a continuous EDF+ recording, record by record.
///
/// The file has its final name only after [`commit`](Self::commit); until then it is `NAME.tmp`.
#[derive(Debug)]
pub struct EdfWriter {
    path: PathBuf,
    temporary: PathBuf,
    file: BufWriter<File>,
    signals: Vec<NewSignal>,
    record_duration_s: f64,
    annotation_bytes: usize,
    annotations: Vec<Annotation>,
    n_records: usize,
}

/// Bytes of the annotation signal that the time-keeping list of a record needs.
const TIME_KEEPING_BYTES: usize = 24;

impl EdfWriter {
    /// Begins a recording of `n_records` records of `record_duration_s` seconds each.
    ///
    /// The annotations go into the record in which they begin. No patient is named: the fields hold `X`.
    ///
    /// # Errors
    ///
    /// [`Error::Unwritable`] where a label, a unit or a number does not fit its field, and [`Error::Io`].
    pub fn create(
        path: &Path,
        start: DateTime,
        (n_records, record_duration_s): (usize, f64),
        signals: Vec<NewSignal>,
        annotations: Vec<Annotation>,
    ) -> Result<Self> {
        let mut name = path.file_name().unwrap_or_default().to_owned();
        name.push(".tmp");
        let temporary = path.with_file_name(name);
        let longest = (0..n_records)
            .map(|record| {
                let lists = Self::lists_in(&annotations, record, n_records, record_duration_s);
                lists.map(|annotation| annotation.to_tal().len()).sum::<usize>()
            })
            .max()
            .unwrap_or(0);
        // Two bytes make a sample.
        let annotation_bytes = (TIME_KEEPING_BYTES + longest).next_multiple_of(2);
        let header = header_bytes(start, n_records, record_duration_s, &signals, annotation_bytes)
            .map_err(|problem| Error::Unwritable { path: path.to_owned(), problem })?;
        let file = File::create(&temporary).map_err(Error::io(&temporary, "create"))?;
        let mut writer = Self {
            path: path.to_owned(),
            temporary,
            file: BufWriter::new(file),
            signals,
            record_duration_s,
            annotation_bytes,
            annotations,
            n_records,
        };
        writer.write(&header)?;
        Ok(writer)
    }

    /// Writes all samples: `samples[i]` holds the physical values of signal `i` over the whole recording.
    ///
    /// Values outside of the signal's range are clipped, as a recorder does.
    ///
    /// # Errors
    ///
    /// [`Error::Unwritable`] where a signal is not as long as the records, and [`Error::Io`].
    pub fn write_samples(&mut self, samples: &[Vec<f32>]) -> Result<()> {
        for (signal, values) in self.signals.iter().zip(samples) {
            let expected = signal.samples_per_record * self.n_records;
            if values.len() != expected {
                let problem =
                    format!("`{}` has {} samples; expected {expected}", signal.label, values.len());
                return Err(Error::Unwritable { path: self.path.clone(), problem });
            }
        }
        let mut bytes = Vec::new();
        for record in 0..self.n_records {
            bytes.clear();
            for (signal, values) in self.signals.iter().zip(samples) {
                let n = signal.samples_per_record;
                encode_samples(
                    &values[record * n..(record + 1) * n],
                    signal.physical_range,
                    &mut bytes,
                );
            }
            self.append_annotations(record, &mut bytes);
            self.write(&bytes)?;
        }
        Ok(())
    }

    /// Makes the file durable and gives it its name.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]; the file then keeps its temporary name.
    pub fn commit(mut self) -> Result<()> {
        self.file.flush().map_err(Error::io(&self.temporary, "write"))?;
        self.file.get_ref().sync_all().map_err(Error::io(&self.temporary, "write"))?;
        std::fs::rename(&self.temporary, &self.path).map_err(Error::io(&self.path, "rename"))
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).map_err(Error::io(&self.temporary, "write"))
    }

    fn append_annotations(&self, record: usize, bytes: &mut Vec<u8>) {
        let start = bytes.len();
        bytes.extend_from_slice(
            format!("+{}\x14\x14\0", record as f64 * self.record_duration_s).as_bytes(),
        );
        for annotation in
            Self::lists_in(&self.annotations, record, self.n_records, self.record_duration_s)
        {
            bytes.extend_from_slice(&annotation.to_tal());
        }
        bytes.resize(start + self.annotation_bytes, 0);
    }

    /// Returns the annotations that begin in a record; those outside of the recording go into the nearest one.
    fn lists_in(
        annotations: &[Annotation],
        record: usize,
        n_records: usize,
        record_duration_s: f64,
    ) -> impl Iterator<Item = &Annotation> {
        let place = move |annotation: &Annotation| {
            ((annotation.onset_s / record_duration_s).max(0.0) as usize)
                .min(n_records.saturating_sub(1))
        };
        annotations.iter().filter(move |annotation| place(annotation) == record)
    }
}

/// Makes the header, or says what does not fit into it.
fn header_bytes(
    start: DateTime,
    n_records: usize,
    record_duration_s: f64,
    signals: &[NewSignal],
    annotation_bytes: usize,
) -> std::result::Result<Vec<u8>, String> {
    const MONTHS: [&str; 12] =
        ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"];
    let date = start.date();
    let (day, month, year) = (date.day(), date.month(), date.year());
    let n_signals = signals.len() + 1;
    let mut header = Header::default();
    header.field("0", 8)?;
    header.field("X X X X", 80)?;
    header
        .field(&format!("Startdate {day:02}-{}-{year:04} X X X", MONTHS[month as usize - 1]), 80)?;
    header.field(&format!("{day:02}.{month:02}.{:02}", year.rem_euclid(100)), 8)?;
    header.field(&format!("{:02}.{:02}.{:02}", start.hour(), start.minute(), start.second()), 8)?;
    header.field(&(super::header::BLOCK * (n_signals + 1)).to_string(), 8)?;
    header.field("EDF+C", 44)?;
    header.field(&n_records.to_string(), 8)?;
    header.field(&record_duration_s.to_string(), 8)?;
    header.field(&n_signals.to_string(), 4)?;

    let annotations = NewSignal {
        label: "EDF Annotations".to_owned(),
        unit: String::new(),
        physical_range: (-1.0, 1.0),
        samples_per_record: annotation_bytes / 2,
    };
    let all = || signals.iter().chain([&annotations]);
    all().try_for_each(|signal| header.field(&signal.label, 16))?;
    all().try_for_each(|_| header.field("", 80))?;
    all().try_for_each(|signal| header.field(&signal.unit, 8))?;
    all().try_for_each(|signal| header.field(&signal.physical_range.0.to_string(), 8))?;
    all().try_for_each(|signal| header.field(&signal.physical_range.1.to_string(), 8))?;
    all().try_for_each(|_| header.field("-32768", 8))?;
    all().try_for_each(|_| header.field("32767", 8))?;
    all().try_for_each(|_| header.field("", 80))?;
    all().try_for_each(|signal| header.field(&signal.samples_per_record.to_string(), 8))?;
    all().try_for_each(|_| header.field("", 32))?;
    Ok(header.0)
}

/// A header in the making.
#[derive(Default)]
struct Header(Vec<u8>);

impl Header {
    fn field(&mut self, text: &str, width: usize) -> std::result::Result<(), String> {
        if !text.is_ascii() || text.len() > width {
            return Err(format!(
                "the header field `{text}` does not fit into {width} ASCII characters"
            ));
        }
        self.0.extend_from_slice(format!("{text:<width$}").as_bytes());
        Ok(())
    }
}

/// Appends physical values as 16-bit samples, rounded and clipped.
fn encode_samples(values: &[f32], (physical_min, physical_max): (f64, f64), bytes: &mut Vec<u8>) {
    let scale = 65535.0 / (physical_max - physical_min);
    for value in values {
        let digital = ((f64::from(*value) - physical_min) * scale).round() - 32768.0;
        bytes.extend_from_slice(&(digital.clamp(-32768.0, 32767.0) as i16).to_le_bytes());
    }
}
