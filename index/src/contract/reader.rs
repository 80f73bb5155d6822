//! Where recordings are read from, one after the other: a folder, or a server of Qdrant.

use std::sync::Arc;

use nocturne_psg::RecordingId;

use crate::contract::Recordings;
use crate::error::Result;
use crate::folder::Collection;
use crate::qdrant::QdrantCollection;
use crate::recording::{EmbeddingSpace, RecordingEntry, SpaceName};
use crate::storage::segment::Recording;

/// A snapshot of one space of a collection, for whoever goes through all of its recordings.
pub trait SpaceReader: Recordings {
    /// Returns the name of the space.
    fn space_name(&self) -> SpaceName;

    /// Returns which bundle the space was filled with.
    fn space(&self) -> &EmbeddingSpace;

    /// Returns the number of this snapshot; every change of the space adds to it.
    fn generation(&self) -> u64;

    /// Returns what is said of a recording, where there is one of that name.
    fn entry(&self, id: &RecordingId) -> Option<&RecordingEntry>;

    /// Reads a recording with its captions, and keeps nothing of it.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownRecording`](crate::Error::UnknownRecording), one of which [`is_damage`](crate::Error::is_damage)
    /// says that it is not what was written, one of which [`is_outdated`](crate::Error::is_outdated) says that it is no
    /// longer there, and those of the kind of collection.
    fn read_recording(&self, id: &RecordingId) -> Result<Arc<Recording>>;

    /// Returns the newest snapshot of the same space, where there is a newer one.
    ///
    /// # Errors
    ///
    /// Those of opening it.
    fn newer(&self) -> Result<Option<Box<dyn SpaceReader>>>;
}

impl SpaceReader for Collection {
    fn space_name(&self) -> SpaceName {
        Self::space_name(self).clone()
    }

    fn space(&self) -> &EmbeddingSpace {
        Self::space(self)
    }

    fn generation(&self) -> u64 {
        Self::generation(self)
    }

    fn entry(&self, id: &RecordingId) -> Option<&RecordingEntry> {
        Self::entry(self, id)
    }

    fn read_recording(&self, id: &RecordingId) -> Result<Arc<Recording>> {
        Self::read_recording(self, id)
    }

    fn newer(&self) -> Result<Option<Box<dyn SpaceReader>>> {
        let newer = self.refresh()?;
        Ok(newer.map(|newer| Box::new(newer) as Box<dyn SpaceReader>))
    }
}

impl SpaceReader for QdrantCollection {
    fn space_name(&self) -> SpaceName {
        Self::space_name(self)
    }

    fn space(&self) -> &EmbeddingSpace {
        Self::space(self)
    }

    fn generation(&self) -> u64 {
        Self::generation(self)
    }

    fn entry(&self, id: &RecordingId) -> Option<&RecordingEntry> {
        Self::entry(self, id)
    }

    fn read_recording(&self, id: &RecordingId) -> Result<Arc<Recording>> {
        self.whole_recording(id)
    }

    fn newer(&self) -> Result<Option<Box<dyn SpaceReader>>> {
        let newer = self.refresh()?;
        Ok(newer.map(|newer| Box::new(newer) as Box<dyn SpaceReader>))
    }
}
