//! The entry of one recording in the manifest.

use std::collections::BTreeMap;

use nocturne_psg::{Event, RecordingId};
use qdrant_client::qdrant::{Condition, Filter};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::points;
use crate::error::{Error, Result};
use crate::qdrant::connection::Connection;
use crate::qdrant::payload::{Payload, PayloadReader};
use crate::qdrant::point_ids::manifest_entry_id;
use crate::qdrant::revision::Revision;
use crate::recording::RecordingEntry;
use crate::storage::segment::Recording;

const PENDING: &str = "pending";
const ACKNOWLEDGED: &str = "acknowledged";
const REMOVED: &str = "removed";

const STATES: &str = "`pending`, `acknowledged` or `removed`";

/// The fields that [`EntryState::read`] needs. The others are large, and only a copy needs them.
pub(super) const FIELDS: [&str; 6] =
    ["recording", "state", "revision", "upload", "checksum", "entry"];

/// The state of a recording in the manifest.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::qdrant) enum EntryState {
    /// Points are being written or deleted, or were when the writer stopped.
    Pending(Revision),
    /// All points were read back.
    Acknowledged(Box<Acknowledged>),
    /// All points were deleted.
    Removed(Revision),
}

/// A recording all of whose points were read back.
#[derive(Debug, Clone, PartialEq)]
pub(in crate::qdrant) struct Acknowledged {
    pub(in crate::qdrant) entry: RecordingEntry,
    /// Of its points, in hexadecimal.
    pub(in crate::qdrant) checksum: String,
    pub(in crate::qdrant) revision: Revision,
}

/// The parts of an entry that only a copy of the recording needs.
pub(in crate::qdrant) struct EntryDetails {
    pub(in crate::qdrant) montage: serde_json::Value,
    /// Metadata when the recording was committed, which its segment holds; `None` if it has not changed since.
    pub(in crate::qdrant) committed: Option<BTreeMap<String, String>>,
    pub(in crate::qdrant) events: Option<Vec<Event>>,
}

impl EntryState {
    pub(super) fn read(entry: &PayloadReader<'_>) -> Result<Self> {
        let revision = Revision::read(entry)?;
        match entry.text("state", STATES)? {
            PENDING => Ok(Self::Pending(revision)),
            REMOVED => Ok(Self::Removed(revision)),
            ACKNOWLEDGED => Ok(Self::Acknowledged(Box::new(Acknowledged {
                entry: json(entry, "entry")?,
                checksum: entry.text("checksum", "a checksum")?.to_owned(),
                revision,
            }))),
            _ => Err(entry.error("state", STATES)),
        }
    }

    pub(super) fn revision(&self) -> Revision {
        match self {
            Self::Pending(revision) | Self::Removed(revision) => *revision,
            Self::Acknowledged(acknowledged) => acknowledged.revision,
        }
    }

    /// Returns the condition that the server has this entry.
    pub(super) fn is_that_of_entry(&self) -> Filter {
        let mut conditions = self.revision().is_that_of_entry();
        conditions.must.push(Condition::matches("state", self.name().to_owned()));
        conditions
    }

    /// Returns whether an entry is this one.
    pub(super) fn is_stored_in(&self, entry: &PayloadReader<'_>) -> Result<bool> {
        let is_same_state = entry.text("state", STATES)? == self.name();
        Ok(is_same_state && Revision::read(entry)? == self.revision())
    }

    /// Returns the fields of an entry without points.
    pub(super) fn payload(&self, id: &RecordingId) -> Payload {
        let mut payload = Payload::from([
            ("recording".to_owned(), id.as_str().into()),
            ("state".to_owned(), self.name().into()),
        ]);
        self.revision().write(&mut payload);
        payload
    }

    fn name(&self) -> &'static str {
        match self {
            Self::Pending(_) => PENDING,
            Self::Acknowledged(_) => ACKNOWLEDGED,
            Self::Removed(_) => REMOVED,
        }
    }
}

impl Acknowledged {
    /// Adds to an entry what it says of an acknowledged recording.
    pub(super) fn write(&self, recording: &Recording, payload: &mut Payload) {
        let Self { entry, checksum, revision: _ } = self;
        let mut set = |name: &str, value| drop(payload.insert(name.to_owned(), value));
        set("content", entry.segment.hash.to_string().into());
        set("checksum", checksum.as_str().into());
        set("entry", text_of(entry).into());
        set("montage", text_of(recording.montage()).into());
        if *recording.metadata_at_commit() != entry.metadata {
            set("committed", text_of(recording.metadata_at_commit()).into());
        }
        if let Some(events) = recording.events() {
            set("events", text_of(events).into());
        }
    }
}

/// Reads the parts of an entry that only a copy of the recording needs.
pub(in crate::qdrant) fn read_details(
    connection: &Connection,
    id: &RecordingId,
) -> Result<EntryDetails> {
    let point = points::get(connection, manifest_entry_id(id), None)?;
    let point = point.ok_or_else(|| Error::UnknownRecording { recording: id.clone() })?;
    let address = connection.address();
    let entry = points::reader(&address, &point);
    let committed = entry.has("committed").then(|| json(&entry, "committed")).transpose()?;
    let events = entry.has("events").then(|| json(&entry, "events")).transpose()?;
    Ok(EntryDetails { montage: json(&entry, "montage")?, committed, events })
}

/// Returns a value as JSON.
pub(in crate::qdrant) fn text_of(value: &(impl Serialize + ?Sized)) -> String {
    serde_json::to_string(value).expect("text keys and finite numbers always make JSON")
}

/// Reads a field that holds JSON.
pub(in crate::qdrant) fn json<T: DeserializeOwned>(
    point: &PayloadReader<'_>,
    field: &'static str,
) -> Result<T> {
    let text = point.text(field, "JSON")?;
    serde_json::from_str(text).map_err(|_| point.error(field, "JSON of this version"))
}
