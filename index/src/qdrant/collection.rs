//! What a collection in Qdrant held when its list was read.

use std::path::PathBuf;
use std::sync::Arc;

use nocturne_psg::RecordingId;
use qdrant_client::qdrant::{Filter, PointId, RetrievedPoint, ScrollPoints};

use super::client::Connection;
use super::filter::one_of;
use super::manifest::{self, Acknowledged, Manifest};
use super::night::{Night, NightPoint, PointRow};
use super::payload::Answer;
use super::recording::{draft_without_points, kept};
use super::spaces::Place;
use super::{QdrantProblem, QdrantSettings, schema};
use crate::error::{Error, Result};
use crate::recording::{
    CaptionPoint, EpochPoint, RecordingDraft, RecordingEntry, Space, SpaceName,
};

/// Points that are asked for at a time: about half a megabyte of vectors.
const PAGE: u32 = 256;

/// The acknowledged recordings of a collection in Qdrant, in the space that was served when it was opened, or that its
/// address names.
#[derive(Debug)]
pub struct QdrantCollection {
    /// Leads to the collections of the space.
    pub(super) connection: Arc<Connection>,
    pub(super) manifest: Manifest,
    place: Place,
}

impl QdrantCollection {
    /// Reads the list of recordings.
    ///
    /// # Errors
    ///
    /// [`Error::NotACollection`], [`Error::Format`], [`Error::Setting`], and [`QdrantProblem::Refused`],
    /// [`PlainKey`](QdrantProblem::PlainKey), [`Lost`](QdrantProblem::Lost), [`Point`](QdrantProblem::Point),
    /// [`Pointer`](QdrantProblem::Pointer).
    pub fn open(settings: QdrantSettings) -> Result<Self> {
        Place::try_served(&Connection::new(settings)?, Self::open_at)
    }

    /// Reads the list of a space.
    pub(super) fn open_at(place: Place) -> Result<Self> {
        let connection = Arc::clone(&place.connection);
        let manifest = match schema::exists(&connection)? {
            (_, false) => {
                return Err(Error::NotACollection { path: PathBuf::from(connection.place()) });
            }
            (has_points, true) => {
                let manifest = Manifest::read(&connection)?;
                if !has_points {
                    return Err(Error::Qdrant(QdrantProblem::Lost { place: connection.place() }));
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

    /// Returns whether the collection still serves what this was opened as; it costs two small requests. A space that was
    /// opened by its name is its own, whatever is served.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open).
    pub fn is_served(&self) -> Result<bool> {
        self.place.is_served()
    }

    /// Returns how the server is spoken to.
    pub fn settings(&self) -> &QdrantSettings {
        self.connection.settings()
    }

    /// Returns the address of the space.
    pub fn place(&self) -> String {
        self.connection.place()
    }

    /// Returns which bundle the collection was filled with.
    pub fn space(&self) -> &Space {
        &self.manifest.space
    }

    /// Refuses a bundle that the collection was not filled with.
    ///
    /// # Errors
    ///
    /// [`Error::OtherBundle`].
    pub fn expect_space(&self, expected: &Space) -> Result<()> {
        crate::folder::expect_space(self.place().as_ref(), self.space(), expected)
    }

    /// Returns a number that grows with every change.
    pub fn generation(&self) -> u64 {
        self.manifest.generation
    }

    /// Returns the acknowledged recordings, by ascending name.
    pub fn recordings(&self) -> impl ExactSizeIterator<Item = &RecordingEntry> {
        self.manifest.acknowledged.values().map(|acknowledged| &acknowledged.entry)
    }

    /// Returns what was acknowledged of a recording, where there is one of that name.
    pub fn entry(&self, id: &RecordingId) -> Option<&RecordingEntry> {
        self.manifest.acknowledged.get(id).map(|acknowledged| &acknowledged.entry)
    }

    /// Returns the recordings whose upload has not ended, and that are in no answer, by ascending name.
    pub fn pending(&self) -> impl ExactSizeIterator<Item = &RecordingId> {
        self.manifest.pending.iter()
    }

    /// Returns the acknowledged recordings without a sketch, by ascending name: an earlier version has sent them.
    pub fn unsketched(&self) -> impl Iterator<Item = &RecordingEntry> {
        let acknowledged = self.manifest.acknowledged.values();
        acknowledged.filter(|it| it.n_sketched.is_none()).map(|it| &it.entry)
    }

    /// Returns the number of epochs of all acknowledged recordings.
    pub fn n_epochs(&self) -> usize {
        self.recordings().map(|entry| entry.n_epochs).sum()
    }

    /// Returns whether no writer has gone on since.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open).
    pub fn is_current(&self) -> Result<bool> {
        let head = Manifest::read_head(&self.connection)?;
        Ok(head.is_some_and(|head| head.generation == self.generation()))
    }

    /// Asks the server whether the collection is there, once.
    ///
    /// # Errors
    ///
    /// [`Error::NotACollection`] and [`QdrantProblem::Refused`].
    pub fn reach(&self) -> Result<()> {
        if schema::is_there(&self.connection)? {
            return Ok(());
        }
        Err(Error::NotACollection { path: PathBuf::from(self.connection.place()) })
    }

    /// Reads the list of the space once more, where it has changed; of the same space, whichever is served by now.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open).
    pub fn refresh(&self) -> Result<Option<Self>> {
        if self.is_current()? {
            return Ok(None);
        }
        let (connection, place) = (Arc::clone(&self.connection), self.place.clone());
        Ok(Some(Self { manifest: Manifest::read(&connection)?, connection, place }))
    }

    /// Reads every point of every recording and returns what is wrong, by recording.
    pub fn verify(&self) -> impl Iterator<Item = (&RecordingId, Error)> {
        let problem = |acknowledged| night(&self.connection, acknowledged, self.space().dim).err();
        let acknowledged = self.manifest.acknowledged.iter();
        acknowledged.filter_map(move |(id, it)| Some((id, problem(it)?)))
    }

    /// Reads a recording as it was committed, for another collection to keep.
    ///
    /// Its vectors are the numbers that were sent, which half precision holds.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownRecording`]; [`QdrantProblem::Damaged`] where it is not what was acknowledged, and those of
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
/// [`QdrantProblem::Damaged`] where it is not what was acknowledged.
pub(super) fn draft(
    connection: &Connection,
    acknowledged: &Acknowledged,
    dim: usize,
) -> Result<RecordingDraft> {
    let night = night(connection, acknowledged, dim)?;
    let entry = &acknowledged.entry;
    let mut draft = draft_without_points(entry, manifest::details(connection, &entry.id)?);
    for NightPoint { epoch, row, vector } in night.points {
        let vector = kept(connection, entry, vector)?;
        match row {
            PointRow::Epoch => draft.epochs.push(EpochPoint {
                number: epoch.number,
                onset_s: epoch.onset_s,
                mask: epoch.mask,
                quality: epoch.quality,
                stage: epoch.stage,
                events: epoch.events,
                vector,
            }),
            PointRow::Caption(caption) => draft.captions.push(CaptionPoint {
                epoch: epoch.number,
                kind: caption.kind,
                text: caption.text,
                vector,
            }),
        }
    }
    Ok(draft)
}

/// Reads the points of a recording and compares their checksum with what was acknowledged.
fn night(connection: &Connection, acknowledged: &Acknowledged, dim: usize) -> Result<Night> {
    let Acknowledged { entry, checksum, .. } = acknowledged;
    let night = read_night(connection, entry, dim)?;
    let found = format!("{:032x}", night.checksum());
    if found == *checksum {
        return Ok(night);
    }
    let expected = entry.n_epochs + entry.n_captions;
    let problem = format!(
        "its {} points have the checksum {found}; expected {checksum} of {expected} points",
        night.points.len()
    );
    Err(damaged(connection, &entry.id, problem))
}

pub(super) fn damaged(connection: &Connection, id: &RecordingId, problem: String) -> Error {
    Error::Qdrant(QdrantProblem::Damaged {
        place: connection.place(),
        recording: id.clone(),
        problem,
    })
}

/// Reads every point that is there of a recording.
///
/// # Errors
///
/// [`QdrantProblem::Damaged`] where one belongs to another content than the entry's.
pub(super) fn read_night(
    connection: &Connection,
    entry: &RecordingEntry,
    dim: usize,
) -> Result<Night> {
    let (place, content) = (connection.place(), entry.segment.hash.to_string());
    let mut points = Vec::with_capacity(entry.n_epochs + entry.n_captions);
    let mut offset = None;
    loop {
        let (page, next) = page(connection, &entry.id, offset)?;
        for RetrievedPoint { id, payload, vectors, .. } in &page {
            let vectors = vectors.as_ref();
            let answer = Answer { place: &place, id: id.as_ref(), payload, vectors };
            if answer.text("content", "a hash")? != content {
                let problem = "it has points of another content".to_owned();
                return Err(damaged(connection, &entry.id, problem));
            }
            points.push(NightPoint::read(&answer, dim)?);
        }
        match next {
            Some(next) => offset = Some(next),
            None => return Ok(Night::sorted(points)),
        }
    }
}

/// Returns some points of a recording, and where the next ones begin.
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
