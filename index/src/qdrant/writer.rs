//! Writes recordings into a collection in Qdrant.

use std::collections::BTreeMap;
use std::sync::Arc;

use nocturne_psg::RecordingId;

use super::connection::Connection;
use super::manifest::{QdrantManifest, Uploaded};
use super::read_recording::{in_memory, sealed};
use super::recording_points::RecordingPoints;
use super::revision::Revision;
use super::spaces::{SpaceConnection, read_record, write_record};
use super::stored_points::{damaged, draft};
use super::upload::{self, Upload};
use super::{QdrantError, QdrantSettings, schema, server_version, tracks};
use crate::contract::{
    CollectionReader, CollectionWriter, CopyReport, SpaceRecord, TrackDraft, expect_space,
    mirror_each,
};
use crate::error::{Error, LocationName, Result};
use crate::recording::{EmbeddingSpace, RecordingDraft, RecordingEntry, SpaceName};
use crate::storage::FileContent;
use crate::storage::segment::Recording;

/// Writes recordings into a collection in Qdrant.
///
/// # What happens when a write fails?
///
/// The recording is not acknowledged and in no answer; everything acknowledged before is. Sending it again with this or
/// another writer leaves what one undisturbed [`put`](Self::put) would have left: nothing missing, nothing twice.
///
/// # What happens when two writers write the same recording?
///
/// One of them acknowledges it, and the other one gets [`QdrantError::Conflict`], which names the recording. Nothing that
/// a writer has not read is overwritten. Writers of different recordings do not disturb each other.
#[derive(Debug)]
pub struct QdrantWriter {
    pub(super) connection: Arc<Connection>,
    /// As this writer has read it, and changed it since.
    pub(super) manifest: QdrantManifest,
}

/// What a writer did with a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// The same content was acknowledged before; nothing was sent.
    Unchanged,
    /// It was sent, read back, and acknowledged.
    Written,
    /// It was sent twice, because other points were read back than had been sent the first time, and acknowledged.
    WrittenTwice,
}

impl QdrantWriter {
    /// Opens a collection for the vectors of a space, or creates it, also if an earlier creation was cut short. The writer
    /// stays with the space that is served now, or that the address names, also after another one is promoted.
    ///
    /// # Errors
    ///
    /// [`Error::OtherBundle`]; [`Error::UnknownSpace`] if the address names a space that does not exist;
    /// [`QdrantError::OldServer`]; [`QdrantError::ForeignCollection`] if the server has a collection of that name that
    /// Nocturne did not create, and the errors of [`QdrantReader::open`](super::QdrantReader::open).
    pub fn open_or_create(settings: QdrantSettings, space: &EmbeddingSpace) -> Result<Self> {
        Self::open_at(SpaceConnection::of_writer(Connection::new(settings)?)?, space)
    }

    /// Opens or creates the space of a connection.
    pub(super) fn open_at(connection: Arc<Connection>, space: &EmbeddingSpace) -> Result<Self> {
        server_version::expect_conditional_writes(&connection)?;
        let address = connection.address();
        let (has_points, has_manifest) = schema::exist(&connection)?;
        if has_points && !has_manifest {
            let manifest = connection.settings().url.recordings();
            return Err(QdrantError::ForeignCollection { address, manifest }.into());
        }
        if !has_manifest || QdrantManifest::read_head(&connection)?.is_none() {
            schema::create_all(&connection, space.dim)?;
            QdrantManifest::create(&connection, space)?;
        }
        let mut manifest = QdrantManifest::read(&connection)?;
        expect_space(connection.location(), &manifest.space, space)?;
        if !schema::exist(&connection)?.0 {
            return Err(QdrantError::PointsMissing { address }.into());
        }
        // A writer that was stopped may have changed an entry without raising the generation.
        manifest.advance(&connection)?;
        Ok(Self { connection, manifest })
    }

    /// Adds a recording, or replaces the one with its id; nothing is sent if the same content is acknowledged.
    ///
    /// When this returns, all of its points have been read back and are found by searches.
    ///
    /// # Errors
    ///
    /// [`Error::Dimension`], and [`Error::Damaged`] if it cannot be read; [`QdrantError::Request`];
    /// [`QdrantError::DamagedRecording`] if the server twice returns other points than it was sent;
    /// [`QdrantError::Conflict`] if another writer has written the recording since this one has read its entry.
    pub fn put(&mut self, recording: &Recording) -> Result<Sent> {
        if self.entry(recording.id()) == Some(recording.entry()) {
            self.expect_dim(recording)?;
            return Ok(Sent::Unchanged);
        }
        self.put_again(recording)
    }

    /// Sends a recording even if the same content is acknowledged: for one whose points are lost.
    ///
    /// # Errors
    ///
    /// Those of [`put`](Self::put).
    pub fn put_again(&mut self, recording: &Recording) -> Result<Sent> {
        self.put_with(recording, None)
    }

    fn put_with(&mut self, recording: &Recording, track: Option<&TrackDraft>) -> Result<Sent> {
        self.expect_dim(recording)?;
        let revision = self.manifest.begin(&self.connection, recording.id())?;
        let sent = self.send(recording, track, revision).and_then(|(sent, uploaded)| {
            self.manifest.acknowledge(&self.connection, recording, uploaded)?;
            Ok(sent)
        });
        sent.map_err(|error| {
            let error = self.conflict_or(error, recording.id(), revision);
            if error.is_conflict() {
                self.discard(recording.id(), revision);
            }
            error
        })
    }

    fn expect_dim(&self, recording: &Recording) -> Result<()> {
        let (expected, received) = (self.manifest.space.dim, recording.vectors().dim());
        if expected == received { Ok(()) } else { Err(Error::Dimension { expected, received }) }
    }

    /// Sends all points of a recording, and reads them back; then its track, or deletes that of another content.
    fn send(
        &self,
        recording: &Recording,
        track: Option<&TrackDraft>,
        revision: Revision,
    ) -> Result<(Sent, Uploaded)> {
        let entry = recording.entry();
        let points = RecordingPoints::of(recording)?;
        let checksum = points.checksum();
        let (connection, dim) = (self.connection.as_ref(), self.manifest.space.dim);
        let upload = Upload { connection, entry, points: &points, dim, revision: revision.number };
        let mut sent = Sent::Written;
        if upload.send_and_read(false)? != checksum {
            // Without `wait`, a request may fail after it was answered.
            sent = Sent::WrittenTwice;
            if upload.send_and_read(true)? != checksum {
                let problem = "other points were read back than had been sent, twice".to_owned();
                return Err(damaged(connection, &entry.id, problem));
            }
        }
        if let Some(track) = track {
            tracks::send(connection, entry, revision.number, track)?;
        } else {
            let content = Some(entry.segment.hash);
            tracks::delete(connection, &entry.id, content, revision.number)?;
        }
        let checksum = format!("{checksum:032x}");
        Ok((sent, Uploaded { checksum, revision }))
    }

    /// Returns a conflict if the entry of a recording is no longer of a revision, which is then why its points differ; else
    /// the error.
    fn conflict_or(&mut self, error: Error, id: &RecordingId, revision: Revision) -> Error {
        if error.is_damage()
            && let Err(error) = self.manifest.refresh(&self.connection, id)
        {
            return error;
        }
        if self.manifest.has_revision(id, revision) {
            return error;
        }
        QdrantError::Conflict { address: self.connection.address(), recording: id.clone() }.into()
    }

    /// Deletes the points of an upload that another writer has replaced. That writer's points have a later revision; where
    /// its recording has no epoch, ours would stay.
    fn discard(&self, id: &RecordingId, revision: Revision) {
        if let Err(error) = upload::delete_revision(&self.connection, id, revision.number) {
            tracing::warn!("points of a replaced upload of `{id}` may be left: {error}");
        }
    }

    /// Sets the metadata of one recording. Each of its points holds them: they are read, and sent again.
    fn send_metadata(
        &mut self,
        id: &RecordingId,
        metadata: BTreeMap<String, String>,
    ) -> Result<()> {
        let known = self.manifest.acknowledged.get(id).cloned();
        let known = known.ok_or_else(|| Error::UnknownRecording { recording: id.clone() })?;
        let draft = draft(&self.connection, &known, self.manifest.space.dim)
            .map_err(|error| self.conflict_or(error, id, known.revision))?;
        // The segment keeps the metadata of its commit, and with them its hash.
        let segment = sealed(&self.connection, &self.manifest.space, draft)?;
        let entry = RecordingEntry { metadata, ..known.entry };
        self.put(&segment.recording_with(Arc::new(entry))?).map(|_| ())
    }
}

impl CollectionWriter for QdrantWriter {
    fn location(&self) -> LocationName {
        self.connection.location()
    }

    fn space_name(&self) -> SpaceName {
        self.connection.space_name()
    }

    fn space(&self) -> &EmbeddingSpace {
        &self.manifest.space
    }

    fn record(&self) -> Result<Option<SpaceRecord>> {
        read_record(&self.connection)
    }

    fn set_record(&mut self, record: &SpaceRecord) -> Result<()> {
        write_record(&self.connection, record)
    }

    fn entries(&self) -> Vec<&RecordingEntry> {
        let acknowledged = self.manifest.acknowledged.values();
        acknowledged.map(|acknowledged| &acknowledged.entry).collect()
    }

    fn entry(&self, id: &RecordingId) -> Option<&RecordingEntry> {
        self.manifest.acknowledged.get(id).map(|acknowledged| &acknowledged.entry)
    }

    /// Returns nothing: to find damage, every point of the collection would have to cross the network, which
    /// [`CollectionReader::verify`] does on request.
    fn damaged(&self) -> Result<Vec<(RecordingId, Error)>> {
        Ok(Vec::new())
    }

    /// In addition to the errors of the trait: [`QdrantError::DamagedRecording`] if the server twice returns other points
    /// than it was sent, [`QdrantError::Conflict`] if another writer has written the recording since this one has read its
    /// entry, and [`QdrantError::Request`].
    fn commit(&mut self, draft: RecordingDraft) -> Result<RecordingEntry> {
        let segment = sealed(&self.connection, &self.manifest.space, draft)?;
        let recording = segment.recording()?;
        self.put(&recording)?;
        Ok(recording.entry().clone())
    }

    fn commit_with_track(
        &mut self,
        draft: RecordingDraft,
        track: &mut dyn FnMut(&Recording) -> Option<TrackDraft>,
    ) -> Result<RecordingEntry> {
        let segment = sealed(&self.connection, &self.manifest.space, draft)?;
        let recording = segment.recording()?;
        let track = track(&recording);
        if self.entry(recording.id()) == Some(recording.entry()) {
            self.expect_dim(&recording)?;
            let track = track.map(|track| (recording.id().clone(), track));
            self.put_tracks(track.as_slice())?;
        } else {
            self.put_with(&recording, track.as_ref())?;
        }
        Ok(recording.entry().clone())
    }

    fn put_tracks(&mut self, tracks: &[(RecordingId, TrackDraft)]) -> Result<()> {
        tracks::send_all(&self.connection, &self.manifest.acknowledged, tracks)
    }

    fn put_segment(&mut self, entry: &RecordingEntry, segment: Vec<u8>) -> Result<()> {
        let content = FileContent::from(segment);
        let segment = in_memory(&self.connection, &self.manifest.space, entry.clone(), content);
        segment.verify()?;
        self.put_again(&segment.recording()?).map(|_| ())
    }

    fn mirror(&mut self, source: &dyn CollectionReader) -> Result<CopyReport> {
        mirror_each(source, self)
    }

    fn set_metadata(
        &mut self,
        metadata: BTreeMap<RecordingId, BTreeMap<String, String>>,
    ) -> Result<usize> {
        if let Some(recording) = metadata.keys().find(|id| self.entry(id).is_none()) {
            return Err(Error::UnknownRecording { recording: recording.clone() });
        }
        let mut n_changed = 0;
        for (id, metadata) in metadata {
            if self.entry(&id).is_some_and(|entry| entry.metadata != metadata) {
                self.send_metadata(&id, metadata)?;
                n_changed += 1;
            }
        }
        Ok(n_changed)
    }

    /// Removes a recording, or what is left of one whose upload has not ended.
    fn remove(&mut self, id: &RecordingId) -> Result<()> {
        if self.entry(id).is_none() && !self.manifest.pending.contains_key(id) {
            return Err(Error::UnknownRecording { recording: id.clone() });
        }
        let revision = self.manifest.begin(&self.connection, id)?;
        upload::delete_all(&self.connection, id, revision.number)?;
        tracks::delete(&self.connection, id, None, revision.number)?;
        self.manifest.mark_removed(&self.connection, id, revision)
    }
}
