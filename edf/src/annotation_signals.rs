//! Collects the annotations and onsets of all data records, within limits that no file can exceed.

use crate::annotation::Annotation;
use crate::error::AnnotationLimit;
use crate::header::layout::decode;
use crate::tal;
use crate::timeline::TimelineBuilder;

/// Maximum number of annotations: more than a night has heart beats, and few enough for memory.
const MAX_ANNOTATIONS: usize = 250_000;

/// Maximum length of all texts together, in bytes.
const MAX_TEXT_BYTES: usize = 16 << 20;

/// Collects annotations as the bytes of the annotation signals arrive.
pub(crate) struct AnnotationCollector {
    /// Bytes of each annotation signal in a data record, at least 1.
    record_bytes: Vec<u64>,
    /// For each annotation signal, its current data record and the bytes of it so far.
    partial: Vec<(u64, Vec<u8>)>,
    timeline: TimelineBuilder,
    /// The annotations with their data record.
    annotations: Vec<(u64, Annotation)>,
    text_bytes: usize,
    invalid: InvalidLists,
}

/// The number of lists that break the syntax of EDF+.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct InvalidLists {
    pub(crate) count: usize,
    /// The data record with the first one.
    pub(crate) first_record: u64,
}

/// The data record that exceeds a limit, and the limit.
pub(crate) type LimitExceeded = (u64, AnnotationLimit);

impl AnnotationCollector {
    /// Creates a collector for annotation signals with these numbers of bytes in each data record.
    pub(crate) fn new(record_bytes: Vec<u64>, record_duration_s: f64) -> Self {
        Self {
            partial: vec![(0, Vec::new()); record_bytes.len()],
            record_bytes,
            timeline: TimelineBuilder::new(record_duration_s),
            annotations: Vec::new(),
            text_bytes: 0,
            invalid: InvalidLists::default(),
        }
    }

    /// Adds the next bytes of an annotation signal: any number of data records, or a part of one.
    pub(crate) fn push(&mut self, signal: usize, mut bytes: &[u8]) -> Result<(), LimitExceeded> {
        let record_bytes = self.record_bytes[signal] as usize;
        let (mut record, mut partial) = std::mem::take(&mut self.partial[signal]);
        while !bytes.is_empty() {
            let (head, tail) = bytes.split_at(bytes.len().min(record_bytes - partial.len()));
            bytes = tail;
            if head.len() == record_bytes {
                // Complete data records are parsed in place.
                self.push_record(signal, record, head)?;
                record += 1;
                continue;
            }
            partial.extend_from_slice(head);
            if partial.len() == record_bytes {
                self.push_record(signal, record, &partial)?;
                record += 1;
                partial.clear();
            }
        }
        self.partial[signal] = (record, partial);
        Ok(())
    }

    /// Parses one annotation signal in one data record.
    fn push_record(
        &mut self,
        signal: usize,
        record: u64,
        bytes: &[u8],
    ) -> Result<(), LimitExceeded> {
        // Only the first list of the first annotation signal may give the onset of its data record.
        let mut may_keep_time = signal == 0;
        let mut onset_s = None;
        for list in tal::lists(bytes) {
            let Some(tal) = tal::parse(list) else {
                if self.invalid.count == 0 {
                    self.invalid.first_record = record;
                }
                self.invalid.count += 1;
                continue;
            };
            let keeps_time = may_keep_time && tal.is_time_keeping();
            may_keep_time = false;
            if keeps_time {
                onset_s = Some(tal.onset_s);
            }
            for text in tal.texts().skip(usize::from(keeps_time)) {
                let annotation = Annotation::new(tal.onset_s, tal.duration_s, decode(text));
                let annotation = Annotation { signal, ..annotation };
                self.push_annotation(record, annotation)?;
            }
        }
        if signal == 0 {
            self.timeline.push(onset_s);
        }
        Ok(())
    }

    fn push_annotation(
        &mut self,
        record: u64,
        annotation: Annotation,
    ) -> Result<(), LimitExceeded> {
        self.text_bytes += annotation.text.len();
        if self.annotations.len() == MAX_ANNOTATIONS {
            return Err((record, AnnotationLimit::Count(MAX_ANNOTATIONS)));
        }
        if self.text_bytes > MAX_TEXT_BYTES {
            return Err((record, AnnotationLimit::TextBytes(MAX_TEXT_BYTES)));
        }
        self.annotations.push((record, annotation));
        Ok(())
    }

    /// Returns the annotations in the order of the file, the onsets of the data records, and the invalid lists.
    ///
    /// The onsets of the annotations count from the header's start time.
    pub(crate) fn finish(mut self) -> (Vec<Annotation>, TimelineBuilder, InvalidLists) {
        // The signals arrive one after the other, a block of data records each; the sort is stable.
        self.annotations.sort_by_key(|(record, _)| *record);
        let annotations = self.annotations.into_iter().map(|(_, annotation)| annotation).collect();
        (annotations, self.timeline, self.invalid)
    }
}
