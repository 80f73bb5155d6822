//! Which epochs a question is about.

use std::collections::BTreeSet;

use nocturne_psg::montage::ChannelMask;
use nocturne_psg::{EpochNumber, EpochRef, EventSet, RecordingId, Stage};

use crate::handle::Handle;
use crate::{Recording, Result};

/// Conditions on epochs, all of which must hold; the default allows every epoch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// The recordings to look in; all of them where there is nothing.
    pub recordings: Option<BTreeSet<RecordingId>>,
    /// The scored stages; all of them, and epochs that were not scored, where there is nothing.
    pub stages: Option<BTreeSet<Stage>>,
    /// Channels that must all have carried something.
    pub channels: ChannelMask,
    /// Scored events of which at least one must belong to the epoch; no condition where it is empty.
    pub any_event: EventSet,
    /// Scored events of which none may belong to the epoch.
    pub no_event: EventSet,
    /// Recordings to leave out, whether they are in the collection or not.
    pub excluded_recordings: BTreeSet<RecordingId>,
    /// Epochs to leave out, whether they are in the collection or not.
    pub excluded_epochs: BTreeSet<EpochRef>,
}

impl Filter {
    /// Returns whether every epoch is allowed.
    pub fn is_open(&self) -> bool {
        *self == Self::default()
    }

    /// Returns the conditions on the epochs of one recording; nothing where none of them is allowed.
    ///
    /// # Errors
    ///
    /// Those of [`Handle::recording`]; without conditions on epochs, none of the recording's columns is read.
    pub(crate) fn of<'a>(&self, handle: &'a Handle) -> Result<Option<RowFilter<'a>>> {
        let id = &handle.entry().id;
        let is_in = self.recordings.as_ref().is_none_or(|recordings| recordings.contains(id));
        if !is_in || self.excluded_recordings.contains(id) {
            return Ok(None);
        }
        let epoch = |number| EpochRef { recording: id.clone(), epoch: EpochNumber(number) };
        let excluded = self.excluded_epochs.range(epoch(0)..=epoch(u32::MAX));
        let excluded: BTreeSet<_> = excluded.map(|excluded| excluded.epoch).collect();
        let is_open = self.stages.is_none()
            && self.channels == ChannelMask::NONE
            && self.any_event == EventSet::EMPTY
            && self.no_event == EventSet::EMPTY
            && excluded.is_empty();
        if is_open {
            return Ok(Some(RowFilter::Open));
        }
        Ok(Some(RowFilter::Conditions(Conditions {
            recording: handle.recording()?,
            stages: self.stages.as_ref().map(|stages| Stage::ALL.map(|it| stages.contains(&it))),
            channels: self.channels,
            any_event: self.any_event.bits(),
            no_event: self.no_event.bits(),
            excluded,
        })))
    }
}

/// Conditions on the epochs of one recording.
#[derive(Debug)]
pub(crate) enum RowFilter<'a> {
    /// Every epoch is allowed.
    Open,
    /// All of them must hold.
    Conditions(Conditions<'a>),
}

#[derive(Debug)]
pub(crate) struct Conditions<'a> {
    recording: &'a Recording,
    /// By position in [`Stage::ALL`].
    stages: Option<[bool; 5]>,
    channels: ChannelMask,
    any_event: u32,
    no_event: u32,
    excluded: BTreeSet<EpochNumber>,
}

impl RowFilter<'_> {
    /// Returns whether the epoch in a row is allowed.
    pub(crate) fn allows(&self, row: usize) -> bool {
        match self {
            Self::Open => true,
            Self::Conditions(conditions) => conditions.hold(row),
        }
    }

    /// Returns how many of a recording's epochs are allowed.
    pub(crate) fn count(&self, n_epochs: usize) -> usize {
        match self {
            Self::Open => n_epochs,
            Self::Conditions(conditions) => {
                (0..n_epochs).filter(|row| conditions.hold(*row)).count()
            }
        }
    }
}

impl Conditions<'_> {
    fn hold(&self, row: usize) -> bool {
        let recording = self.recording;
        let events = recording.event_sets()[row].bits();
        let stage = recording.stages()[row];
        self.stages.is_none_or(|stages| stage.is_some_and(|stage| stages[stage.index()]))
            && recording.masks()[row].contains_all(self.channels)
            && (self.any_event == 0 || events & self.any_event != 0)
            && events & self.no_event == 0
            && !self.excluded.contains(&recording.numbers()[row])
    }
}
