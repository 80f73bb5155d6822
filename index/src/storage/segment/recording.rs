//! One recording of a collection: columns, captions and scored events in memory, vectors on the disk.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use nocturne_encoder::Embedding;
use nocturne_psg::montage::ChannelMask;
use nocturne_psg::{
    EPOCH_S, EpochNumber, EpochRef, Event, EventSet, Quality, RecordingId, SignalMeasures, Stage,
};

use super::reader::SegmentContent;
use super::{Captions, StoredVectors};
use crate::error::{Error, Result};
use crate::filter::{Filter, RowFilter};
use crate::recording::{EpochColumns, EpochRow, RecordingEntry};
use crate::vector::cosine;

/// A recording whose columns have passed every check; its vectors are checked when they are read.
///
/// All columns have one value per epoch, in ascending order of epoch numbers; a *row* is a position in them.
#[derive(Debug)]
pub struct Recording {
    entry: Arc<RecordingEntry>,
    content: SegmentContent,
}

impl Recording {
    pub(super) fn new(entry: Arc<RecordingEntry>, content: SegmentContent) -> Self {
        Self { entry, content }
    }

    /// Returns the entry of the recording in the manifest.
    pub fn entry(&self) -> &RecordingEntry {
        &self.entry
    }

    /// Returns the id of the recording.
    pub fn id(&self) -> &RecordingId {
        &self.entry.id
    }

    /// Returns the number of epochs.
    pub fn n_epochs(&self) -> usize {
        self.entry.n_epochs
    }

    /// Returns the columns.
    pub fn columns(&self) -> &EpochColumns {
        &self.content.columns
    }

    /// Returns the numbers of the epochs, ascending; a gap skips numbers.
    pub fn numbers(&self) -> &[EpochNumber] {
        &self.content.columns.numbers
    }

    /// Returns the onsets of the epochs, in seconds from the start of the recording.
    pub fn onsets_s(&self) -> &[f64] {
        &self.content.columns.onsets_s
    }

    /// Returns the scored stages.
    pub fn stages(&self) -> &[Option<Stage>] {
        &self.content.columns.stages
    }

    /// Returns the kinds of scored event that belong to each epoch.
    pub fn event_sets(&self) -> &[EventSet] {
        &self.content.columns.event_sets
    }

    /// Returns the channels that carry a usable signal in each epoch.
    pub fn masks(&self) -> &[ChannelMask] {
        &self.content.columns.masks
    }

    /// Returns the channels that are missing, flat or clipped in each epoch.
    pub fn qualities(&self) -> &[Quality] {
        &self.content.columns.qualities
    }

    /// Returns the embeddings of the epochs.
    pub fn vectors(&self) -> &StoredVectors {
        &self.content.vectors
    }

    /// Returns the captions, in the order of their epochs.
    pub fn captions(&self) -> &Captions {
        &self.content.captions
    }

    /// Returns every scored event, or `None` if events were not scored.
    pub fn events(&self) -> Option<&[Event]> {
        self.content.events.as_deref()
    }

    /// Returns what was measured on the signals by rules, or `None` if nothing was; its epochs are the rows.
    pub fn signals(&self) -> Option<&SignalMeasures> {
        self.content.signals.as_ref()
    }

    /// Returns the metadata at the time of the commit; [`entry`](Self::entry) has the current metadata.
    pub(crate) fn metadata_at_commit(&self) -> &BTreeMap<String, String> {
        &self.content.metadata
    }

    /// Returns the report on how the montage's channels were found.
    pub fn montage(&self) -> &serde_json::Value {
        &self.content.montage
    }

    /// Returns all column values of a row.
    ///
    /// # Panics
    ///
    /// Panics if there is no such row.
    pub fn row(&self, row: usize) -> EpochRow {
        self.content.columns.row(row)
    }

    /// Returns the row of an epoch, or `None` if the recording does not have it.
    pub fn row_of(&self, number: EpochNumber) -> Option<usize> {
        self.content.columns.row_of(number)
    }

    /// Returns the conditions of a filter on the epochs, or `None` if it allows none of them.
    pub fn filter(&self, filter: &Filter) -> Option<RowFilter<'_>> {
        Some(match filter.conditions(&self.entry)? {
            Some(conditions) => RowFilter::new(&self.entry, self.columns(), conditions),
            None => RowFilter::all(),
        })
    }

    /// Returns the cosines of an epoch's stored vector with each query.
    ///
    /// # Errors
    ///
    /// [`Error::Dimension`], and [`Error::Damaged`] if the vector is not what was written.
    ///
    /// # Panics
    ///
    /// Panics if there is no such row.
    pub fn cosines(&self, row: usize, queries: &[Embedding]) -> Result<Vec<f32>> {
        let mut vector = vec![0.0; self.vectors().dim()];
        self.vectors().copy_row(row, &mut vector)?;
        let cosine = |query: &Embedding| match query.as_slice() {
            query if query.len() == vector.len() => Ok(cosine(query, &vector)),
            query => Err(Error::Dimension { expected: vector.len(), received: query.len() }),
        };
        queries.iter().map(cosine).collect()
    }

    /// Returns one epoch.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownEpoch`].
    pub fn epoch(&self, number: EpochNumber) -> Result<EpochView<'_>> {
        match self.row_of(number) {
            Some(row) => Ok(EpochView { recording: self, row }),
            None => Err(self.unknown(number)),
        }
    }

    fn unknown(&self, epoch: EpochNumber) -> Error {
        let range = match self.numbers() {
            [] => String::new(),
            [only] => format!(", {only}"),
            [first, .., last] => format!(", {first} to {last}"),
        };
        let epoch = EpochRef { recording: self.id().clone(), epoch };
        Error::UnknownEpoch { epoch, n_epochs: self.n_epochs(), range }
    }
}

/// One epoch of a recording.
#[derive(Debug, Clone, Copy)]
pub struct EpochView<'a> {
    recording: &'a Recording,
    row: usize,
}

impl<'a> EpochView<'a> {
    /// Returns the recording that it belongs to.
    pub fn recording(&self) -> &'a Recording {
        self.recording
    }

    /// Returns its row in the recording's columns.
    pub fn row(&self) -> usize {
        self.row
    }

    /// Returns its column values.
    pub fn info(&self) -> EpochRow {
        self.recording.row(self.row)
    }

    /// Returns its embedding.
    ///
    /// # Errors
    ///
    /// [`Error::Damaged`] if the file is not what was written.
    pub fn embedding(&self) -> Result<Embedding> {
        self.recording.vectors().embedding(self.row)
    }

    /// Returns which captions of the recording describe it.
    pub fn captions(&self) -> Range<usize> {
        self.recording.captions().of_row(self.row)
    }

    /// Returns the scored events that belong to it; none if events were not scored.
    pub fn events(&self) -> impl Iterator<Item = &'a Event> + use<'a> {
        let start_s = self.info().onset_s;
        let events = self.recording.events().unwrap_or_default().iter();
        events.filter(move |event| event.belongs_to(start_s, start_s + EPOCH_S))
    }
}
