//! Concept tracks: a point without vectors for each recording, in a collection of its own.
//!
//! | field | |
//! |---|---|
//! | `recording`, `content`, `revision` | as of an epoch |
//! | `version` | what the track was computed with |
//! | `checksum` | XXH3-128 over `content`, `version` and the bytes of the track, in hexadecimal |
//! | `track` | the bytes of the track, in Base64 |
//!
//! Why a collection of its own? Scans of points and of the manifest never meet a track, and the tracks can be dropped
//! without a trace: they are a cache. Therefore they are not read back when they are written; their checksum decides when
//! they are used. Points are found by their id, so `revision` is the only field with an index.

use std::collections::BTreeMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use nocturne_psg::RecordingId;
use qdrant_client::qdrant::vectors::VectorsOptions;
use qdrant_client::qdrant::{
    Condition, DeletePoints, Filter, GetPoints, NamedVectors, PointId, PointStruct, RetrievedPoint,
    UpsertPoints, Vectors,
};
use xxhash_rust::xxh3::Xxh3;

use super::connection::Connection;
use super::filter::one_of;
use super::manifest::{Acknowledged, reader};
use super::payload::Payload;
use super::point_ids::track_id;
use super::revision::not_later_than;
use crate::contract::{Track, TrackDraft, TrackProblem};
use crate::error::{Error, Result};
use crate::recording::{ContentHash, RecordingEntry};
use crate::storage::track_file::VerifiedTrack;

/// Tracks in a page: 2 MB of whole nights, and never more than 45 MB.
const PAGE: usize = 32;

/// Writes the track of a recording, unless a later revision of the recording has one.
pub(super) fn send(
    connection: &Connection,
    entry: &RecordingEntry,
    revision: u64,
    track: &TrackDraft,
) -> Result<()> {
    let content = entry.segment.hash;
    let payload = Payload::from([
        ("recording".to_owned(), entry.id.as_str().into()),
        ("content".to_owned(), content.to_string().into()),
        ("revision".to_owned(), revision.cast_signed().into()),
        ("version".to_owned(), track.version().into()),
        ("checksum".to_owned(), checksum(content, track.version(), track.bytes()).into()),
        ("track".to_owned(), BASE64.encode(track.bytes()).into()),
    ]);
    // As in the manifest, the server requires that vectors are mentioned.
    let none = VectorsOptions::Vectors(NamedVectors::default());
    let vectors = Some(Vectors { vectors_options: Some(none) });
    let request = UpsertPoints {
        collection_name: connection.settings().url.tracks(),
        wait: Some(true),
        points: vec![PointStruct { id: Some(track_id(&entry.id)), payload, vectors }],
        update_filter: Some(Filter::must([not_later_than(revision)])),
        ..UpsertPoints::default()
    };
    connection.ask("write to", |client| {
        let request = request.clone();
        async move { client.upsert_points(request).await }
    })?;
    Ok(())
}

/// Writes the tracks of acknowledged recordings.
///
/// # Errors
///
/// [`Error::UnknownRecording`], before anything is written.
pub(super) fn send_all(
    connection: &Connection,
    acknowledged: &BTreeMap<RecordingId, Acknowledged>,
    tracks: &[(RecordingId, TrackDraft)],
) -> Result<()> {
    let mut known = Vec::with_capacity(tracks.len());
    for (id, track) in tracks {
        let unknown = || Error::UnknownRecording { recording: id.clone() };
        known.push((acknowledged.get(id).ok_or_else(unknown)?, track));
    }
    known.into_iter().try_for_each(|(Acknowledged { entry, revision, .. }, track)| {
        send(connection, entry, revision.number, track)
    })
}

/// Deletes the track of a recording unless it is that of the content to keep, and waits until that is done. One of a later
/// revision stays.
pub(super) fn delete(
    connection: &Connection,
    recording: &RecordingId,
    keep: Option<ContentHash>,
    revision: u64,
) -> Result<()> {
    let kept = keep.map(|content| one_of("content", [content.to_string().as_str()]));
    let filter = Filter {
        must: vec![Condition::has_id([track_id(recording)]), not_later_than(revision)],
        must_not: kept.into_iter().collect(),
        ..Filter::default()
    };
    let request = DeletePoints {
        collection_name: connection.settings().url.tracks(),
        wait: Some(true),
        points: Some(filter.into()),
        ..DeletePoints::default()
    };
    connection.ask("delete from", |client| {
        let request = request.clone();
        async move { client.delete_points(request).await }
    })?;
    Ok(())
}

/// Reads the tracks of recordings, of a version or of any.
///
/// # Errors
///
/// [`QdrantError::Request`](super::QdrantError::Request).
pub(super) fn read(
    connection: &Connection,
    version: Option<&str>,
    entries: &[&RecordingEntry],
) -> Result<Vec<Arc<Track>>> {
    let mut tracks = Vec::with_capacity(entries.len());
    for entries in entries.chunks(PAGE) {
        let ids = entries.iter().map(|entry| track_id(&entry.id)).collect();
        let points = points(connection, ids)?;
        let find = |entry: &RecordingEntry| {
            let id = track_id(&entry.id);
            points.iter().find(|point| point.id.as_ref() == Some(&id))
        };
        tracks.extend(entries.iter().map(|entry| match find(entry) {
            None => Track::of(entry, Err(TrackProblem::Absent)),
            Some(point) => Track::of(entry, verified(connection, version, entry, point)),
        }));
    }
    Ok(tracks)
}

fn points(connection: &Connection, ids: Vec<PointId>) -> Result<Vec<RetrievedPoint>> {
    let request = GetPoints {
        collection_name: connection.settings().url.tracks(),
        ids,
        with_payload: Some(true.into()),
        ..GetPoints::default()
    };
    let answer = connection.ask("read from", |client| {
        let request = request.clone();
        async move { client.get_points(request).await }
    })?;
    Ok(answer.result)
}

/// Returns the track in a point, or why it cannot be used.
fn verified(
    connection: &Connection,
    version: Option<&str>,
    entry: &RecordingEntry,
    point: &RetrievedPoint,
) -> Result<VerifiedTrack, TrackProblem> {
    let damaged = |problem: String| {
        let location = connection.location();
        tracing::warn!("the track of `{}` in `{location}` is not used: {problem}", entry.id);
        TrackProblem::Damaged { location, problem }
    };
    let address = connection.address();
    let point = reader(&address, point);
    let text = |field, expected| point.text(field, expected).map_err(|it| damaged(it.to_string()));
    let content = entry.segment.hash;
    if text("content", "a hash")? != content.to_string() {
        // It is that of a recording which was replaced, or which replaces this one.
        return Err(TrackProblem::Absent);
    }
    let found = text("version", "a version")?;
    if version.is_some_and(|version| version != found) {
        return Err(TrackProblem::OtherVersion);
    }
    let track = BASE64.decode(text("track", "Base64")?);
    let track = track.map_err(|error| damaged(format!("it is not Base64: {error}")))?;
    let (expected, actual) = (text("checksum", "a checksum")?, checksum(content, found, &track));
    if actual != expected {
        return Err(damaged(format!("its checksum is {actual}; expected {expected}")));
    }
    Ok(VerifiedTrack::in_memory(found.to_owned(), track))
}

fn checksum(content: ContentHash, version: &str, track: &[u8]) -> String {
    let mut hash = Xxh3::new();
    hash.update(&content.0.to_le_bytes());
    hash.update(&(version.len() as u64).to_le_bytes());
    hash.update(version.as_bytes());
    hash.update(track);
    format!("{:032x}", hash.digest128())
}
