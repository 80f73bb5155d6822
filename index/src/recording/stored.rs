//! One recording of a collection: columns by epoch, captions and scored events in memory, vectors on the disk.

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use nocturne_encoder::Embedding;
use nocturne_psg::montage::ChannelMask;
use nocturne_psg::{EPOCH_S, EpochNumber, EpochRef, Event, EventSet, Quality, RecordingId, Stage};

use crate::error::{Error, Result};
use crate::recording::Captions;
use crate::recording::RecordingEntry;
use crate::recording::{Vectors, cosine};
use crate::storage::segment::Content;

/// A recording whose columns have passed every check; its vectors are checked as they are asked for.
///
/// All columns have one value for each epoch, in ascending order of epoch numbers; a *row* is a position in them.
#[derive(Debug)]
pub struct Recording {
    entry: Arc<RecordingEntry>,
    content: Content,
}

/// What is known of the epochs, by rows.
#[derive(Debug)]
pub(crate) struct EpochColumns {
    pub(crate) numbers: Vec<EpochNumber>,
    pub(crate) onsets_s: Vec<f64>,
    pub(crate) stages: Vec<Option<Stage>>,
    pub(crate) events: Vec<EventSet>,
    pub(crate) masks: Vec<ChannelMask>,
    pub(crate) qualities: Vec<Quality>,
}

/// What is known of one epoch beside its vector.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct EpochRow {
    /// Its place on the recording's grid.
    pub number: EpochNumber,
    /// Begin in seconds from the start of the recording.
    pub onset_s: f64,
    /// The scored stage, where there is one.
    pub stage: Option<Stage>,
    /// Kinds of scored event that belong to it.
    pub events: EventSet,
    /// Channels that carried something.
    pub mask: ChannelMask,
    /// What is wrong with which channel.
    pub quality: Quality,
}

impl Recording {
    pub(crate) fn new(entry: Arc<RecordingEntry>, content: Content) -> Self {
        Self { entry, content }
    }

    /// Returns what the manifest says of the recording.
    pub fn entry(&self) -> &RecordingEntry {
        &self.entry
    }

    /// Returns the recording's name.
    pub fn id(&self) -> &RecordingId {
        &self.entry.id
    }

    /// Returns the number of epochs.
    pub fn n_epochs(&self) -> usize {
        self.entry.n_epochs
    }

    /// Returns the numbers of the epochs, ascending; a gap leaves numbers out.
    pub fn numbers(&self) -> &[EpochNumber] {
        &self.content.epochs.numbers
    }

    /// Returns where the epochs begin, in seconds from the start of the recording.
    pub fn onsets_s(&self) -> &[f64] {
        &self.content.epochs.onsets_s
    }

    /// Returns the scored stages.
    pub fn stages(&self) -> &[Option<Stage>] {
        &self.content.epochs.stages
    }

    /// Returns the kinds of scored event that belong to each epoch.
    pub fn event_sets(&self) -> &[EventSet] {
        &self.content.epochs.events
    }

    /// Returns the channels that carried something.
    pub fn masks(&self) -> &[ChannelMask] {
        &self.content.epochs.masks
    }

    /// Returns what is wrong with which channel.
    pub fn qualities(&self) -> &[Quality] {
        &self.content.epochs.qualities
    }

    /// Returns the embeddings of the epochs.
    pub fn vectors(&self) -> &Vectors {
        &self.content.vectors
    }

    /// Returns the captions, in the order of their epochs.
    pub fn captions(&self) -> &Captions {
        &self.content.captions
    }

    /// Returns every scored event, or nothing where events were not scored.
    pub fn events(&self) -> Option<&[Event]> {
        self.content.events.as_deref()
    }

    /// Returns what was said of the recording when it was committed; [`entry`](Self::entry) has what is said of it now.
    pub(crate) fn metadata_at_commit(&self) -> &BTreeMap<String, String> {
        &self.content.metadata
    }

    /// Returns the report on how the montage's channels were found.
    pub fn montage(&self) -> &serde_json::Value {
        &self.content.montage
    }

    /// Returns all that is known of the epoch in a row.
    ///
    /// # Panics
    ///
    /// Panics where there is no such row.
    pub fn row(&self, row: usize) -> EpochRow {
        let epochs = &self.content.epochs;
        EpochRow {
            number: epochs.numbers[row],
            onset_s: epochs.onsets_s[row],
            stage: epochs.stages[row],
            events: epochs.events[row],
            mask: epochs.masks[row],
            quality: epochs.qualities[row],
        }
    }

    /// Returns the cosines of an epoch's vector, as it is kept, with prompts.
    ///
    /// # Errors
    ///
    /// [`Error::Dimension`], and [`Error::DamagedSegment`] where the vector is not what was written.
    ///
    /// # Panics
    ///
    /// Panics where there is no such row.
    pub fn cosines(&self, row: usize, prompts: &[Embedding]) -> Result<Vec<f32>> {
        let mut vector = vec![0.0; self.vectors().dim()];
        self.vectors().copy_row(row, &mut vector)?;
        let cosine = |prompt: &Embedding| match prompt.as_slice() {
            numbers if numbers.len() == vector.len() => Ok(cosine(numbers, &vector)),
            numbers => Err(Error::Dimension { expected: vector.len(), received: numbers.len() }),
        };
        prompts.iter().map(cosine).collect()
    }

    /// Returns the row of an epoch, where the recording has it.
    pub fn row_of(&self, number: EpochNumber) -> Option<usize> {
        self.numbers().binary_search(&number).ok()
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

/// One epoch of a recording in memory.
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

    /// Returns all that is known of it beside its vector.
    pub fn info(&self) -> EpochRow {
        self.recording.row(self.row)
    }

    /// Returns its embedding.
    ///
    /// # Errors
    ///
    /// [`Error::DamagedSegment`] where the file is not what was written.
    pub fn embedding(&self) -> Result<Embedding> {
        self.recording.vectors().embedding(self.row)
    }

    /// Returns which of the recording's captions describe it.
    pub fn captions(&self) -> Range<usize> {
        self.recording.captions().of_row(self.row)
    }

    /// Returns the scored events that belong to it; none where events were not scored.
    pub fn events(&self) -> impl Iterator<Item = &'a Event> + use<'a> {
        let start_s = self.info().onset_s;
        let events = self.recording.events().unwrap_or_default().iter();
        events.filter(move |event| event.belongs_to(start_s, start_s + EPOCH_S))
    }
}
