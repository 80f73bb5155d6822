//! Fills a collection in Qdrant; any number of writers may do so at a time.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use nocturne_psg::RecordingId;
use qdrant_client::qdrant::Filter;

use super::client::Connection;
use super::collection::{self, damaged};
use super::filter::one_of;
use super::leases::Leases;
use super::manifest::{Acknowledged, Manifest, ReadBack};
use super::night::Night;
use super::recording::sealed;
use super::sending::{Sending, delete};
use super::spaces::Place;
use super::{QdrantProblem, QdrantSettings, schema, sketch, version};
use crate::error::{Error, Result};
use crate::folder::expect_space;
use crate::recording::{Recording, RecordingDraft, RecordingEntry, Space};

/// Writes recordings into a collection in Qdrant.
///
/// # What happens when a write fails?
///
/// The recording is not acknowledged and in no answer, everything acknowledged before is, and sending it again with this or
/// another writer leaves what one undisturbed [`put`](Self::put) would have left: nothing missing, nothing twice.
///
/// # What if another writer is at work?
///
/// Each recording is written by one of them at a time, which holds a lease of it; the others are told that it is held
/// ([`QdrantProblem::Leased`]). A writer that dies is waited for as long as its lease lasts, `lease` in the settings.
/// [`claims`](crate::Destination::claims) takes leases before the work on a recording begins.
#[derive(Debug)]
pub struct QdrantWriter {
    pub(super) connection: Arc<Connection>,
    /// As this writer has read it, and changed it since.
    pub(super) manifest: Manifest,
    leases: Leases,
}

/// What became of a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sent {
    /// The same content was acknowledged before; nothing was sent.
    Unchanged,
    /// The same content was acknowledged before, by an earlier version; its sketch was sent.
    Sketched,
    /// It was sent, read back, and acknowledged.
    Written,
    /// What was read back was not what had been sent; the second time it was, and is acknowledged.
    Mended,
}

impl QdrantWriter {
    /// Opens a collection for the vectors of a space, or makes it where there is none, or where making it was cut short. It
    /// writes to the space that is served now, or to the one that the address names, also after another was promoted.
    ///
    /// # Errors
    ///
    /// [`Error::OtherBundle`]; [`Error::UnknownSpace`] where the address names a space that is not there;
    /// [`QdrantProblem::OldServer`]; [`QdrantProblem::Foreign`] where there is a collection of that name that is not ours, and
    /// the errors of [`QdrantCollection::open`](super::QdrantCollection::open).
    pub fn open_or_create(settings: QdrantSettings, space: &Space) -> Result<Self> {
        Self::open_at(Place::of_writer(Connection::new(settings)?)?, space)
    }

    /// Opens the space that a connection leads to, or makes it.
    pub(super) fn open_at(connection: Arc<Connection>, space: &Space) -> Result<Self> {
        version::expect_conditional_writes(&connection)?;
        let place = connection.place();
        let (has_points, has_recordings) = schema::exists(&connection)?;
        if has_points && !has_recordings {
            let manifest = connection.settings().url.recordings();
            return Err(Error::Qdrant(QdrantProblem::Foreign { place, manifest }));
        }
        let head = if has_recordings { Manifest::read_head(&connection)? } else { None };
        match head {
            // The list comes first, so that points without a list are a stranger's. Another writer may be doing the same;
            // the server keeps the first head of the list.
            None => {
                schema::create_recordings(&connection)?;
                schema::create_points(&connection, space.dim)?;
                schema::create_nights(&connection, space.dim)?;
                Manifest::create(&connection, space)?;
            }
            // Earlier versions have made no sketches, and knew no leases.
            Some(head) if head.is_older() || !schema::has_nights(&connection)? => {
                schema::create_nights(&connection, space.dim)?;
                schema::create_lease_indexes(&connection)?;
            }
            Some(_) => {}
        }
        let mut manifest = Manifest::read(&connection)?;
        expect_space(Path::new(&place), &manifest.space, space)?;
        if !schema::exists(&connection)?.0 {
            return Err(Error::Qdrant(QdrantProblem::Lost { place }));
        }
        // A writer that was stopped may have changed the list without making that known.
        manifest.advance(&connection)?;
        let leases = Leases::new(&connection);
        Ok(Self { connection, manifest, leases })
    }

    /// Returns the leases of this writer.
    pub(super) fn leases(&self) -> &Leases {
        &self.leases
    }

    /// Waits until it may be worth to look again at recordings that others are at work on.
    pub(super) fn wait_for_others(&self) {
        let pause = self.connection.settings().look_again;
        self.connection.run(async { tokio::time::sleep(pause).await });
    }

    /// Returns the acknowledged recordings, by ascending name.
    pub fn recordings(&self) -> impl ExactSizeIterator<Item = &RecordingEntry> {
        self.manifest.acknowledged.values().map(|acknowledged| &acknowledged.entry)
    }

    /// Returns which bundle the collection is filled with.
    pub fn space(&self) -> &Space {
        &self.manifest.space
    }

    /// Returns what is acknowledged of a recording, where there is one of that name.
    pub fn entry(&self, id: &RecordingId) -> Option<&RecordingEntry> {
        self.manifest.acknowledged.get(id).map(|acknowledged| &acknowledged.entry)
    }

    /// Returns the recordings whose upload has not ended, by ascending name.
    pub fn pending(&self) -> impl ExactSizeIterator<Item = &RecordingId> {
        self.manifest.pending.iter()
    }

    /// Adds a recording, or replaces the one of its name; nothing is sent where the same content is acknowledged.
    ///
    /// When this returns, all of its points have been read back and are searched.
    ///
    /// # Errors
    ///
    /// [`Error::Dimension`], and [`Error::DamagedSegment`] where it cannot be read; [`QdrantProblem::Refused`], and
    /// [`QdrantProblem::Damaged`] where the server gives back other points than it was given, twice;
    /// [`QdrantProblem::Leased`] and [`TakenOver`](QdrantProblem::TakenOver) where another writer is at work on it.
    pub fn put(&mut self, recording: &Recording) -> Result<Sent> {
        self.expect_dim(recording)?;
        let entry = recording.entry();
        let is_there = |it: &Acknowledged| it.entry == *entry && it.n_sketched.is_some();
        if self.manifest.acknowledged.get(&entry.id).is_some_and(is_there) {
            self.leases.give_back(&entry.id);
            return Ok(Sent::Unchanged);
        }
        self.alone(&entry.id, |writer, lease| writer.put_alone(recording, lease))
    }

    fn put_alone(&mut self, recording: &Recording, lease: u64) -> Result<Sent> {
        let entry = recording.entry();
        let known = self.manifest.acknowledged.get(&entry.id).filter(|it| it.entry == *entry);
        let Some(known) = known else { return self.send_whole(recording, lease) };
        if known.n_sketched.is_some() {
            return Ok(Sent::Unchanged);
        }
        let checksum = known.checksum.clone();
        let n_sketched = sketch::send(&self.connection, entry, &Night::of(recording)?, lease)?;
        let read_back = ReadBack { checksum, n_sketched, lease };
        self.manifest.acknowledge(&self.connection, recording, read_back)?;
        Ok(Sent::Sketched)
    }

    /// Adds a recording, or replaces the one of its name, as it would be in a folder: with the same bytes under the same
    /// hash, and then sent by [`put`](Self::put).
    ///
    /// # Errors
    ///
    /// [`Error::Draft`], and those of [`put`](Self::put).
    pub fn commit(&mut self, draft: RecordingDraft) -> Result<RecordingEntry> {
        let id = draft.id.clone();
        let segment = sealed(&self.connection, &self.manifest.space, draft);
        let segment = segment.inspect_err(|_| self.leases.give_back(&id))?;
        let recording = Recording::new(Arc::clone(segment.entry()), segment.content()?);
        self.put(&recording)?;
        Ok(recording.entry().clone())
    }

    /// Sets what is said of a recording, which stands in each of its points: they are read, and sent again.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownRecording`], [`QdrantProblem::Damaged`] where it is not what was acknowledged, and those of
    /// [`put`](Self::put).
    pub fn set_metadata(
        &mut self,
        id: &RecordingId,
        metadata: BTreeMap<String, String>,
    ) -> Result<RecordingEntry> {
        self.alone(id, |writer, lease| {
            let known = writer.manifest.acknowledged.get(id);
            let known = known.ok_or_else(|| Error::UnknownRecording { recording: id.clone() })?;
            let space = &writer.manifest.space;
            let draft = collection::draft(&writer.connection, known, space.dim)?;
            // The segment keeps what was said when it was made, and with that its hash.
            let segment = sealed(&writer.connection, space, draft)?;
            let entry = RecordingEntry { metadata, ..known.entry.clone() };
            let recording = Recording::new(Arc::new(entry), segment.content()?);
            writer.put_alone(&recording, lease)?;
            Ok(recording.entry().clone())
        })
    }

    /// Sends a recording once more, whatever is there of it and whatever the list says: for one whose points are lost.
    ///
    /// # Errors
    ///
    /// Those of [`put`](Self::put).
    pub fn put_again(&mut self, recording: &Recording) -> Result<Sent> {
        self.expect_dim(recording)?;
        let id = &recording.entry().id;
        self.alone(id, |writer, lease| writer.send_whole(recording, lease))
    }

    fn expect_dim(&self, recording: &Recording) -> Result<()> {
        let (expected, received) = (self.manifest.space.dim, recording.vectors().dim());
        if expected == received { Ok(()) } else { Err(Error::Dimension { expected, received }) }
    }

    /// Sends all points of a recording, reads them back, and acknowledges it.
    fn send_whole(&mut self, recording: &Recording, lease: u64) -> Result<Sent> {
        let entry = recording.entry();
        let night = Night::of(recording)?;
        let checksum = night.checksum();
        self.manifest.mark_pending(&self.connection, &entry.id, lease)?;
        let (connection, dim) = (self.connection.as_ref(), self.manifest.space.dim);
        let sending = Sending { connection, entry, night: &night, dim, lease };
        let mut sent = Sent::Written;
        if sending.send_and_read(false)? != checksum {
            // Requests that the server need not carry out before it answers may have failed after that.
            sent = Sent::Mended;
            if sending.send_and_read(true)? != checksum {
                self.leases.confirm(&entry.id)?;
                let problem = "other points came back than had been sent, twice".to_owned();
                return Err(damaged(connection, &entry.id, problem));
            }
        }
        let n_sketched = sketch::send(connection, entry, &night, lease)?;
        let checksum = format!("{checksum:032x}");
        let read_back = ReadBack { checksum, n_sketched, lease };
        self.manifest.acknowledge(&self.connection, recording, read_back)?;
        Ok(sent)
    }

    /// Removes a recording, or what is left of one whose upload has not ended.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownRecording`], and [`QdrantProblem::Refused`] and [`Leased`](QdrantProblem::Leased).
    pub fn remove(&mut self, id: &RecordingId) -> Result<()> {
        self.alone(id, |writer, lease| {
            let is_pending = writer.manifest.pending.contains(id);
            if !is_pending && !writer.manifest.acknowledged.contains_key(id) {
                return Err(Error::UnknownRecording { recording: id.clone() });
            }
            writer.manifest.mark_pending(&writer.connection, id, lease)?;
            let all = Filter::must([one_of("recording", [id.as_str()])]);
            delete(&writer.connection, all, lease)?;
            sketch::delete(&writer.connection, id.as_str(), lease)?;
            writer.manifest.forget(&writer.connection, id, lease)
        })
    }

    /// Does something with a recording that nobody else works on meanwhile.
    fn alone<T>(
        &mut self,
        id: &RecordingId,
        work: impl FnOnce(&mut Self, u64) -> Result<T>,
    ) -> Result<T> {
        let lease = self.leases.expect(id)?;
        // Another writer may have been at work on it since the list was read.
        let refreshed = self.manifest.refresh(&self.connection, id);
        let done = refreshed.and_then(|()| work(self, lease));
        self.leases.give_back(id);
        done
    }
}

impl Drop for QdrantWriter {
    /// Lets others have at once what they would have after a while.
    fn drop(&mut self) {
        self.leases.give_all_back();
    }
}
