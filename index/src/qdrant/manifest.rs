//! The list of recordings, kept in Qdrant beside the points.
//!
//! | point | field | |
//! |---|---|---|
//! | space | `format` | 1 |
//! | | `space` | the [`Space`] as JSON |
//! | | `generation` | grows with every change of this list |
//! | note | | described in `spaces::notes` |
//! | recording | `recording` | its name |
//! | | `state` | `acknowledged`, or `pending` from before its first point is sent until all are read back |
//! | | `content` | hash of its segment |
//! | | `checksum` | XXH3-128 of its points as [`Night::checksum`](super::night::Night::checksum) takes it |
//! | | `sketched` | number of points of its sketch; absent where an earlier version has sent it |
//! | | `committed` | metadata at the time when the recording was committed to its folder, as JSON; absent where it is that of the entry |
//! | | `entry`, `montage`, `events` | the [`RecordingEntry`], the report on channels, and the scored events, as JSON |
//!
//! JSON is kept as a text, so that numbers come back to the last bit.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use nocturne_psg::{Event, RecordingId};
use qdrant_client::qdrant::vectors::VectorsOptions;
use qdrant_client::qdrant::{
    DeletePoints, GetPoints, NamedVectors, PayloadIncludeSelector, PointId, PointStruct,
    RetrievedPoint, ScrollPoints, UpsertPoints, Vectors, WithPayloadSelector,
    with_payload_selector::SelectorOptions,
};
use serde::de::DeserializeOwned;

use super::client::Connection;
use super::payload::{Answer, Payload};
use super::schema::{recording_point, space_point};
use super::spaces::notes;
use crate::{Error, Recording, RecordingEntry, Result, Space};

/// The version that this build writes, and the newest that it reads.
const FORMAT: u32 = 1;

const ACKNOWLEDGED: &str = "acknowledged";
const PENDING: &str = "pending";

/// Points that are asked for at a time.
const PAGE: u32 = 1000;

/// What the list says.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Manifest {
    pub(super) space: Space,
    pub(super) generation: u64,
    pub(super) acknowledged: BTreeMap<RecordingId, Acknowledged>,
    /// Recordings of which some points may be there, and none may be served.
    pub(super) pending: BTreeSet<RecordingId>,
}

/// A recording, all of whose points were read back.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Acknowledged {
    pub(super) entry: RecordingEntry,
    /// In hexadecimal.
    pub(super) checksum: String,
    /// Points of its sketch; nothing where it has none.
    pub(super) n_sketched: Option<usize>,
}

/// What only a copy of a recording needs.
pub(super) struct Details {
    pub(super) montage: serde_json::Value,
    /// Metadata at the time when the recording was committed, where it is other than now: the segment holds it.
    pub(super) committed: Option<BTreeMap<String, String>>,
    pub(super) events: Option<Vec<Event>>,
}

impl Manifest {
    /// Reads the list.
    ///
    /// # Errors
    ///
    /// [`Error::NotACollection`] where it was not made whole.
    pub(super) fn read(connection: &Connection) -> Result<Self> {
        let not_there = || Error::NotACollection { path: PathBuf::from(connection.place()) };
        let mut manifest = Self::read_head(connection)?.ok_or_else(not_there)?;
        let mut offset = None;
        loop {
            let (points, next) = page(connection, offset)?;
            for point in &points {
                manifest.add(connection, point)?;
            }
            match next {
                Some(next) => offset = Some(next),
                None => return Ok(manifest),
            }
        }
    }

    /// Reads the space and the generation, where they are.
    pub(super) fn read_head(connection: &Connection) -> Result<Option<Self>> {
        let Some(point) = get(connection, space_point())? else { return Ok(None) };
        let place = connection.place();
        let answer = answer(&place, &point);
        let found = u32::try_from(answer.integer("format")?).unwrap_or(u32::MAX);
        if found > FORMAT {
            return Err(Error::Format { path: place.into(), found, supported: FORMAT });
        }
        Ok(Some(Self {
            space: json(&answer, "space")?,
            generation: answer.integer("generation")?.cast_unsigned(),
            acknowledged: BTreeMap::new(),
            pending: BTreeSet::new(),
        }))
    }

    fn add(&mut self, connection: &Connection, point: &RetrievedPoint) -> Result<()> {
        if point.id == Some(space_point()) || notes::is_note(point) {
            return Ok(());
        }
        let place = connection.place();
        let answer = answer(&place, point);
        let recording = answer.recording()?;
        if answer.text("state", "`acknowledged` or `pending`")? == ACKNOWLEDGED {
            let entry: RecordingEntry = json(&answer, "entry")?;
            let checksum = answer.text("checksum", "a checksum")?.to_owned();
            let has_sketch = point.payload.contains_key("sketched");
            let n_sketched = has_sketch.then(|| answer.integer("sketched")).transpose()?;
            let n_sketched = n_sketched.and_then(|n| usize::try_from(n).ok());
            self.acknowledged.insert(recording, Acknowledged { entry, checksum, n_sketched });
        } else {
            self.pending.insert(recording);
        }
        Ok(())
    }

    /// Writes down a new, empty list of the recordings of a space.
    pub(super) fn create(connection: &Connection, space: &Space) -> Result<Self> {
        let manifest = Self {
            space: space.clone(),
            generation: 0,
            acknowledged: BTreeMap::new(),
            pending: BTreeSet::new(),
        };
        manifest.write_head(connection)?;
        Ok(manifest)
    }

    /// Makes it known that the list has changed.
    pub(super) fn advance(&mut self, connection: &Connection) -> Result<()> {
        self.generation += 1;
        self.write_head(connection)
    }

    fn write_head(&self, connection: &Connection) -> Result<()> {
        let payload = Payload::from([
            ("format".to_owned(), i64::from(FORMAT).into()),
            ("space".to_owned(), text_of(&self.space).into()),
            ("generation".to_owned(), self.generation.cast_signed().into()),
        ]);
        put(connection, space_point(), payload)
    }

    /// Writes down that points of a recording may be there, or are, and must not be served.
    pub(super) fn mark_pending(&mut self, connection: &Connection, id: &RecordingId) -> Result<()> {
        let payload = Payload::from([
            ("recording".to_owned(), id.as_str().into()),
            ("state".to_owned(), PENDING.into()),
        ]);
        put(connection, recording_point(id), payload)?;
        self.acknowledged.remove(id);
        self.pending.insert(id.clone());
        self.advance(connection)
    }

    /// Writes down that all points of a recording are there, with a checksum in hexadecimal, and its sketch.
    pub(super) fn acknowledge(
        &mut self,
        connection: &Connection,
        recording: &Recording,
        checksum: String,
        n_sketched: usize,
    ) -> Result<()> {
        let entry = recording.entry();
        let mut payload = Payload::from([
            ("recording".to_owned(), entry.id.as_str().into()),
            ("state".to_owned(), ACKNOWLEDGED.into()),
            ("content".to_owned(), entry.segment.hash.to_string().into()),
            ("checksum".to_owned(), checksum.as_str().into()),
            ("sketched".to_owned(), (n_sketched as i64).into()),
            ("entry".to_owned(), text_of(entry).into()),
            ("montage".to_owned(), text_of(recording.montage()).into()),
        ]);
        if *recording.metadata_at_commit() != entry.metadata {
            let committed = text_of(recording.metadata_at_commit());
            payload.insert("committed".to_owned(), committed.into());
        }
        if let Some(events) = recording.events() {
            payload.insert("events".to_owned(), text_of(events).into());
        }
        put(connection, recording_point(&entry.id), payload)?;
        self.pending.remove(&entry.id);
        let n_sketched = Some(n_sketched);
        let acknowledged = Acknowledged { entry: entry.clone(), checksum, n_sketched };
        self.acknowledged.insert(entry.id.clone(), acknowledged);
        self.advance(connection)
    }

    /// Forgets a recording, of which no point is left.
    pub(super) fn forget(&mut self, connection: &Connection, id: &RecordingId) -> Result<()> {
        let request = DeletePoints {
            collection_name: connection.settings().url.recordings(),
            wait: Some(true),
            points: Some(vec![recording_point(id)].into()),
            ..DeletePoints::default()
        };
        connection.ask("delete from", |client| {
            let request = request.clone();
            async move { client.delete_points(request).await }
        })?;
        self.acknowledged.remove(id);
        self.pending.remove(id);
        self.advance(connection)
    }
}

/// Reads what only a copy of a recording needs.
pub(super) fn details(connection: &Connection, id: &RecordingId) -> Result<Details> {
    let point = get(connection, recording_point(id))?;
    let point = point.ok_or_else(|| Error::UnknownRecording { recording: id.clone() })?;
    let place = connection.place();
    let answer = answer(&place, &point);
    let has_events = point.payload.contains_key("events");
    let events = has_events.then(|| json(&answer, "events")).transpose()?;
    let is_changed = point.payload.contains_key("committed");
    let committed = is_changed.then(|| json(&answer, "committed")).transpose()?;
    Ok(Details { montage: json(&answer, "montage")?, committed, events })
}

/// Returns some points of the list without what only a copy needs, and where the next ones begin.
fn page(
    connection: &Connection,
    offset: Option<PointId>,
) -> Result<(Vec<RetrievedPoint>, Option<PointId>)> {
    let fields = ["recording", "state", "checksum", "sketched", "entry"].map(str::to_owned).into();
    let request = ScrollPoints {
        collection_name: connection.settings().url.recordings(),
        offset,
        limit: Some(PAGE),
        with_payload: Some(WithPayloadSelector {
            selector_options: Some(SelectorOptions::Include(PayloadIncludeSelector { fields })),
        }),
        ..ScrollPoints::default()
    };
    let answer = connection.ask("list the recordings of", |client| {
        let request = request.clone();
        async move { client.scroll(request).await }
    })?;
    Ok((answer.result, answer.next_page_offset))
}

fn get(connection: &Connection, id: PointId) -> Result<Option<RetrievedPoint>> {
    let request = GetPoints {
        collection_name: connection.settings().url.recordings(),
        ids: vec![id],
        with_payload: Some(true.into()),
        ..GetPoints::default()
    };
    let answer = connection.ask("read from", |client| {
        let request = request.clone();
        async move { client.get_points(request).await }
    })?;
    Ok(answer.result.into_iter().next())
}

pub(super) fn put(connection: &Connection, id: PointId, payload: Payload) -> Result<()> {
    // A point without vectors has an empty list of them; one that says nothing of vectors is refused.
    let none = VectorsOptions::Vectors(NamedVectors::default());
    let vectors = Some(Vectors { vectors_options: Some(none) });
    let request = UpsertPoints {
        collection_name: connection.settings().url.recordings(),
        wait: Some(true),
        points: vec![PointStruct { id: Some(id), payload, vectors }],
        ..UpsertPoints::default()
    };
    connection.ask("write to", |client| {
        let request = request.clone();
        async move { client.upsert_points(request).await }
    })?;
    Ok(())
}

pub(super) fn answer<'a>(place: &'a str, point: &'a RetrievedPoint) -> Answer<'a> {
    Answer { place, id: point.id.as_ref(), payload: &point.payload, vectors: None }
}

pub(super) fn text_of(value: &(impl serde::Serialize + ?Sized)) -> String {
    serde_json::to_string(value).expect("text keys and finite numbers always make JSON")
}

pub(super) fn json<T: DeserializeOwned>(answer: &Answer<'_>, field: &'static str) -> Result<T> {
    let text = answer.text(field, "JSON")?;
    serde_json::from_str(text).map_err(|_| answer.problem(field, "JSON of this version"))
}
