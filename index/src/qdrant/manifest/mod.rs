//! The manifest: the recordings of a space, stored in Qdrant as points without vectors.
//!
//! | point | field | |
//! |---|---|---|
//! | space | `format` | 1 |
//! | | `space` | the [`EmbeddingSpace`](crate::EmbeddingSpace) as JSON |
//! | | `generation` | grows with every change of the manifest |
//! | note | | described in `spaces::notes` |
//! | recording | `recording` | its id |
//! | | `state` | `pending` from before its first point is sent, `acknowledged` after all points were read back, `removed` after all were deleted |
//! | | `revision`, `upload` | number and random id of the upload, described in `revision` |
//! | acknowledged recording | `content` | hash of its segment |
//! | | `checksum` | XXH3-128 of its points, see [`RecordingPoints::checksum`](super::recording_points::RecordingPoints::checksum) |
//! | | `committed` | metadata when the recording was committed to its folder, as JSON; absent if it is that of the entry |
//! | | `entry`, `montage`, `events` | the [`RecordingEntry`](crate::RecordingEntry), the report on channels, and the scored events, as JSON |
//!
//! JSON is stored as text, so that numbers are read back to the last bit.

mod entry;
mod points;
mod write;

use std::collections::BTreeMap;

use nocturne_psg::RecordingId;
use qdrant_client::qdrant::RetrievedPoint;

pub(super) use entry::{Acknowledged, EntryDetails, EntryState, json, read_details, text_of};
pub(super) use points::{Expected, put, reader, strong_ordering};
pub(super) use write::Uploaded;

use super::connection::Connection;
use super::point_ids::{manifest_entry_id, space_id};
use super::revision::Revision;
use super::spaces::notes;
use crate::error::{Error, Result};
use crate::recording::EmbeddingSpace;
use entry::FIELDS;

/// The version that this build reads and writes.
const FORMAT: u32 = 1;

/// The recordings of a space as they were read, and changed by this writer since.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct QdrantManifest {
    pub(super) space: EmbeddingSpace,
    pub(super) generation: u64,
    pub(super) acknowledged: BTreeMap<RecordingId, Acknowledged>,
    /// Recordings whose upload has not ended. Some of their points may exist; they must be in no answer.
    pub(super) pending: BTreeMap<RecordingId, Revision>,
    removed: BTreeMap<RecordingId, Revision>,
}

impl QdrantManifest {
    /// Reads the manifest.
    ///
    /// # Errors
    ///
    /// [`Error::NotACollection`] if its creation did not end.
    pub(super) fn read(connection: &Connection) -> Result<Self> {
        let missing = || Error::no_collection(connection.location());
        let mut manifest = Self::read_head(connection)?.ok_or_else(missing)?;
        let mut offset = None;
        loop {
            let (points, next) = points::page(connection, Some(&FIELDS), offset)?;
            for point in &points {
                manifest.add(connection, point)?;
            }
            match next {
                Some(next) => offset = Some(next),
                None => return Ok(manifest),
            }
        }
    }

    /// Reads the space and the generation; `None` if there is no manifest.
    pub(super) fn read_head(connection: &Connection) -> Result<Option<Self>> {
        let Some(point) = points::get(connection, space_id(), None)? else { return Ok(None) };
        let address = connection.address();
        let head = reader(&address, &point);
        let found = u32::try_from(head.integer("format")?).unwrap_or(u32::MAX);
        if found > FORMAT {
            return Err(Error::Format {
                location: connection.location(),
                found,
                supported: FORMAT,
            });
        }
        Ok(Some(Self {
            space: json(&head, "space")?,
            generation: head.integer("generation")?.cast_unsigned(),
            acknowledged: BTreeMap::new(),
            pending: BTreeMap::new(),
            removed: BTreeMap::new(),
        }))
    }

    /// Reads the entry of a recording again, which another writer may have changed.
    pub(super) fn refresh(&mut self, connection: &Connection, id: &RecordingId) -> Result<()> {
        if let Some(point) = points::get(connection, manifest_entry_id(id), Some(&FIELDS))? {
            self.add(connection, &point)
        } else {
            self.forget(id);
            Ok(())
        }
    }

    /// Returns whether the entry of a recording, as it was read last, is of a revision.
    pub(super) fn has_revision(&self, id: &RecordingId, revision: Revision) -> bool {
        self.state(id).is_some_and(|state| state.revision() == revision)
    }

    fn add(&mut self, connection: &Connection, point: &RetrievedPoint) -> Result<()> {
        if point.id == Some(space_id()) || notes::is_note(point) {
            return Ok(());
        }
        let address = connection.address();
        let point = reader(&address, point);
        let (id, state) = (point.recording()?, EntryState::read(&point)?);
        self.set(id, state);
        Ok(())
    }

    fn set(&mut self, id: RecordingId, state: EntryState) {
        self.forget(&id);
        match state {
            EntryState::Pending(revision) => drop(self.pending.insert(id, revision)),
            EntryState::Acknowledged(acknowledged) => {
                self.acknowledged.insert(id, *acknowledged);
            }
            EntryState::Removed(revision) => drop(self.removed.insert(id, revision)),
        }
    }

    fn forget(&mut self, id: &RecordingId) {
        self.acknowledged.remove(id);
        self.pending.remove(id);
        self.removed.remove(id);
    }
}
