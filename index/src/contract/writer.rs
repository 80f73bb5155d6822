//! The contract of a writer: recordings are added to, replaced in and removed from one embedding space of a collection.

use std::collections::BTreeMap;

use jiff::Timestamp;
use nocturne_encoder::Bundle;
use nocturne_psg::RecordingId;

use crate::contract::{CollectionReader, CopyReport, SpaceRecord, TrackDraft, expect_space};
use crate::error::{Error, LocationName, Result};
use crate::recording::{EmbeddingSpace, RecordingDraft, RecordingEntry, SpaceName};
use crate::storage::segment::Recording;

/// A collection that is open for writing, in one of its spaces.
///
/// A recording is stored in the same bytes, under the same hash, in a folder and on a server.
pub trait CollectionWriter: Send + std::fmt::Debug {
    /// Returns where the space is, for messages.
    fn location(&self) -> LocationName;

    /// Returns the name of the space.
    fn space_name(&self) -> SpaceName;

    /// Returns which bundle the space is filled with.
    fn space(&self) -> &EmbeddingSpace;

    /// Returns the record of that bundle, or `None` if none was written.
    ///
    /// # Errors
    ///
    /// [`Error::Damaged`], [`Error::Format`], and those of the store.
    fn record(&self) -> Result<Option<SpaceRecord>>;

    /// Writes the record of the bundle, in place of the previous one.
    ///
    /// # Errors
    ///
    /// Those of the store.
    fn set_record(&mut self, record: &SpaceRecord) -> Result<()>;

    /// Records where the bundle is that fills the space, so that later commands find it. A space without recordings counts
    /// as created at `now`.
    ///
    /// # Errors
    ///
    /// [`Error::OtherBundle`] if another bundle fills the space, and those of [`record`](Self::record) and
    /// [`set_record`](Self::set_record).
    fn set_bundle(&mut self, bundle: &Bundle, now: Timestamp) -> Result<()> {
        expect_space(self.location(), self.space(), &EmbeddingSpace::of(bundle))?;
        let known = self.record()?;
        let created = match &known {
            Some(known) => known.created,
            None => self.entries().is_empty().then_some(now),
        };
        let record = SpaceRecord::of(self.space_name(), bundle, created);
        if known.as_ref() == Some(&record) { Ok(()) } else { self.set_record(&record) }
    }

    /// Returns the entries of the acknowledged recordings as this writer knows them, by ascending id.
    fn entries(&self) -> Vec<&RecordingEntry>;

    /// Returns the acknowledged entry of a recording, or `None` if there is no recording of that id.
    fn entry(&self, id: &RecordingId) -> Option<&RecordingEntry>;

    /// Returns the recordings that are known to be damaged, and how. Committing such a recording again repairs it.
    ///
    /// # Errors
    ///
    /// Those of opening the space.
    fn damaged(&self) -> Result<Vec<(RecordingId, Error)>>;

    /// Adds a recording, or replaces the one of the same id. When this returns, the recording is durable, whole, and found
    /// by new readers.
    ///
    /// # Errors
    ///
    /// [`Error::InvalidDraft`] and [`Error::Dimension`] if the recording cannot be stored, and those of the store.
    fn commit(&mut self, draft: RecordingDraft) -> Result<RecordingEntry>;

    /// Commits a recording with its concept track: `track` is called once with the recording as it is stored, so that it
    /// computes what it would compute later. The recording is visible with its track, or not at all. Without a track,
    /// this is [`commit`](Self::commit).
    ///
    /// # Errors
    ///
    /// Those of [`commit`](Self::commit).
    fn commit_with_track(
        &mut self,
        draft: RecordingDraft,
        track: &mut dyn FnMut(&Recording) -> Option<TrackDraft>,
    ) -> Result<RecordingEntry>;

    /// Stores concept tracks of recordings; each replaces the track of its recording.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownRecording`], before anything is stored, and those of the store.
    fn put_tracks(&mut self, tracks: &[(RecordingId, TrackDraft)]) -> Result<()>;

    /// Adds a recording as another collection stores it, with its metadata of now, or replaces the one of the same id,
    /// whatever is stored of it. `segment` must be the sealed segment that `entry` names.
    ///
    /// # Errors
    ///
    /// [`Error::Damaged`] if the segment is not the one of the entry, and those of [`commit`](Self::commit).
    fn put_segment(&mut self, entry: &RecordingEntry, segment: Vec<u8>) -> Result<()>;

    /// Makes the space equal to a snapshot of another collection: adds and replaces recordings, removes those that the
    /// snapshot does not have, and takes over the record of the bundle and the concept tracks. Recordings that are stored whole are not written
    /// again. A folder shows the result in one step, a server recording by recording.
    ///
    /// # Errors
    ///
    /// [`Error::OtherBundle`], those of [`CollectionReader::read_segment`], and those of the store.
    fn mirror(&mut self, source: &dyn CollectionReader) -> Result<CopyReport>;

    /// Sets the metadata of recordings and returns how many of them that changed. A folder changes all of them in one
    /// step.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownRecording`], in which case nothing is changed, and those of the store.
    fn set_metadata(
        &mut self,
        metadata: BTreeMap<RecordingId, BTreeMap<String, String>>,
    ) -> Result<usize>;

    /// Sets the metadata of one recording, and returns its entry.
    ///
    /// # Errors
    ///
    /// Those of [`set_metadata`](Self::set_metadata).
    fn set_metadata_of(
        &mut self,
        id: &RecordingId,
        metadata: BTreeMap<String, String>,
    ) -> Result<RecordingEntry> {
        self.set_metadata([(id.clone(), metadata)].into())?;
        let entry = self.entry(id).cloned();
        entry.ok_or_else(|| Error::UnknownRecording { recording: id.clone() })
    }

    /// Removes a recording.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownRecording`], and those of the store.
    fn remove(&mut self, id: &RecordingId) -> Result<()>;

    /// Deletes everything that no recording needs any more, and returns the number of files. Only a folder has such files;
    /// a server has deleted the points of a removed recording already.
    ///
    /// # Errors
    ///
    /// Those of the store; calling again continues.
    fn purge(&mut self) -> Result<usize> {
        Ok(0)
    }
}
