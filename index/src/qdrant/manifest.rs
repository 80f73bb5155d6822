//! The list of recordings, kept in Qdrant beside the points.
//!
//! | point | field | |
//! |---|---|---|
//! | space | `format` | 2; the first version knew no leases |
//! | | `space` | the [`Space`] as JSON |
//! | | `generation` | grows with every change of this list |
//! | note | | described in `spaces::notes` |
//! | recording | `recording` | its name |
//! | | `state` | `acknowledged`, or `pending` from before its first point is sent until all are read back |
//! | | `lease` | number of the [lease](super::lease) under which this was written; absent where an earlier version did |
//! | | `content` | hash of its segment |
//! | | `checksum` | XXH3-128 of its points as [`Night::checksum`](super::night::Night::checksum) takes it |
//! | | `sketched` | number of points of its sketch; absent where an earlier version has sent it |
//! | | `committed` | metadata at the time when the recording was committed to its folder, as JSON; absent where it is that of the entry |
//! | | `entry`, `montage`, `events` | the [`RecordingEntry`], the report on channels, and the scored events, as JSON |
//!
//! Between them lie the leases, whose `state` is `lease`.
//!
//! JSON is kept as a text, so that numbers come back to the last bit.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use nocturne_psg::{Event, RecordingId};
use qdrant_client::qdrant::{Condition, Filter, RetrievedPoint};
use serde::de::DeserializeOwned;

use super::QdrantProblem;
use super::client::Connection;
use super::lease::{of_no_later, taken_over};
use super::list::{self, Expected};
use super::payload::{Answer, Payload};
use super::schema::{recording_point, space_point};
use super::spaces::notes;
use crate::error::{Error, Result};
use crate::recording::{Recording, RecordingEntry, Space};

/// The version that this build writes, and the newest that it reads. The first one knew no leases.
const FORMAT: u32 = 2;

const ACKNOWLEDGED: &str = "acknowledged";
const PENDING: &str = "pending";
/// What `state` says of leases, which lie in the list as well.
pub(super) const LEASE: &str = "lease";

const STATES: &str = "`acknowledged`, `pending` or `lease`";

/// What the list is read for; the rest only a copy needs.
const FIELDS: [&str; 5] = ["recording", "state", "checksum", "sketched", "entry"];

/// How often a change of the list is made known again where another writer does so at the same time.
const TRIES: usize = 64;

/// What the list says.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Manifest {
    format: u32,
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

/// What was read back of a recording, and under which lease it was written.
pub(super) struct ReadBack {
    /// In hexadecimal.
    pub(super) checksum: String,
    pub(super) n_sketched: usize,
    pub(super) lease: u64,
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
            let (points, next) = list::page(connection, None, Some(&FIELDS), offset)?;
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
        let Some(point) = list::get_one(connection, space_point(), None)? else { return Ok(None) };
        let place = connection.place();
        let answer = list::answer(&place, &point);
        let format = u32::try_from(answer.integer("format")?).unwrap_or(u32::MAX);
        if format > FORMAT {
            return Err(Error::Format { path: place.into(), found: format, supported: FORMAT });
        }
        Ok(Some(Self {
            format,
            space: json(&answer, "space")?,
            generation: answer.integer("generation")?.cast_unsigned(),
            acknowledged: BTreeMap::new(),
            pending: BTreeSet::new(),
        }))
    }

    /// Returns whether the version that has made it knew no leases.
    pub(super) fn is_older(&self) -> bool {
        self.format < FORMAT
    }

    fn add(&mut self, connection: &Connection, point: &RetrievedPoint) -> Result<()> {
        if point.id == Some(space_point()) || notes::is_note(point) {
            return Ok(());
        }
        let place = connection.place();
        let answer = list::answer(&place, point);
        let recording = answer.recording()?;
        if answer.text("state", STATES)? == LEASE {
            return Ok(());
        }
        if let Some(acknowledged) = read_acknowledged(&answer)? {
            self.pending.remove(&recording);
            self.acknowledged.insert(recording, acknowledged);
        } else {
            self.acknowledged.remove(&recording);
            self.pending.insert(recording);
        }
        Ok(())
    }

    /// Reads once more what the list says of a recording, which another writer may have changed.
    pub(super) fn refresh(&mut self, connection: &Connection, id: &RecordingId) -> Result<()> {
        if let Some(point) = list::get_one(connection, recording_point(id), Some(&FIELDS))? {
            return self.add(connection, &point);
        }
        self.acknowledged.remove(id);
        self.pending.remove(id);
        Ok(())
    }

    /// Writes down a new, empty list of the recordings of a space, unless another writer does so at the same time.
    pub(super) fn create(connection: &Connection, space: &Space) -> Result<()> {
        let (caller, url) = (connection.caller(), &connection.settings().url);
        let head = head(space, 0);
        connection.run(list::put(caller, url, space_point(), head, Expected::Absent))
    }

    /// Makes it known that the list has changed.
    ///
    /// Several writers may do so at once. Whoever sees a number that is greater than one which was read after the change
    /// sees the change as well, whichever writer has written that number.
    pub(super) fn advance(&mut self, connection: &Connection) -> Result<()> {
        let (caller, url) = (connection.caller(), &connection.settings().url);
        let read = || -> Result<u64> {
            let lost = || Error::Qdrant(QdrantProblem::Lost { place: connection.place() });
            Self::read_head(connection)?.map(|head| head.generation).ok_or_else(lost)
        };
        let mut seen = read()?;
        for _ in 0..TRIES {
            let head = head(&self.space, seen + 1);
            let is_as_seen = Filter::must([Condition::matches("generation", seen.cast_signed())]);
            let expected = Expected::Present(is_as_seen);
            connection.run(list::put(caller, url, space_point(), head, expected))?;
            let now = read()?;
            if now > seen {
                self.generation = now;
                return Ok(());
            }
            seen = now;
        }
        let (place, point) = (connection.place(), "space".to_owned());
        let (field, expected) = ("generation", "a number that grows when it is told to");
        Err(Error::Qdrant(QdrantProblem::Point { place, point, field, expected }))
    }

    /// Writes down that points of a recording may be there, or are, and must not be served.
    ///
    /// # Errors
    ///
    /// [`QdrantProblem::TakenOver`] where another writer has a later lease, as for all that follow.
    pub(super) fn mark_pending(
        &mut self,
        connection: &Connection,
        id: &RecordingId,
        lease: u64,
    ) -> Result<()> {
        let payload = Payload::from([
            ("recording".to_owned(), id.as_str().into()),
            ("state".to_owned(), PENDING.into()),
            ("lease".to_owned(), lease.cast_signed().into()),
        ]);
        put(connection, id, payload, Expected::AbsentOr(of_no_later(lease)), (PENDING, lease))?;
        self.acknowledged.remove(id);
        self.pending.insert(id.clone());
        self.advance(connection)
    }

    /// Writes down that all points of a recording are there, and its sketch.
    pub(super) fn acknowledge(
        &mut self,
        connection: &Connection,
        recording: &Recording,
        read_back: ReadBack,
    ) -> Result<()> {
        let entry = recording.entry();
        let ReadBack { checksum, n_sketched, lease } = read_back;
        let mut payload = Payload::from([
            ("recording".to_owned(), entry.id.as_str().into()),
            ("state".to_owned(), ACKNOWLEDGED.into()),
            ("lease".to_owned(), lease.cast_signed().into()),
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
        // Not where it was removed meanwhile.
        let expected = Expected::Present(of_no_later(lease));
        put(connection, &entry.id, payload, expected, (ACKNOWLEDGED, lease))?;
        self.pending.remove(&entry.id);
        let n_sketched = Some(n_sketched);
        let acknowledged = Acknowledged { entry: entry.clone(), checksum, n_sketched };
        self.acknowledged.insert(entry.id.clone(), acknowledged);
        self.advance(connection)
    }

    /// Forgets a recording, of which no point is left.
    pub(super) fn forget(
        &mut self,
        connection: &Connection,
        id: &RecordingId,
        lease: u64,
    ) -> Result<()> {
        list::delete(connection, recording_point(id), Filter::must([of_no_later(lease).into()]))?;
        self.acknowledged.remove(id);
        self.pending.remove(id);
        self.advance(connection)
    }
}

/// Returns what is acknowledged of a recording now.
pub(super) fn acknowledged(
    connection: &Connection,
    id: &RecordingId,
) -> Result<Option<Acknowledged>> {
    let point = list::get_one(connection, recording_point(id), Some(&FIELDS))?;
    let place = connection.place();
    point.map_or(Ok(None), |point| read_acknowledged(&list::answer(&place, &point)))
}

fn read_acknowledged(answer: &Answer<'_>) -> Result<Option<Acknowledged>> {
    if answer.text("state", STATES)? != ACKNOWLEDGED {
        return Ok(None);
    }
    let entry: RecordingEntry = json(answer, "entry")?;
    let checksum = answer.text("checksum", "a checksum")?.to_owned();
    let has_sketch = answer.payload.contains_key("sketched");
    let n_sketched = has_sketch.then(|| answer.integer("sketched")).transpose()?;
    let n_sketched = n_sketched.and_then(|n| usize::try_from(n).ok());
    Ok(Some(Acknowledged { entry, checksum, n_sketched }))
}

/// Writes the point of a recording, unless the server has one of a later lease, and looks whether it is there.
fn put(
    connection: &Connection,
    id: &RecordingId,
    payload: Payload,
    expected: Expected,
    (state, lease): (&str, u64),
) -> Result<()> {
    let (caller, url) = (connection.caller(), &connection.settings().url);
    connection.run(list::put(caller, url, recording_point(id), payload, expected))?;
    if let Some(point) = list::get_one(connection, recording_point(id), Some(&["state", "lease"]))?
    {
        let place = connection.place();
        let answer = list::answer(&place, &point);
        let found = answer.integer("lease").ok().map(i64::cast_unsigned);
        if found == Some(lease) && answer.text("state", "a state")? == state {
            return Ok(());
        }
    }
    Err(connection.run(taken_over(caller, url, id)))
}

fn head(space: &Space, generation: u64) -> Payload {
    Payload::from([
        ("format".to_owned(), i64::from(FORMAT).into()),
        ("space".to_owned(), text_of(space).into()),
        ("generation".to_owned(), generation.cast_signed().into()),
    ])
}

/// Reads what only a copy of a recording needs.
pub(super) fn details(connection: &Connection, id: &RecordingId) -> Result<Details> {
    let point = list::get_one(connection, recording_point(id), None)?;
    let point = point.ok_or_else(|| Error::UnknownRecording { recording: id.clone() })?;
    let place = connection.place();
    let answer = list::answer(&place, &point);
    let has_events = point.payload.contains_key("events");
    let events = has_events.then(|| json(&answer, "events")).transpose()?;
    let is_changed = point.payload.contains_key("committed");
    let committed = is_changed.then(|| json(&answer, "committed")).transpose()?;
    Ok(Details { montage: json(&answer, "montage")?, committed, events })
}

pub(super) fn text_of(value: &(impl serde::Serialize + ?Sized)) -> String {
    serde_json::to_string(value).expect("text keys and finite numbers always make JSON")
}

pub(super) fn json<T: DeserializeOwned>(answer: &Answer<'_>, field: &'static str) -> Result<T> {
    let text = answer.text(field, "JSON")?;
    serde_json::from_str(text).map_err(|_| answer.problem(field, "JSON of this version"))
}
