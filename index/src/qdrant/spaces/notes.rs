//! What is told of a space: points beside those of its recordings, each with one thing as JSON.
//!
//! | point | field | |
//! |---|---|---|
//! | note | `format` | 1 |
//! | | `told` | a [`SpaceRecord`](crate::SpaceRecord), or in another point a [`Serving`](crate::Serving), as JSON |

use std::path::PathBuf;

use qdrant_client::qdrant::{DeletePoints, GetPoints, RetrievedPoint};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, Result};
use crate::qdrant::connection::Connection;
use crate::qdrant::manifest::{Expected, json, put, reader, strong_ordering, text_of};
use crate::qdrant::payload::Payload;
use crate::qdrant::point_ids::{note_id, space_id};

/// Tells which bundle fills the space: in every space but `main`, which is older than these notes.
pub(super) const RECORD: &str = "record";

/// Tells how often spaces were promoted, and what was served before, from when this space was last promoted.
pub(super) const SERVING: &str = "serving";

/// The version that this build writes, and the newest that it reads.
const FORMAT: u32 = 1;

/// Returns whether a point of a list is none of a recording.
pub(in crate::qdrant) fn is_note(point: &RetrievedPoint) -> bool {
    [RECORD, SERVING].into_iter().any(|note| point.id == Some(note_id(note)))
}

/// Reads a note of a list of recordings, which may be named by an alias; nothing where there is none.
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
    if found > FORMAT {
        return Err(Error::Format { path: PathBuf::from(address), found, supported: FORMAT });
    }
    json(&answer, "told").map(Some)
}

/// Writes a note of the connection's space, in place of the one before.
pub(super) fn write(connection: &Connection, note: &str, told: &impl Serialize) -> Result<()> {
    let payload = Payload::from([
        ("format".to_owned(), i64::from(FORMAT).into()),
        ("told".to_owned(), text_of(told).into()),
    ]);
    put(connection, note_id(note), payload, Expected::Anything)
}

/// Takes away what makes a list that of a space: it is none any more then.
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
