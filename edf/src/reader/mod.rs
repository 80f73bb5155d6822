//! Reads a file: header, timeline and annotations at once, samples on demand.

mod blocks;

use std::fs::File;
use std::ops::Range;
use std::path::{Path, PathBuf};

use jiff::civil::DateTime;

use crate::annotation::Annotation;
use crate::annotation_signals::AnnotationCollector;
use crate::error::{Error, Result, TimelineProblem};
use crate::header::{EdfHeader, SignalHeader};
use crate::regular_file;
use crate::timeline::{self, RecordRun, Timeline};
use crate::unwritten;
use crate::warning::EdfWarning;

/// Maximum length of a data record that is copied whole, in bytes.
///
/// EDF recommends at most 61,440; real files have up to several million.
const MAX_RECORD_BYTES: u64 = 1 << 27;

/// Maximum duration of a recording in hours: a month.
const MAX_HOURS: u32 = 31 * 24;

/// Onsets are rounded to this many steps per second: the finest resolution that EDF+ writers use.
const ONSETS_PER_SECOND: f64 = 1e7;

/// An open file.
#[derive(Debug)]
pub struct EdfReader {
    path: PathBuf,
    file: File,
    header: EdfHeader,
    runs: Vec<RecordRun>,
    annotations: Vec<Annotation>,
    /// Seconds from the header's start time to the first sample, below 1.
    subsecond_s: f64,
    warnings: Vec<EdfWarning>,
}

impl EdfReader {
    /// Opens a file and reads everything but the samples.
    ///
    /// # Errors
    ///
    /// - [`Error::Io`], [`Error::NotAFile`];
    /// - [`Error::NotEdf`], [`Error::TruncatedHeader`], [`Error::Header`] for the header;
    /// - [`Error::TooLong`] if the recording is longer than a month;
    /// - [`Error::Unwritten`] if most of the file was never written;
    /// - [`Error::AnnotationLimit`] if the annotations exceed the limits on memory;
    /// - [`Error::Timeline`] if the onsets of a discontinuous file are missing or contradict each other.
    pub fn open(path: &Path) -> Result<Self> {
        let (file, bytes) = regular_file::open(path)?;
        let mut warnings = Vec::new();
        let header = EdfHeader::read(path, &file, bytes, &mut warnings)?;
        check_duration(path, &header)?;
        warnings.extend(unwritten::check(path, &file, &header)?);
        let mut reader = Self {
            path: path.to_owned(),
            file,
            runs: RecordRun::continuous(header.n_records, header.record_duration_s),
            header,
            annotations: Vec::new(),
            subsecond_s: 0.0,
            warnings,
        };
        reader.read_annotations()?;
        Ok(reader)
    }

    /// Returns the path of the file, as given to [`open`](Self::open).
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the header.
    pub fn header(&self) -> &EdfHeader {
        &self.header
    }

    /// Returns the runs of contiguous data records, in order of time. A file without gaps has one.
    pub fn runs(&self) -> &[RecordRun] {
        &self.runs
    }

    /// Returns the annotations in the order of the file, without the time-keeping ones.
    pub fn annotations(&self) -> &[Annotation] {
        &self.annotations
    }

    /// Returns the warnings about the file.
    pub fn warnings(&self) -> &[EdfWarning] {
        &self.warnings
    }

    /// Returns the time of the first sample by the recorder's clock, without a time zone, if the file gives a valid one.
    pub fn start(&self) -> Option<DateTime> {
        let nanoseconds = (self.subsecond_s * 1e9).round() as i64;
        self.header.start()?.checked_add(jiff::SignedDuration::from_nanos(nanoseconds)).ok()
    }

    /// Streams the digital samples of some signals over a range of data records.
    ///
    /// `sink` receives a position in `signals` and the next samples of that signal, in order of time. The signals take
    /// turns, a block of data records each.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] if the file cannot be read.
    ///
    /// # Panics
    ///
    /// Panics if a signal or a data record is not in the file.
    pub fn read_digital(
        &self,
        signals: &[usize],
        records: Range<u64>,
        mut sink: impl FnMut(usize, &[i32]),
    ) -> Result<()> {
        assert!(records.end <= self.header.n_records, "record {} is not in the file", records.end);
        let sample_bytes = self.header.format.sample_bytes();
        let mut samples = Vec::new();
        self.read_blocks(signals, records, |position, pieces| {
            samples.clear();
            pieces.for_each(|bytes| decode_samples(bytes, sample_bytes, &mut samples));
            sink(position, &samples);
            Ok(())
        })
    }

    /// Returns the bytes of the header.
    pub(crate) fn header_bytes(&self) -> Result<Vec<u8>> {
        let mut bytes = vec![0; self.header.data_offset as usize];
        self.read_at(0, &mut bytes)?;
        Ok(bytes)
    }

    /// Returns the number of bytes after the last complete data record.
    pub(crate) fn surplus_bytes(&self) -> Result<u64> {
        let bytes = self.file.metadata().map_err(Error::io(&self.path, "read"))?.len();
        let known = self.header.data_offset + self.header.n_records * self.header.record_bytes();
        Ok(bytes.saturating_sub(known))
    }

    /// Returns the bytes of each annotation signal in a data record.
    pub(crate) fn annotation_ranges(&self) -> Vec<Range<usize>> {
        let signals = self.header.signals.iter().enumerate();
        signals
            .filter(|(_, signal)| signal.is_annotations)
            .map(|(idx, _)| self.range_in_record(idx))
            .map(|range| range.start as usize..range.end as usize)
            .collect()
    }

    /// Passes the bytes of every complete data record to `sink`, which may change them.
    pub(crate) fn for_each_record(
        &self,
        mut sink: impl FnMut(&mut [u8]) -> Result<()>,
    ) -> Result<()> {
        let record_bytes = self.header.record_bytes();
        if record_bytes > MAX_RECORD_BYTES {
            return Err(Error::RecordTooLong {
                path: self.path.clone(),
                bytes: record_bytes,
                limit: MAX_RECORD_BYTES,
            });
        }
        let mut record = vec![0; record_bytes as usize];
        for n in 0..self.header.n_records {
            self.read_at(self.header.data_offset + n * record_bytes, &mut record)?;
            sink(&mut record)?;
        }
        Ok(())
    }

    /// Reads the annotation signals: the timeline and the annotations.
    fn read_annotations(&mut self) -> Result<()> {
        let has_annotations =
            |signal: &SignalHeader| signal.is_annotations && signal.samples_per_record > 0;
        let signals = self.header.signals.iter().enumerate();
        let signals: Vec<usize> =
            signals.filter(|(_, signal)| has_annotations(signal)).map(|(idx, _)| idx).collect();
        let format = self.header.format;
        if signals.is_empty() {
            if format.is_discontinuous() && self.header.n_records > 0 {
                return Err(self.timeline_error(0, TimelineProblem::NoAnnotationSignal { format }));
            }
            return Ok(());
        }
        let bytes_in_record = |idx: &usize| {
            let range = self.range_in_record(*idx);
            range.end - range.start
        };
        let record_bytes: Vec<u64> = signals.iter().map(bytes_in_record).collect();
        let mut collector = AnnotationCollector::new(record_bytes, self.header.record_duration_s);
        self.read_blocks(&signals, 0..self.header.n_records, |position, pieces| {
            for bytes in pieces {
                collector.push(position, bytes).map_err(|(record, limit)| {
                    Error::AnnotationLimit { path: self.path.clone(), record, limit }
                })?;
            }
            Ok(())
        })?;
        let (annotations, timeline, invalid) = collector.finish();
        self.subsecond_s = timeline.origin_s();
        self.annotations = annotations;
        for annotation in &mut self.annotations {
            let onset_s = annotation.onset_s - self.subsecond_s;
            annotation.onset_s = (onset_s * ONSETS_PER_SECOND).round() / ONSETS_PER_SECOND;
        }
        self.warnings.extend(timeline.drift_warning());
        self.set_timeline(timeline.finish())?;
        if invalid.count > 0 {
            self.warnings.push(EdfWarning::InvalidAnnotations {
                n_lists: invalid.count,
                first_record: invalid.first_record,
            });
        }
        Ok(())
    }

    /// Replaces the runs by those that the onsets of the data records give.
    ///
    /// A discontinuous file is refused if its onsets cannot be used; a continuous one does not need them.
    fn set_timeline(&mut self, timeline: Timeline) -> Result<()> {
        let format = self.header.format;
        match timeline {
            // Data records without a duration have no onset to speak of.
            Timeline::Consistent(_) if self.header.record_duration_s == 0.0 => {}
            Timeline::Consistent(runs) => self.runs = runs,
            Timeline::Contradictory { record, problem } => {
                if format.is_discontinuous() {
                    return Err(self.timeline_error(record, problem));
                }
                self.warnings.push(EdfWarning::ContradictoryOnsets { record, problem });
            }
            Timeline::Incomplete { first_record, n_records } => {
                if format.is_discontinuous() {
                    return Err(self.timeline_error(first_record, TimelineProblem::NoTimeKeeping));
                }
                self.warnings.push(EdfWarning::NoTimeKeeping { n_records });
            }
        }
        if !format.is_discontinuous() && self.runs.len() > 1 {
            self.warnings.push(EdfWarning::UndeclaredGaps { format });
        }
        self.warnings.extend(timeline::gap_warning(&self.runs));
        Ok(())
    }

    fn timeline_error(&self, record: u64, problem: TimelineProblem) -> Error {
        Error::Timeline { path: self.path.clone(), record, problem }
    }
}

/// Returns whether a file has annotation signals and no others: archives store a scoring apart from its recording.
///
/// # Errors
///
/// Those of [`EdfReader::open`] about the header.
pub fn has_only_annotations(path: &Path) -> Result<bool> {
    let (file, bytes) = regular_file::open(path)?;
    let header = EdfHeader::read(path, &file, bytes, &mut Vec::new())?;
    Ok(!header.signals.is_empty() && header.signals.iter().all(|signal| signal.is_annotations))
}

fn check_duration(path: &Path, header: &EdfHeader) -> Result<()> {
    let hours = header.n_records as f64 * header.record_duration_s / 3600.0;
    if hours > f64::from(MAX_HOURS) {
        return Err(Error::TooLong { path: path.to_owned(), hours, limit_hours: MAX_HOURS });
    }
    Ok(())
}

/// Appends samples of 2 or 3 bytes, little-endian two's complement.
fn decode_samples(bytes: &[u8], sample_bytes: usize, samples: &mut Vec<i32>) {
    if sample_bytes == 2 {
        let (whole, _) = bytes.as_chunks::<2>();
        samples.extend(whole.iter().map(|sample| i32::from(i16::from_le_bytes(*sample))));
    } else {
        let (whole, _) = bytes.as_chunks::<3>();
        // Shifted into the upper bytes and back, so that the sign extends.
        samples.extend(
            whole.iter().map(|[low, mid, high]| i32::from_le_bytes([0, *low, *mid, *high]) >> 8),
        );
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bdf_samples_have_24_bits_and_a_sign() {
        let mut samples = Vec::new();
        decode_samples(&[1, 0, 0, 0xff, 0xff, 0xff, 0, 0, 0x80], 3, &mut samples);
        assert_eq!(samples, [1, -1, -8_388_608]);
    }

    #[test]
    fn edf_samples_have_16_bits_and_a_sign() {
        let mut samples = Vec::new();
        decode_samples(&[1, 0, 0xff, 0xff, 0, 0x80], 2, &mut samples);
        assert_eq!(samples, [1, -1, -32_768]);
    }
}
