//! Writes continuous EDF+ files.

mod header;

use std::io::Write;
use std::path::{Path, PathBuf};

use jiff::civil::DateTime;

use crate::annotation::Annotation;
use crate::durable::AtomicFile;
use crate::error::{Error, Result, WriteProblem};
use crate::tal;

/// Bytes of the annotation signal for the time-keeping list of a data record.
const TIME_KEEPING_BYTES: usize = 24;

/// A recording to be written. No person is named: the identification fields contain `X`, except for the equipment.
#[derive(Debug, Clone, PartialEq)]
pub struct NewRecording {
    /// Start by the recorder's clock, without a time zone; written to the second.
    pub start: DateTime,
    /// Equipment code of the recording field, ASCII without blanks; `None` if it is not known.
    pub equipment: Option<String>,
    /// Number of data records.
    pub n_records: usize,
    /// Duration of a data record in seconds.
    pub record_duration_s: f64,
    /// The signals.
    pub signals: Vec<NewSignal>,
    /// The annotations, in any order.
    pub annotations: Vec<Annotation>,
}

/// The header of a signal to be written.
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

impl NewRecording {
    /// Writes a complete file: `samples[i]` contains the physical values of signal `i` over the whole recording.
    ///
    /// # Errors
    ///
    /// Those of [`EdfWriter`].
    pub fn write_to(self, path: &Path, samples: &[Vec<f32>]) -> Result<()> {
        let mut writer = EdfWriter::create(path, self)?;
        writer.write_samples(samples)?;
        writer.commit()
    }

    /// Returns the annotations that start in a data record. Those outside the recording go into the nearest one.
    fn annotations_in(&self, record: usize) -> impl Iterator<Item = &Annotation> {
        let record_of = |annotation: &Annotation| {
            let record = (annotation.onset_s / self.record_duration_s).max(0.0) as usize;
            record.min(self.n_records.saturating_sub(1))
        };
        self.annotations.iter().filter(move |annotation| record_of(annotation) == record)
    }

    /// Returns the lists of the annotations that start in a data record.
    fn annotation_lists(&self, record: usize) -> Vec<u8> {
        self.annotations_in(record).flat_map(tal::encode).collect()
    }

    /// Returns the bytes of the annotation signal in a data record: what the longest lists take.
    fn annotation_bytes(&self) -> usize {
        let longest = (0..self.n_records).map(|record| self.annotation_lists(record).len()).max();
        // A sample has two bytes.
        (TIME_KEEPING_BYTES + longest.unwrap_or(0)).next_multiple_of(2)
    }
}

/// Writes a continuous EDF+ file.
///
/// The file is written as `NAME.tmp` and has its name only after [`commit`](Self::commit); without one, nothing is left.
///
/// For an example, see the [crate documentation](crate).
#[derive(Debug)]
pub struct EdfWriter {
    path: PathBuf,
    file: AtomicFile,
    recording: NewRecording,
    annotation_bytes: usize,
}

impl EdfWriter {
    /// Creates a file and writes its header.
    ///
    /// # Errors
    ///
    /// [`Error::Unwritable`] if a label, a unit or a number does not fit its field, and [`Error::Io`].
    pub fn create(path: &Path, recording: NewRecording) -> Result<Self> {
        let annotation_bytes = recording.annotation_bytes();
        let header = header::encode(&recording, annotation_bytes)
            .map_err(|problem| Error::Unwritable { path: path.to_owned(), problem })?;
        let file = AtomicFile::create(path).map_err(Error::io(path, "create"))?;
        let mut writer = Self { path: path.to_owned(), file, recording, annotation_bytes };
        writer.write(&header)?;
        Ok(writer)
    }

    /// Writes the samples: `samples[i]` contains the physical values of signal `i` over the whole recording.
    ///
    /// Values outside the physical range of the signal are clipped.
    ///
    /// # Errors
    ///
    /// [`Error::Unwritable`] if a signal has more or fewer samples than its data records, and [`Error::Io`].
    pub fn write_samples(&mut self, samples: &[Vec<f32>]) -> Result<()> {
        let n_records = self.recording.n_records;
        for (signal, values) in self.recording.signals.iter().zip(samples) {
            let expected = signal.samples_per_record * n_records;
            if values.len() != expected {
                let (label, found) = (signal.label.clone(), values.len());
                let problem = WriteProblem::SampleCount { label, found, expected };
                return Err(Error::Unwritable { path: self.path.clone(), problem });
            }
        }
        let mut bytes = Vec::new();
        for record in 0..n_records {
            bytes.clear();
            for (signal, values) in self.recording.signals.iter().zip(samples) {
                let n = signal.samples_per_record;
                let values = &values[record * n..(record + 1) * n];
                encode_samples(values, signal.physical_range, &mut bytes);
            }
            let annotations_end = bytes.len() + self.annotation_bytes;
            let onset_s = record as f64 * self.recording.record_duration_s;
            bytes.extend_from_slice(&tal::time_keeping(onset_s));
            bytes.extend_from_slice(&self.recording.annotation_lists(record));
            bytes.resize(annotations_end, 0);
            self.write(&bytes)?;
        }
        Ok(())
    }

    /// Makes the file durable and gives it its name.
    ///
    /// # Errors
    ///
    /// [`Error::Io`]; see [`AtomicFile::commit`].
    pub fn commit(self) -> Result<()> {
        self.file.commit().map_err(Error::io(&self.path, "write"))
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.file.write_all(bytes).map_err(Error::io(&self.path, "write"))
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
