//! Reads and writes EDF, EDF+, BDF and BDF+ files.
//!
//! [`EdfFile::open`] reads the header, the time line and the annotations; samples stay on disk until
//! [`EdfFile::read_digital`] streams them. Memory follows the file, never what its header claims.

mod deidentify;
mod header;
mod holes;
mod lists;
mod start;
mod tal;
mod timeline;
mod writer;

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::ops::Range;
use std::path::{Path, PathBuf};

use jiff::civil::DateTime;

use crate::annotation::Annotation;
use crate::{Error, Result, Warning, WarningCode};
use lists::AnnotationLists;

pub use deidentify::{Identity, Keep, deidentify, identity};
pub use header::{Format, Header, Signal};
pub use timeline::Segment;
pub use writer::{EdfWriter, NewSignal};

/// Bytes that are read at once.
const BUFFER_BYTES: u64 = 1 << 20;
/// Longest record that is copied whole. EDF asks for at most 61,440 bytes; real files have up to some millions.
const MOST_RECORD_BYTES: u64 = 1 << 27;

/// Bytes of a record up to which it is read whole, however little of it is wanted: a page of memory.
const PAGE_BYTES: u64 = 4096;

/// Recordings beyond this many hours, a month, are refused: no recorder fills one file for so long.
const LONGEST_HOURS: u32 = 31 * 24;

/// An open recording file.
#[derive(Debug)]
pub struct EdfFile {
    path: PathBuf,
    file: File,
    header: Header,
    segments: Vec<Segment>,
    annotations: Vec<Annotation>,
    /// Seconds by which the first sample lies after the header's start time, below 1.
    subsecond_s: f64,
    warnings: Vec<Warning>,
}

impl EdfFile {
    /// Opens a recording and reads all of it but the samples.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], [`Error::NotAFile`], [`Error::NotARecording`], [`Error::HeaderCut`], [`Error::Header`],
    /// [`Error::TooLong`] beyond a month, [`Error::Unwritten`] where most of the file was never written, [`Error::Annotations`] where the annotations take more than bounded memory,
    /// and [`Error::Timeline`] where the records of a discontinuous file lie wrong.
    pub fn open(path: &Path) -> Result<Self> {
        let (file, bytes) = open_regular(path)?;
        let mut warnings = Vec::new();
        let header = Header::read(path, &file, bytes, &mut warnings)?;
        check_length(path, &header)?;
        let segments = timeline::continuous(header.n_records, header.record_duration_s);
        let annotations = Vec::new();
        warnings.extend(holes::check(path, &file, &header)?);
        let mut edf = Self {
            path: path.to_owned(),
            file,
            header,
            segments,
            annotations,
            subsecond_s: 0.0,
            warnings,
        };
        edf.read_annotations()?;
        Ok(edf)
    }

    /// Returns the path that the file was opened by.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the header.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Returns the runs of records without a gap, in order of time.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// Returns the annotations of the file itself, in its order; onsets count from the first sample.
    pub fn annotations(&self) -> &[Annotation] {
        &self.annotations
    }

    /// Returns what was odd about the file.
    pub fn warnings(&self) -> &[Warning] {
        &self.warnings
    }

    /// Returns the wall-clock time of the first sample, without a zone, where the file tells a possible one.
    pub fn start(&self) -> Option<DateTime> {
        let nanoseconds = (self.subsecond_s * 1e9).round() as i64;
        self.header.start()?.checked_add(jiff::SignedDuration::from_nanos(nanoseconds)).ok()
    }

    /// Streams the digital samples of some signals over a range of data records.
    ///
    /// `sink` receives the position in `signals` and the next samples of that signal, in order of time;
    /// the signals take turns, a block of records each.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] where the file cannot be read, and whatever `sink` returns.
    ///
    /// # Panics
    ///
    /// Panics where a signal or a record is not in the file.
    pub fn read_digital(
        &self,
        signals: &[usize],
        records: Range<u64>,
        mut sink: impl FnMut(usize, &[i32]) -> Result<()>,
    ) -> Result<()> {
        assert!(records.end <= self.header.n_records, "record {} is not in the file", records.end);
        let bytes_per_sample = self.header.format.sample_bytes();
        let mut samples = Vec::new();
        self.read_blocks(signals, records, |position, pieces| {
            samples.clear();
            pieces.for_each(|bytes| decode_samples(bytes, bytes_per_sample, &mut samples));
            sink(position, &samples)
        })
    }

    /// Streams the bytes of some signals, block of records by block, in a piece for each record.
    fn read_blocks(
        &self,
        signals: &[usize],
        records: Range<u64>,
        mut sink: impl FnMut(usize, &mut dyn Iterator<Item = &[u8]>) -> Result<()>,
    ) -> Result<()> {
        let record_bytes = self.header.record_bytes();
        let places: Vec<(u64, u64)> =
            signals.iter().map(|signal| self.place_in_record(*signal)).collect();
        let wanted_bytes: u64 = places.iter().map(|(_, bytes)| bytes).sum();
        // A few bytes of a long record are cheaper to seek than to read with all that lies between.
        if record_bytes > BUFFER_BYTES
            || (record_bytes > PAGE_BYTES && wanted_bytes * 16 < record_bytes)
        {
            return self.read_one_by_one(&places, records, sink);
        }
        let mut block = Vec::new();
        let records_per_block = (BUFFER_BYTES / record_bytes.max(1)).max(1);
        let mut next = records.start;
        while next < records.end {
            let n = records_per_block.min(records.end - next);
            block.resize((n * record_bytes) as usize, 0);
            self.read_at(self.header.data_offset + next * record_bytes, &mut block)?;
            for (position, (offset, bytes)) in places.iter().enumerate() {
                let place = *offset as usize..(offset + bytes) as usize;
                let records = block.chunks_exact(record_bytes as usize);
                sink(position, &mut records.map(|record| &record[place.clone()]))?;
            }
            next += n;
        }
        Ok(())
    }

    /// Streams the bytes of some signals with a read for each signal of each record.
    fn read_one_by_one(
        &self,
        places: &[(u64, u64)],
        records: Range<u64>,
        mut sink: impl FnMut(usize, &mut dyn Iterator<Item = &[u8]>) -> Result<()>,
    ) -> Result<()> {
        let sample_bytes = self.header.format.sample_bytes() as u64;
        let chunk_bytes = BUFFER_BYTES / sample_bytes * sample_bytes;
        let mut chunk = Vec::new();
        for record in records {
            let record_offset = self.header.data_offset + record * self.header.record_bytes();
            for (position, (offset, bytes)) in places.iter().enumerate() {
                let mut done = 0;
                while done < *bytes {
                    let n = chunk_bytes.min(bytes - done);
                    chunk.resize(n as usize, 0);
                    self.read_at(record_offset + offset + done, &mut chunk)?;
                    sink(position, &mut std::iter::once(&chunk[..]))?;
                    done += n;
                }
            }
        }
        Ok(())
    }

    /// Returns offset and length in bytes of a signal's samples in a record.
    fn place_in_record(&self, signal: usize) -> (u64, u64) {
        let samples = self.header.signals[signal].samples_per_record;
        (self.header.offset_in_record(signal), (samples * self.header.format.sample_bytes()) as u64)
    }

    /// Returns the bytes of the header.
    fn header_bytes(&self) -> Result<Vec<u8>> {
        let mut bytes = vec![0; self.header.data_offset as usize];
        self.read_at(0, &mut bytes)?;
        Ok(bytes)
    }

    /// Returns the bytes behind the last whole record.
    fn surplus_bytes(&self) -> Result<u64> {
        let bytes = self.file.metadata().map_err(Error::io(&self.path, "read"))?.len();
        let known = self.header.data_offset + self.header.n_records * self.header.record_bytes();
        Ok(bytes.saturating_sub(known))
    }

    /// Returns where the annotation signals lie in a record, in bytes.
    fn annotation_ranges(&self) -> Vec<Range<usize>> {
        let signals = self.header.signals.iter().enumerate();
        let places = signals
            .filter(|(_, signal)| signal.is_annotations)
            .map(|(signal, _)| self.place_in_record(signal));
        places.map(|(offset, bytes)| offset as usize..(offset + bytes) as usize).collect()
    }

    /// Hands out every whole record, one after the other.
    fn for_each_record(&self, mut take: impl FnMut(&mut [u8]) -> Result<()>) -> Result<()> {
        let record_bytes = self.header.record_bytes();
        if record_bytes > MOST_RECORD_BYTES {
            let problem = format!(
                "its records have {record_bytes} bytes; expected at most {MOST_RECORD_BYTES}"
            );
            return Err(Error::Unwritable { path: self.path.clone(), problem });
        }
        let mut record = vec![0; record_bytes as usize];
        for n in 0..self.header.n_records {
            self.read_at(self.header.data_offset + n * record_bytes, &mut record)?;
            take(&mut record)?;
        }
        Ok(())
    }

    fn read_at(&self, offset: u64, buffer: &mut [u8]) -> Result<()> {
        read_at(&self.file, offset, buffer).map_err(Error::io(&self.path, "read"))
    }

    /// Reads the annotation signals: the time line and the annotations.
    fn read_annotations(&mut self) -> Result<()> {
        let holds_annotations =
            |signal: &Signal| signal.is_annotations && signal.samples_per_record > 0;
        let signals = self.header.signals.iter().enumerate();
        let signals: Vec<usize> =
            signals.filter(|(_, signal)| holds_annotations(signal)).map(|(i, _)| i).collect();
        if signals.is_empty() {
            if self.header.format.is_discontinuous() && self.header.n_records > 0 {
                let problem = format!(
                    "has no time: the file is {} but has no annotation signal",
                    self.header.format.name()
                );
                return Err(Error::Timeline { path: self.path.clone(), record: 0, problem });
            }
            return Ok(());
        }
        let record_bytes: Vec<u64> =
            signals.iter().map(|signal| self.place_in_record(*signal).1).collect();
        let mut lists = AnnotationLists::new(record_bytes, self.header.record_duration_s);
        self.read_blocks(&signals, 0..self.header.n_records, |position, pieces| {
            for bytes in pieces {
                lists.take(position, bytes).map_err(|(record, problem)| Error::Annotations {
                    path: self.path.clone(),
                    place: format!("data record {record}"),
                    problem,
                })?;
            }
            Ok(())
        })?;
        let AnnotationLists { timeline, mut annotations, n_broken, first_broken, .. } = lists;
        self.subsecond_s = timeline.origin_s();
        self.warnings.extend(timeline.drift_warning());
        // Each signal comes after the other for a block of records: back to the order of the file.
        annotations.sort_by_key(|(record, _)| *record);
        self.annotations = annotations
            .into_iter()
            .map(|(_, annotation)| annotation.earlier_by(self.subsecond_s))
            .collect();
        self.set_timeline(timeline.finish())?;
        self.warn_annotations(n_broken, first_broken);
        Ok(())
    }

    /// Cuts the records into segments by their time-keeping annotations.
    fn set_timeline(&mut self, outcome: timeline::Outcome) -> Result<()> {
        let contradiction =
            |record, problem| Error::Timeline { path: self.path.clone(), record, problem };
        let discontinuous = self.header.format.is_discontinuous();
        match outcome {
            // Records without a duration have no place on the time line.
            timeline::Outcome::Known(_) if self.header.record_duration_s == 0.0 => {}
            timeline::Outcome::Known(segments) => self.segments = segments,
            timeline::Outcome::Contradiction { record, problem } => {
                let error = contradiction(record, problem);
                if discontinuous {
                    return Err(error);
                }
                let message =
                    format!("{error}; the file says that it is continuous, and is read so");
                self.warnings.push(Warning::new(WarningCode::TimeKeeping, message));
            }
            timeline::Outcome::Missing(missing) if discontinuous => {
                let problem =
                    "has no time-keeping annotation, so its place in time is unknown".to_owned();
                return Err(contradiction(missing.first_record, problem));
            }
            timeline::Outcome::Missing(missing) => {
                let message = format!(
                    "{} data records have no time-keeping annotation; read as continuous",
                    missing.n_records
                );
                self.warnings.push(Warning::new(WarningCode::TimeKeeping, message));
            }
        }
        if !discontinuous && self.segments.len() > 1 {
            let message = format!(
                "the file says that it is continuous ({}), but its records lie apart in time; their times were used",
                self.header.format.name()
            );
            self.warnings.push(Warning::new(WarningCode::TimeKeeping, message));
        }
        self.warnings.extend(timeline::gap_warning(&self.segments));
        Ok(())
    }

    fn warn_annotations(&mut self, n_broken: usize, first_broken: Option<u64>) {
        if let Some(record) = first_broken {
            let message = format!(
                "{n_broken} annotation lists break the grammar of EDF+ and were left out, the first in data record {record}"
            );
            self.warnings.push(Warning::new(WarningCode::Annotation, message));
        }
    }
}

/// Returns whether a file has signals of annotations and no others, as archives keep a scoring apart from its recording.
///
/// # Errors
///
/// Those of [`EdfFile::open`] that concern the header.
pub fn is_annotations_alone(path: &Path) -> Result<bool> {
    let (file, bytes) = open_regular(path)?;
    let header = Header::read(path, &file, bytes, &mut Vec::new())?;
    Ok(!header.signals.is_empty() && header.signals.iter().all(|signal| signal.is_annotations))
}

/// Opens a regular file and returns it with its length in bytes.
///
/// # Errors
///
/// [`Error::NotAFile`] for folders, pipes, sockets and devices, which are never opened.
pub(crate) fn open_regular(path: &Path) -> Result<(File, u64)> {
    let metadata = std::fs::metadata(path).map_err(Error::io(path, "read"))?;
    if !metadata.is_file() {
        let found = if metadata.is_dir() { "a folder" } else { "a pipe, socket or device" };
        return Err(Error::NotAFile { path: path.to_owned(), found });
    }
    Ok((File::open(path).map_err(Error::io(path, "read"))?, metadata.len()))
}

fn check_length(path: &Path, header: &Header) -> Result<()> {
    let hours = header.n_records as f64 * header.record_duration_s / 3600.0;
    if hours > f64::from(LONGEST_HOURS) {
        return Err(Error::TooLong { path: path.to_owned(), hours, limit_hours: LONGEST_HOURS });
    }
    Ok(())
}

/// Fills the buffer from a place in the file.
fn read_at(mut file: &File, offset: u64, buffer: &mut [u8]) -> std::io::Result<()> {
    file.seek(SeekFrom::Start(offset))?;
    file.read_exact(buffer)
}

/// Appends little-endian two's complement samples of 2 or 3 bytes.
fn decode_samples(bytes: &[u8], bytes_per_sample: usize, samples: &mut Vec<i32>) {
    if bytes_per_sample == 2 {
        samples.extend(
            bytes.as_chunks().0.iter().map(|sample| i32::from(i16::from_le_bytes(*sample))),
        );
    } else {
        let (whole, _) = bytes.as_chunks::<3>();
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
