//! Where recordings are written: a folder, or a server of Qdrant.

use std::collections::BTreeMap;

use jiff::Timestamp;
use nocturne_encoder::Bundle;
use nocturne_psg::RecordingId;

use crate::error::{Error, Result};
use crate::folder::CollectionWriter;
use crate::recording::{EmbeddingSpace, RecordingDraft, RecordingEntry};

/// A collection that is open for writing.
///
/// [`CollectionWriter`] writes into a folder, [`QdrantWriter`](crate::qdrant::QdrantWriter) into a server. Both keep the
/// same bytes of a recording, under the same hash.
pub trait Destination: Send {
    /// Returns which bundle the collection is filled with.
    fn space(&self) -> &EmbeddingSpace;

    /// Keeps where the bundle is that the space is filled with, for programs that are not told; a space that has no
    /// recording yet counts as made at `now`.
    ///
    /// # Errors
    ///
    /// [`Error::OtherBundle`] where another bundle fills the space, and those of the kind of destination.
    fn set_bundle(&mut self, bundle: &Bundle, now: Timestamp) -> Result<()>;

    /// Returns the acknowledged recordings, by ascending name, as this writer knows them.
    fn recordings(&self) -> Box<dyn ExactSizeIterator<Item = &RecordingEntry> + '_>;

    /// Returns what is acknowledged of a recording, where there is one of that name.
    fn entry(&self, id: &RecordingId) -> Option<&RecordingEntry>;

    /// Returns the recordings that are known to be damaged, and how; a new commit of one mends it.
    ///
    /// # Errors
    ///
    /// Those of opening the collection.
    fn damaged(&self) -> Result<Vec<(RecordingId, Error)>>;

    /// Adds a recording, or replaces the one of its name. When this returns, it is there whole, safely, and found.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidDraft`] and [`Error::Dimension`] where the recording is not fit to be kept, one of which
    /// [`Error::is_conflict`] says that another writer has written it at the same time, and those of the kind of destination.
    fn commit(&mut self, draft: RecordingDraft) -> Result<RecordingEntry>;

    /// Sets what is said of a recording.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownRecording`], and those of [`commit`](Self::commit).
    fn set_metadata(
        &mut self,
        id: &RecordingId,
        metadata: BTreeMap<String, String>,
    ) -> Result<RecordingEntry>;

    /// Removes a recording.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownRecording`], and those of [`commit`](Self::commit).
    fn remove(&mut self, id: &RecordingId) -> Result<()>;
}

impl Destination for CollectionWriter {
    fn space(&self) -> &EmbeddingSpace {
        Self::space(self)
    }

    fn set_bundle(&mut self, bundle: &Bundle, now: Timestamp) -> Result<()> {
        Self::set_bundle(self, bundle, now)
    }

    fn recordings(&self) -> Box<dyn ExactSizeIterator<Item = &RecordingEntry> + '_> {
        Box::new(Self::recordings(self))
    }

    fn entry(&self, id: &RecordingId) -> Option<&RecordingEntry> {
        Self::entry(self, id)
    }

    /// Reads every segment.
    fn damaged(&self) -> Result<Vec<(RecordingId, Error)>> {
        Self::damaged(self)
    }

    fn commit(&mut self, draft: RecordingDraft) -> Result<RecordingEntry> {
        Self::commit(self, draft)
    }

    fn set_metadata(
        &mut self,
        id: &RecordingId,
        metadata: BTreeMap<String, String>,
    ) -> Result<RecordingEntry> {
        Self::set_metadata(self, [(id.clone(), metadata)].into())?;
        let entry = Self::entry(self, id).cloned();
        entry.ok_or_else(|| Error::UnknownRecording { recording: id.clone() })
    }

    fn remove(&mut self, id: &RecordingId) -> Result<()> {
        Self::remove(self, id)
    }
}
