//! One generation of a collection, ready for questions.
//!
//! A folder and a Qdrant server give a question the same vectors, and the same code computes with them.

use std::ops::Deref;

use nocturne_index::{CollectionReader, Filter, Location, Result, SpaceName};
use nocturne_psg::RecordingId;

/// A collection as it was at one moment.
///
/// In Qdrant it holds what was acknowledged at that moment; a question that meets a recording which was replaced since ends
/// with an error.
#[derive(Debug)]
pub(crate) struct Snapshot {
    reader: Box<dyn CollectionReader>,
}

/// Why a recording of a snapshot cannot be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum MissingReason {
    /// Its part of the collection is damaged.
    Damaged,
    /// Its upload to Qdrant has not finished.
    NotUploaded,
}

impl Snapshot {
    /// Opens the newest generation of the space that is served, or that the address names.
    pub(crate) fn open(location: &Location) -> Result<Self> {
        Self::of(location.open()?)
    }

    /// Opens the newest generation of a space, whichever is served.
    pub(crate) fn of_space(location: &Location, name: &SpaceName) -> Result<Self> {
        Self::of(location.of_collection().spaces()?.reader(name)?)
    }

    fn of(reader: Box<dyn CollectionReader>) -> Result<Self> {
        reader.open_index()?;
        Ok(Self { reader })
    }

    /// Opens the newest generation of the same space, or returns `None` if this is the newest.
    pub(crate) fn refresh(&self) -> Result<Option<Self>> {
        let newer = self.reader.refresh()?;
        newer.map(Self::of).transpose()
    }

    /// Returns the recordings that questions found missing so far, and why.
    pub(crate) fn missing(&self) -> Vec<(RecordingId, MissingReason)> {
        // A recording in the manifest was complete once; one that is not is still being uploaded.
        let reason = |id: &RecordingId| match self.entry(id) {
            Some(_) => MissingReason::Damaged,
            None => MissingReason::NotUploaded,
        };
        let missing = self.reader.missing().into_iter();
        missing.map(|it| (it.recording.clone(), reason(&it.recording))).collect()
    }

    /// Returns whether a recording may have epochs that a filter allows. Of one that is not acknowledged, only its id is
    /// known.
    pub(crate) fn may_allow(&self, id: &RecordingId, filter: &Filter) -> bool {
        match self.entry(id) {
            Some(entry) => filter.may_allow(entry),
            None => filter.recordings.is_none() && !filter.excluded_recordings.contains(id),
        }
    }
}

impl Deref for Snapshot {
    type Target = dyn CollectionReader;

    fn deref(&self) -> &Self::Target {
        &*self.reader
    }
}
