//! Changes of the manifest; each is a conditional write, described in `revision`.

use nocturne_psg::RecordingId;
use qdrant_client::qdrant::{Condition, Filter};

use super::entry::{Acknowledged, EntryState, text_of};
use super::points::{self, Expected};
use super::{FORMAT, QdrantManifest};
use crate::error::Result;
use crate::qdrant::QdrantError;
use crate::qdrant::connection::Connection;
use crate::qdrant::payload::Payload;
use crate::qdrant::point_ids::{manifest_entry_id, space_id};
use crate::qdrant::revision::Revision;
use crate::recording::EmbeddingSpace;
use crate::storage::segment::Recording;

/// How often a writer tries to raise the generation while other writers do the same.
const MAX_TRIES: usize = 64;

/// The points of a recording that were read back.
pub(in crate::qdrant) struct Uploaded {
    /// In hexadecimal.
    pub(in crate::qdrant) checksum: String,
    pub(in crate::qdrant) revision: Revision,
}

impl QdrantManifest {
    /// Writes an empty manifest, unless another writer does so at the same time.
    pub(in crate::qdrant) fn create(connection: &Connection, space: &EmbeddingSpace) -> Result<()> {
        points::put(connection, space_id(), head(space, 0), Expected::Absent)
    }

    /// Raises the generation, so that readers see that the manifest has changed.
    ///
    /// Several writers may do so at once: it is enough that one of them raises it above a number that was read after the
    /// change.
    pub(in crate::qdrant) fn advance(&mut self, connection: &Connection) -> Result<()> {
        let read = || -> Result<u64> {
            let lost = || QdrantError::PointsMissing { address: connection.address() };
            Ok(Self::read_head(connection)?.ok_or_else(lost)?.generation)
        };
        let mut seen = read()?;
        for _ in 0..MAX_TRIES {
            let is_as_seen = Filter::must([Condition::matches("generation", seen.cast_signed())]);
            let head = head(&self.space, seen + 1);
            points::put(connection, space_id(), head, Expected::Present(is_as_seen))?;
            let now = read()?;
            if now > seen {
                self.generation = now;
                return Ok(());
            }
            seen = now;
        }
        let (address, point) = (connection.address(), "space".to_owned());
        let (field, expected) = ("generation", "a number that a write raises");
        Err(QdrantError::InvalidPoint { address, point, field, expected }.into())
    }

    /// Marks a recording as pending, before its points are written or deleted, and returns the revision to write them with.
    ///
    /// # Errors
    ///
    /// [`QdrantError::Conflict`] if the entry is no longer the one that this manifest has, as for all that follow.
    pub(in crate::qdrant) fn begin(
        &mut self,
        connection: &Connection,
        id: &RecordingId,
    ) -> Result<Revision> {
        let known = self.state(id);
        let revision = Revision::after(known.as_ref().map(EntryState::revision));
        let expected =
            known.map_or(Expected::Absent, |known| Expected::Present(known.is_that_of_entry()));
        let pending = EntryState::Pending(revision);
        let payload = pending.payload(id);
        self.replace(connection, id, (pending, payload), expected)?;
        Ok(revision)
    }

    /// Marks a pending recording as acknowledged.
    pub(in crate::qdrant) fn acknowledge(
        &mut self,
        connection: &Connection,
        recording: &Recording,
        uploaded: Uploaded,
    ) -> Result<()> {
        let Uploaded { checksum, revision } = uploaded;
        let entry = recording.entry().clone();
        let acknowledged = Acknowledged { entry, checksum, revision };
        let state = EntryState::Acknowledged(Box::new(acknowledged.clone()));
        let mut payload = state.payload(recording.id());
        acknowledged.write(recording, &mut payload);
        let expected = Expected::Present(EntryState::Pending(revision).is_that_of_entry());
        self.replace(connection, recording.id(), (state, payload), expected)
    }

    /// Marks a pending recording as removed.
    pub(in crate::qdrant) fn mark_removed(
        &mut self,
        connection: &Connection,
        id: &RecordingId,
        revision: Revision,
    ) -> Result<()> {
        let state = EntryState::Removed(revision);
        let payload = state.payload(id);
        let expected = Expected::Present(EntryState::Pending(revision).is_that_of_entry());
        self.replace(connection, id, (state, payload), expected)
    }

    /// Replaces the entry of a recording by a state and its payload, if the server has the expected one.
    fn replace(
        &mut self,
        connection: &Connection,
        id: &RecordingId,
        (state, payload): (EntryState, Payload),
        expected: Expected,
    ) -> Result<()> {
        points::put(connection, manifest_entry_id(id), payload, expected)?;
        // The server does not report whether the condition was met.
        let fields = Some(["state", "revision", "upload"].as_slice());
        let stored = points::get(connection, manifest_entry_id(id), fields)?;
        let address = connection.address();
        let is_stored = |point| state.is_stored_in(&points::reader(&address, point));
        if !stored.as_ref().map_or(Ok(false), is_stored)? {
            // What the caller does next is decided by what is there now.
            self.refresh(connection, id)?;
            return Err(QdrantError::Conflict { address, recording: id.clone() }.into());
        }
        self.set(id.clone(), state);
        self.advance(connection)
    }

    /// Returns the state of a recording as it was read last.
    pub(super) fn state(&self, id: &RecordingId) -> Option<EntryState> {
        let acknowledged = self.acknowledged.get(id).cloned();
        acknowledged
            .map(|acknowledged| EntryState::Acknowledged(Box::new(acknowledged)))
            .or_else(|| self.pending.get(id).copied().map(EntryState::Pending))
            .or_else(|| self.removed.get(id).copied().map(EntryState::Removed))
    }
}

fn head(space: &EmbeddingSpace, generation: u64) -> Payload {
    Payload::from([
        ("format".to_owned(), i64::from(FORMAT).into()),
        ("space".to_owned(), text_of(space).into()),
        ("generation".to_owned(), generation.cast_signed().into()),
    ])
}
