//! The entry of one recording in the manifest.

use std::collections::BTreeMap;

use nocturne_psg::{Event, RecordingId, SignalMeasures};
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
use crate::storage::segment::{Recording, signals};

const PENDING: &str = "pending";
const ACKNOWLEDGED: &str = "acknowledged";
const REMOVED: &str = "removed";

/// The field with what was measured on the signals.
const SIGNALS: &str = "signals";

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
    pub(in crate::qdrant) signals: Option<SignalMeasures>,
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
        if let Some(signals) = recording.signals() {
            let mut bytes = Vec::new();
            signals::encode(signals, &mut bytes);
            set(SIGNALS, hexadecimal(&bytes).into());
        }
    }
}

/// Reads the parts of an entry that only a copy of the recording needs.
pub(in crate::qdrant) fn read_details(
    connection: &Connection,
    entry: &RecordingEntry,
) -> Result<EntryDetails> {
    let RecordingEntry { id, n_epochs, .. } = entry;
    let point = points::get(connection, manifest_entry_id(id), None)?;
    let point = point.ok_or_else(|| Error::UnknownRecording { recording: id.clone() })?;
    let address = connection.address();
    let entry = points::reader(&address, &point);
    let committed = entry.has("committed").then(|| json(&entry, "committed")).transpose()?;
    let events = entry.has("events").then(|| json(&entry, "events")).transpose()?;
    let signals = entry.has(SIGNALS).then(|| signals(&entry, *n_epochs)).transpose()?;
    Ok(EntryDetails { montage: json(&entry, "montage")?, committed, events, signals })
}

/// Reads the measures of a recording with `n_epochs` epochs: the bytes of a segment, in hexadecimal.
fn signals(entry: &PayloadReader<'_>, n_epochs: usize) -> Result<SignalMeasures> {
    let invalid = || entry.error(SIGNALS, "the measures of its epochs in hexadecimal");
    let bytes = from_hexadecimal(entry.text(SIGNALS, "hexadecimal digits")?);
    signals::decode(&bytes.ok_or_else(invalid)?, n_epochs).map_err(|_| invalid())
}

fn hexadecimal(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from(b"0123456789abcdef"[usize::from(value)]);
    bytes.iter().flat_map(|byte| [digit(byte >> 4), digit(byte & 15)]).collect()
}

fn from_hexadecimal(text: &str) -> Option<Vec<u8>> {
    let (pairs, rest) = text.as_bytes().as_chunks();
    let byte = |[high, low]: &[u8; 2]| {
        let digit = |byte: u8| char::from(byte).to_digit(16);
        Some((16 * digit(*high)? + digit(*low)?) as u8)
    };
    if rest.is_empty() { pairs.iter().map(byte).collect() } else { None }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hexadecimal_digits_are_read_as_written() {
        let bytes: Vec<u8> = (0..=255).collect();
        let text = hexadecimal(&bytes);
        assert!(text.starts_with("000102") && text.ends_with("fdfeff"), "{text}");
        assert_eq!(from_hexadecimal(&text), Some(bytes));
        assert_eq!(from_hexadecimal("0"), None);
        assert_eq!(from_hexadecimal("0g"), None);
    }
}
