//! Reads a collection in Qdrant: its manifest as it was when it was opened, and its points as they are.

use std::path::PathBuf;
use std::sync::Arc;

use nocturne_psg::RecordingId;
use qdrant_client::qdrant::{Filter, PointId, RetrievedPoint, ScrollPoints};

use super::connection::Connection;
use super::filter::one_of;
use super::manifest::{Acknowledged, QdrantManifest, read_details};
use super::payload::PayloadReader;
use super::read_recording::{draft_without_points, stored_embedding};
use super::recording_points::{PointKind, RecordingPoint, RecordingPoints};
use super::spaces::Place;
use super::{QdrantError, QdrantSettings, schema};
use crate::error::{Error, Result};
use crate::recording::{
    CaptionPoint, EmbeddingSpace, EpochPoint, RecordingDraft, RecordingEntry, SpaceName,
};

/// Points in a page: about half a megabyte of vectors.
const PAGE: u32 = 256;

/// The acknowledged recordings of a collection in Qdrant, in the space that its address names, or that was served when it
/// was opened.
#[derive(Debug)]
pub struct QdrantCollection {
    /// The connection to the collections of the space.
    pub(super) connection: Arc<Connection>,
    pub(super) manifest: QdrantManifest,
    place: Place,
}

impl QdrantCollection {
    /// Opens the collection and reads its manifest.
    ///
    /// # Errors
    ///
    /// [`Error::NotACollection`], [`Error::Format`], [`Error::Setting`], and [`QdrantError::Request`],
    /// [`PlainKey`](QdrantError::PlainKey), [`PointsMissing`](QdrantError::PointsMissing),
    /// [`InvalidPoint`](QdrantError::InvalidPoint), [`ServedAlias`](QdrantError::ServedAlias).
    pub fn open(settings: QdrantSettings) -> Result<Self> {
        Place::try_served(&Connection::new(settings)?, Self::open_at)
    }

    /// Reads the manifest of a space.
    pub(super) fn open_at(place: Place) -> Result<Self> {
        let connection = Arc::clone(&place.connection);
        let manifest = match schema::exist(&connection)? {
            (_, false) => {
                return Err(Error::NotACollection { path: PathBuf::from(connection.address()) });
            }
            (has_points, true) => {
                let manifest = QdrantManifest::read(&connection)?;
                if !has_points {
                    return Err(QdrantError::PointsMissing { address: connection.address() }.into());
                }
                manifest
            }
        };
        Ok(Self { connection, manifest, place })
    }

    /// Returns the name of the space.
    pub fn space_name(&self) -> SpaceName {
        self.place.name()
    }

    /// Returns whether the collection still serves this space, at the cost of two small requests; always true for a space
    /// that was opened by its name.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open).
    pub fn is_served(&self) -> Result<bool> {
        self.place.is_served()
    }

    /// Returns the settings of the connection.
    pub fn settings(&self) -> &QdrantSettings {
        self.connection.settings()
    }

    /// Returns the address of the space.
    pub fn address(&self) -> String {
        self.connection.address()
    }

    /// Returns the bundle that the collection was filled with.
    pub fn space(&self) -> &EmbeddingSpace {
        &self.manifest.space
    }

    /// Refuses any other bundle than the one that the collection was filled with.
    ///
    /// # Errors
    ///
    /// [`Error::OtherBundle`].
    pub fn expect_space(&self, expected: &EmbeddingSpace) -> Result<()> {
        crate::folder::expect_space(self.address().as_ref(), self.space(), expected)
    }

    /// Returns a number that grows with every change.
    pub fn generation(&self) -> u64 {
        self.manifest.generation
    }

    /// Returns the acknowledged recordings, in ascending order of ids.
    pub fn recordings(&self) -> impl ExactSizeIterator<Item = &RecordingEntry> {
        self.manifest.acknowledged.values().map(|acknowledged| &acknowledged.entry)
    }

    /// Returns the acknowledged entry of a recording, if there is one.
    pub fn entry(&self, id: &RecordingId) -> Option<&RecordingEntry> {
        self.manifest.acknowledged.get(id).map(|acknowledged| &acknowledged.entry)
    }

    /// Returns the recordings whose upload has not ended, which are in no answer, in ascending order of ids.
    pub fn pending(&self) -> impl ExactSizeIterator<Item = &RecordingId> {
        self.manifest.pending.keys()
    }

    /// Returns the number of epochs of all acknowledged recordings.
    pub fn n_epochs(&self) -> usize {
        self.recordings().map(|entry| entry.n_epochs).sum()
    }

    /// Returns whether the collection has not changed since it was opened.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open).
    pub fn is_current(&self) -> Result<bool> {
        let head = QdrantManifest::read_head(&self.connection)?;
        Ok(head.is_some_and(|head| head.generation == self.generation()))
    }

    /// Asks the server once whether the collection exists.
    ///
    /// # Errors
    ///
    /// [`Error::NotACollection`] and [`QdrantError::Request`].
    pub fn reach(&self) -> Result<()> {
        if schema::manifest_exists_now(&self.connection)? {
            return Ok(());
        }
        Err(Error::NotACollection { path: PathBuf::from(self.connection.address()) })
    }

    /// Reads the manifest of the same space again, if it has changed; `None` if it has not.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open).
    pub fn refresh(&self) -> Result<Option<Self>> {
        if self.is_current()? {
            return Ok(None);
        }
        let (connection, place) = (Arc::clone(&self.connection), self.place.clone());
        Ok(Some(Self { manifest: QdrantManifest::read(&connection)?, connection, place }))
    }

    /// Reads every point of every recording, and returns the recordings that are damaged with the reason.
    pub fn verify(&self) -> impl Iterator<Item = (&RecordingId, Error)> {
        let error = |acknowledged| {
            acknowledged_points(&self.connection, acknowledged, self.space().dim).err()
        };
        let acknowledged = self.manifest.acknowledged.iter();
        acknowledged.filter_map(move |(id, it)| Some((id, error(it)?)))
    }

    /// Reads a recording as it was committed, to store it in another collection.
    ///
    /// Its vectors are those that were sent, exact in half precision.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownRecording`]; [`QdrantError::DamagedRecording`] if it is not what was acknowledged, and those of
    /// [`open`](Self::open).
    pub fn draft(&self, id: &RecordingId) -> Result<RecordingDraft> {
        draft(&self.connection, self.acknowledged(id)?, self.space().dim)
    }

    pub(super) fn acknowledged(&self, id: &RecordingId) -> Result<&Acknowledged> {
        let acknowledged = self.manifest.acknowledged.get(id);
        acknowledged.ok_or_else(|| Error::UnknownRecording { recording: id.clone() })
    }
}

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
    let mut draft = draft_without_points(entry, read_details(connection, &entry.id)?);
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
fn acknowledged_points(
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
