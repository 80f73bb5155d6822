//! Gathers the annotation lists of all records, within bounds that no file can widen.

use super::header::decode;
use super::tal;
use super::timeline::TimeLine;
use crate::annotation::{Annotation, MOST_ANNOTATIONS};

/// Bytes of all texts together.
const MOST_TEXT_BYTES: usize = 16 << 20;

/// What stands in the annotation signals of the records so far.
pub(super) struct AnnotationLists {
    /// Bytes that each annotation signal takes in a record, at least 1.
    record_bytes: Vec<u64>,
    /// The next record of each annotation signal, and the bytes of it that came so far.
    partial: Vec<(u64, Vec<u8>)>,
    pub(super) timeline: TimeLine,
    /// The annotations with the record in which they stand.
    pub(super) annotations: Vec<(u64, Annotation)>,
    text_bytes: usize,
    pub(super) n_broken: usize,
    pub(super) first_broken: Option<u64>,
}

/// The record in which the bounds are crossed, and how.
type TooMuch = (u64, String);

impl AnnotationLists {
    pub(super) fn new(record_bytes: Vec<u64>, record_duration_s: f64) -> Self {
        let partial = vec![(0, Vec::new()); record_bytes.len()];
        let timeline = TimeLine::new(record_duration_s);
        let annotations = Vec::new();
        Self {
            record_bytes,
            partial,
            timeline,
            annotations,
            text_bytes: 0,
            n_broken: 0,
            first_broken: None,
        }
    }

    /// Takes the next bytes of an annotation signal, which hold any number of records or a part of one.
    pub(super) fn take(&mut self, position: usize, mut bytes: &[u8]) -> Result<(), TooMuch> {
        let record_bytes = self.record_bytes[position] as usize;
        let (mut record, mut partial) = std::mem::take(&mut self.partial[position]);
        while !bytes.is_empty() {
            let (now, later) = bytes.split_at(bytes.len().min(record_bytes - partial.len()));
            bytes = later;
            if now.len() == record_bytes {
                self.take_record(position, record, now)?;
                record += 1;
                continue;
            }
            partial.extend_from_slice(now);
            if partial.len() == record_bytes {
                self.take_record(position, record, &partial)?;
                record += 1;
                partial.clear();
            }
        }
        self.partial[position] = (record, partial);
        Ok(())
    }

    fn take_record(&mut self, position: usize, record: u64, bytes: &[u8]) -> Result<(), TooMuch> {
        // The first list of a record's first annotation signal keeps the time: its first text is empty.
        let mut may_keep_time = position == 0;
        let mut onset_s = None;
        for tal in tal::parse(bytes) {
            let Some(tal) = tal else {
                self.n_broken += 1;
                self.first_broken.get_or_insert(record);
                continue;
            };
            let keeps_time = may_keep_time && tal.keeps_time();
            may_keep_time = false;
            if keeps_time {
                onset_s = Some(tal.onset_s);
            }
            for text in tal.texts().skip(usize::from(keeps_time)) {
                let annotation = Annotation::new(tal.onset_s, tal.duration_s, decode(text));
                self.push(record, annotation)?;
            }
        }
        if position == 0 {
            self.timeline.push(onset_s);
        }
        Ok(())
    }

    fn push(&mut self, record: u64, annotation: Annotation) -> Result<(), TooMuch> {
        self.text_bytes += annotation.text.len();
        if self.annotations.len() == MOST_ANNOTATIONS {
            return Err((
                record,
                format!("the file holds more than {MOST_ANNOTATIONS} annotations"),
            ));
        }
        if self.text_bytes > MOST_TEXT_BYTES {
            let problem = format!("the annotations hold more than {MOST_TEXT_BYTES} bytes of text");
            return Err((record, problem));
        }
        self.annotations.push((record, annotation));
        Ok(())
    }
}
