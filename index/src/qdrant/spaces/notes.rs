//! Notes: points in the manifest of a space that hold one value each, as JSON.
//!
//! | point | field | |
//! |---|---|---|
//! | note | `format` | 1 |
//! | | `value` | a [`SpaceRecord`](crate::SpaceRecord), or in another point a [`Serving`](crate::Serving), as JSON |

use qdrant_client::qdrant::{DeletePoints, GetPoints, RetrievedPoint};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, Result};
use crate::qdrant::connection::Connection;
use crate::qdrant::manifest::{Expected, json, put, reader, strong_ordering, text_of};
use crate::qdrant::payload::Payload;
use crate::qdrant::point_ids::{note_id, space_id};

/// Name of the note with the record of the bundle that fills the space. Every space but `main` must have it.
pub(super) const RECORD: &str = "record";

/// Name of the note with the state of the pointer since this space was last promoted.
pub(super) const SERVING: &str = "serving";

/// The version that this build reads and writes.
const FORMAT: u32 = 1;

/// Returns whether a point of a manifest is a note.
pub(in crate::qdrant) fn is_note(point: &RetrievedPoint) -> bool {
    [RECORD, SERVING].into_iter().any(|note| point.id == Some(note_id(note)))
}

/// Reads a note of a manifest, which may be named by an alias, or returns `None` if it does not exist.
///
/// # Errors
///
/// [`Error::Format`], and [`QdrantError::InvalidPoint`](crate::qdrant::QdrantError::InvalidPoint) and `Request`.
pub(super) fn read<T: DeserializeOwned>(
    connection: &Connection,
    recordings: &str,
    note: &str,
) -> Result<Option<T>> {
    let request = GetPoints {
        collection_name: recordings.to_owned(),
        ids: vec![note_id(note)],
        with_payload: Some(true.into()),
        ..GetPoints::default()
    };
    let found = connection.ask("read from", |client| {
        let request = request.clone();
        async move { client.get_points(request).await }
    })?;
    let Some(point) = found.result.first() else { return Ok(None) };
    let address = connection.address();
    let answer = reader(&address, point);
    let found = u32::try_from(answer.integer("format")?).unwrap_or(u32::MAX);
    if found != FORMAT {
        let location = connection.location();
        return Err(Error::Format { location, found, supported: FORMAT });
    }
    json(&answer, "value").map(Some)
}

/// Writes a note of the connection's space, in place of the previous one.
pub(super) fn write(connection: &Connection, note: &str, value: &impl Serialize) -> Result<()> {
    let payload = Payload::from([
        ("format".to_owned(), i64::from(FORMAT).into()),
        ("value".to_owned(), text_of(value).into()),
    ]);
    put(connection, note_id(note), payload, Expected::Anything)
}

/// Removes what makes a manifest that of a space.
pub(super) fn remove(connection: &Connection) -> Result<()> {
    let request = DeletePoints {
        collection_name: connection.settings().url.recordings(),
        wait: Some(true),
        ordering: Some(strong_ordering()),
        points: Some(vec![note_id(RECORD), space_id()].into()),
        ..DeletePoints::default()
    };
    connection.ask("delete from", |client| {
        let request = request.clone();
        async move { client.delete_points(request).await }
    })?;
    Ok(())
}
