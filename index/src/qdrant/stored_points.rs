//! Reads the points of a recording, and compares them with what was acknowledged.

use nocturne_psg::RecordingId;
use qdrant_client::qdrant::{Filter, PointId, RetrievedPoint, ScrollPoints};

use super::QdrantError;
use super::connection::Connection;
use super::filter::one_of;
use super::manifest::{Acknowledged, read_details};
use super::payload::PayloadReader;
use super::read_recording::{draft_without_points, stored_embedding};
use super::recording_points::{PointKind, RecordingPoint, RecordingPoints};
use crate::error::{Error, Result};
use crate::recording::{CaptionPoint, EpochPoint, RecordingDraft, RecordingEntry};

/// Points in a page: about half a megabyte of vectors.
const PAGE: u32 = 256;

/// Reads a recording as it was committed.
///
/// # Errors
///
/// [`QdrantError::DamagedRecording`] if it is not what was acknowledged.
pub(super) fn draft(
    connection: &Connection,
    acknowledged: &Acknowledged,
    dim: usize,
) -> Result<RecordingDraft> {
    let points = acknowledged_points(connection, acknowledged, dim)?;
    let entry = &acknowledged.entry;
    let mut draft = draft_without_points(entry, read_details(connection, entry)?);
    for RecordingPoint { epoch, kind, vector } in points.points {
        let vector = stored_embedding(connection, entry, vector)?;
        match kind {
            PointKind::Epoch => draft.epochs.push(EpochPoint {
                number: epoch.number,
                onset_s: epoch.onset_s,
                mask: epoch.mask,
                quality: epoch.quality,
                stage: epoch.stage,
                events: epoch.events,
                vector,
            }),
            PointKind::Caption(caption) => draft.captions.push(CaptionPoint {
                epoch: epoch.number,
                kind: caption.kind,
                text: caption.text,
                vector,
            }),
        }
    }
    Ok(draft)
}

/// Reads the points of a recording, and compares their checksum with the acknowledged one.
pub(super) fn acknowledged_points(
    connection: &Connection,
    acknowledged: &Acknowledged,
    dim: usize,
) -> Result<RecordingPoints> {
    let Acknowledged { entry, checksum, .. } = acknowledged;
    let points = read_points(connection, entry, dim)?;
    let found = format!("{:032x}", points.checksum());
    if found == *checksum {
        return Ok(points);
    }
    let expected = entry.n_epochs + entry.n_captions;
    let problem = format!(
        "its {} points have the checksum {found}; expected {checksum} of {expected} points",
        points.points.len()
    );
    Err(damaged(connection, &entry.id, problem))
}

/// Returns the error for a damaged recording.
pub(super) fn damaged(connection: &Connection, id: &RecordingId, problem: String) -> Error {
    QdrantError::DamagedRecording { address: connection.address(), recording: id.clone(), problem }
        .into()
}

/// Reads all points of a recording.
///
/// # Errors
///
/// [`QdrantError::DamagedRecording`] if one is of another content than the entry.
pub(super) fn read_points(
    connection: &Connection,
    entry: &RecordingEntry,
    dim: usize,
) -> Result<RecordingPoints> {
    let (address, content) = (connection.address(), entry.segment.hash.to_string());
    let mut points = Vec::with_capacity(entry.n_epochs + entry.n_captions);
    let mut offset = None;
    loop {
        let (page, next) = page(connection, &entry.id, offset)?;
        for RetrievedPoint { id, payload, vectors, .. } in &page {
            let vectors = vectors.as_ref();
            let answer = PayloadReader { address: &address, id: id.as_ref(), payload, vectors };
            if answer.text("content", "a hash")? != content {
                let problem = "it has points of another content".to_owned();
                return Err(damaged(connection, &entry.id, problem));
            }
            points.push(RecordingPoint::read(&answer, dim)?);
        }
        match next {
            Some(next) => offset = Some(next),
            None => return Ok(RecordingPoints::sorted(points)),
        }
    }
}

/// Returns a page of points of a recording, and the id with which the next page starts.
fn page(
    connection: &Connection,
    id: &RecordingId,
    offset: Option<PointId>,
) -> Result<(Vec<RetrievedPoint>, Option<PointId>)> {
    let request = ScrollPoints {
        collection_name: connection.settings().url.collection().to_owned(),
        filter: Some(Filter::must([one_of("recording", [id.as_str()])])),
        offset,
        limit: Some(PAGE),
        with_payload: Some(true.into()),
        with_vectors: Some(true.into()),
        ..ScrollPoints::default()
    };
    let answer = connection.ask("read from", |client| {
        let request = request.clone();
        async move { client.scroll(request).await }
    })?;
    Ok((answer.result, answer.next_page_offset))
}
