//! Which epochs a question is about.

use std::collections::BTreeSet;

use nocturne_psg::montage::ChannelMask;
use nocturne_psg::{EpochNumber, EpochRef, EventSet, RecordingId, Stage};

use crate::{Error, Recording, Result};

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

    /// Returns whether a recording is one of those to look in by name.
    pub(crate) fn names(&self, id: &RecordingId) -> bool {
        self.recordings.as_ref().is_some_and(|recordings| recordings.contains(id))
    }

    /// Refuses names of recordings that are not there, which would otherwise find nothing in silence.
    pub(crate) fn check(&self, is_known: impl Fn(&RecordingId) -> bool) -> Result<()> {
        match self.recordings.iter().flatten().find(|id| !is_known(id)) {
            Some(id) => Err(Error::UnknownRecording { recording: id.clone() }),
            None => Ok(()),
        }
    }

    /// Returns the conditions on the epochs of one recording; nothing where none of them is allowed.
    pub(crate) fn of<'a>(&self, recording: &'a Recording) -> Option<RowFilter<'a>> {
        let id = recording.id();
        let is_in = self.recordings.as_ref().is_none_or(|recordings| recordings.contains(id));
        if !is_in || self.excluded_recordings.contains(id) {
            return None;
        }
        let epoch = |number| EpochRef { recording: id.clone(), epoch: EpochNumber(number) };
        let excluded = self.excluded_epochs.range(epoch(0)..=epoch(u32::MAX));
        Some(RowFilter {
            recording,
            stages: self.stages.as_ref().map(|stages| Stage::ALL.map(|it| stages.contains(&it))),
            channels: self.channels,
            any_event: self.any_event.bits(),
            no_event: self.no_event.bits(),
            excluded: excluded.map(|excluded| excluded.epoch).collect(),
        })
    }
}

/// Conditions on the epochs of one recording.
#[derive(Debug)]
pub(crate) struct RowFilter<'a> {
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
