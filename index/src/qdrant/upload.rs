//! Fills a collection in Qdrant; there should be one writer at a time.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use nocturne_psg::RecordingId;
use qdrant_client::qdrant::{DeletePoints, Filter, PointStruct, UpsertPoints};
use tokio::task::JoinSet;

use super::client::Connection;
use super::collection::{self, damaged, read_night};
use super::filter::one_of;
use super::manifest::Manifest;
use super::night::Night;
use super::recording::sealed;
use super::spaces::Place;
use super::{QdrantProblem, QdrantSettings, schema, sketch};
use crate::collection::expect_space;
use crate::{Error, Recording, RecordingDraft, RecordingEntry, Result, Space};

/// Writes recordings into a collection in Qdrant.
///
/// # What happens when a write fails?
///
/// The recording is not acknowledged and in no answer, everything acknowledged before is, and sending it again with this or
/// another writer leaves what one undisturbed [`put`](Self::put) would have left: nothing missing, nothing twice.
#[derive(Debug)]
pub struct QdrantWriter {
    pub(super) connection: Arc<Connection>,
    pub(super) manifest: Manifest,
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
    /// [`QdrantProblem::Foreign`] where there is a collection of that name that is not ours, and the
    /// errors of [`QdrantCollection::open`](super::QdrantCollection::open).
    pub fn open_or_create(settings: QdrantSettings, space: &Space) -> Result<Self> {
        Self::open_at(Place::of_writer(Connection::new(settings)?)?, space)
    }

    /// Opens the space that a connection leads to, or makes it.
    pub(super) fn open_at(connection: Arc<Connection>, space: &Space) -> Result<Self> {
        let place = connection.place();
        let (has_points, has_recordings) = schema::exists(&connection)?;
        if has_points && !has_recordings {
            let manifest = connection.settings().url.recordings();
            return Err(Error::Qdrant(QdrantProblem::Foreign { place, manifest }));
        }
        // The list comes first, so that points without a list are a stranger's.
        if !has_recordings {
            schema::create_recordings(&connection)?;
        }
        if Manifest::read_head(&connection)?.is_none() {
            schema::create_points(&connection, space.dim)?;
            schema::create_nights(&connection, space.dim)?;
            let manifest = Manifest::create(&connection, space)?;
            return Ok(Self { connection, manifest });
        }
        let mut manifest = Manifest::read(&connection)?;
        expect_space(Path::new(&place), &manifest.space, space)?;
        if !has_points {
            return Err(Error::Qdrant(QdrantProblem::Lost { place }));
        }
        // Earlier versions have made none.
        schema::create_nights(&connection, space.dim)?;
        // A writer that was stopped may have changed the list without making that known.
        manifest.advance(&connection)?;
        Ok(Self { connection, manifest })
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
    /// [`QdrantProblem::Damaged`] where the server gives back other points than it was given, twice.
    pub fn put(&mut self, recording: &Recording) -> Result<Sent> {
        self.expect_dim(recording)?;
        let entry = recording.entry();
        let known = self.manifest.acknowledged.get(&entry.id).filter(|it| it.entry == *entry);
        if let Some(known) = known {
            if known.n_sketched.is_some() {
                return Ok(Sent::Unchanged);
            }
            let checksum = known.checksum.clone();
            let n_sketched = sketch::send(&self.connection, entry, &Night::of(recording)?)?;
            self.manifest.acknowledge(&self.connection, recording, checksum, n_sketched)?;
            return Ok(Sent::Sketched);
        }
        self.send_whole(recording)
    }

    /// Adds a recording, or replaces the one of its name, as it would be in a folder: with the same bytes under the same
    /// hash, and then sent by [`put`](Self::put).
    ///
    /// # Errors
    ///
    /// [`Error::Draft`], and those of [`put`](Self::put).
    pub fn commit(&mut self, draft: RecordingDraft) -> Result<RecordingEntry> {
        let segment = sealed(&self.connection, &self.manifest.space, draft)?;
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
        let known = self.manifest.acknowledged.get(id);
        let known = known.ok_or_else(|| Error::UnknownRecording { recording: id.clone() })?;
        let space = &self.manifest.space;
        let draft = collection::draft(&self.connection, known, space.dim)?;
        // The segment keeps what was said when it was made, and with that its hash.
        let segment = sealed(&self.connection, space, draft)?;
        let entry = RecordingEntry { metadata, ..known.entry.clone() };
        let recording = Recording::new(Arc::new(entry), segment.content()?);
        self.put(&recording)?;
        Ok(recording.entry().clone())
    }

    /// Sends a recording once more, whatever is there of it and whatever the list says: for one whose points are lost.
    ///
    /// # Errors
    ///
    /// Those of [`put`](Self::put).
    pub fn put_again(&mut self, recording: &Recording) -> Result<Sent> {
        self.expect_dim(recording)?;
        self.send_whole(recording)
    }

    fn expect_dim(&self, recording: &Recording) -> Result<()> {
        let (expected, received) = (self.manifest.space.dim, recording.vectors().dim());
        if expected == received { Ok(()) } else { Err(Error::Dimension { expected, received }) }
    }

    /// Sends all points of a recording, reads them back, and acknowledges it.
    fn send_whole(&mut self, recording: &Recording) -> Result<Sent> {
        let entry = recording.entry();
        let night = Night::of(recording)?;
        let checksum = night.checksum();
        self.manifest.mark_pending(&self.connection, &entry.id)?;
        let mut sent = Sent::Written;
        if self.send_and_read(entry, &night, false)? != checksum {
            // Requests that the server need not carry out before it answers may have failed after that.
            sent = Sent::Mended;
            if self.send_and_read(entry, &night, true)? != checksum {
                let problem = "other points came back than had been sent, twice".to_owned();
                return Err(damaged(&self.connection, &entry.id, problem));
            }
        }
        let n_sketched = sketch::send(&self.connection, entry, &night)?;
        let checksum = format!("{checksum:032x}");
        self.manifest.acknowledge(&self.connection, recording, checksum, n_sketched)?;
        Ok(sent)
    }

    /// Removes a recording, or what is left of one whose upload has not ended.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownRecording`] and [`QdrantProblem::Refused`].
    pub fn remove(&mut self, id: &RecordingId) -> Result<()> {
        let is_pending = self.manifest.pending.contains(id);
        if !is_pending && !self.manifest.acknowledged.contains_key(id) {
            return Err(Error::UnknownRecording { recording: id.clone() });
        }
        self.manifest.mark_pending(&self.connection, id)?;
        self.delete(Filter::must([one_of("recording", [id.as_str()])]))?;
        sketch::delete(&self.connection, id.as_str())?;
        self.manifest.forget(&self.connection, id)
    }

    /// Sends a recording, and returns the checksum of what is there then.
    fn send_and_read(&self, entry: &RecordingEntry, night: &Night, wait: bool) -> Result<u128> {
        self.send(entry, night, wait)?;
        // What another content of that name has left. Servers carry requests out in order: after this one is done, all are.
        let content = entry.segment.hash.to_string();
        let others = Filter {
            must: vec![one_of("recording", [entry.id.as_str()])],
            must_not: vec![one_of("content", [content.as_str()])],
            ..Filter::default()
        };
        self.delete(others)?;
        Ok(read_night(&self.connection, entry, self.manifest.space.dim)?.checksum())
    }

    /// Sends the points in batches, some of them at once.
    fn send(&self, entry: &RecordingEntry, night: &Night, wait: bool) -> Result<()> {
        let settings = self.connection.settings();
        let done = |task: Result<Result<()>, tokio::task::JoinError>| {
            task.expect("tasks do not panic and are not stopped before this ends")
        };
        self.connection.run(async {
            let mut tasks = JoinSet::new();
            for batch in night.points.chunks(settings.batch) {
                if tasks.len() == settings.streams
                    && let Some(task) = tasks.join_next().await
                {
                    done(task)?;
                }
                let points = batch.iter().map(|point| point.to_point(entry)).collect();
                let request = self.upsert(points, wait);
                let caller = self.connection.caller().clone();
                tasks.spawn(async move {
                    let sent = caller.ask("write to", |client| {
                        let request = request.clone();
                        async move { client.upsert_points(request).await }
                    });
                    sent.await.map(|_| ())
                });
            }
            while let Some(task) = tasks.join_next().await {
                done(task)?;
            }
            Ok(())
        })
    }

    fn upsert(&self, points: Vec<PointStruct>, wait: bool) -> UpsertPoints {
        UpsertPoints {
            collection_name: self.connection.settings().url.collection().to_owned(),
            wait: Some(wait),
            points,
            ..UpsertPoints::default()
        }
    }

    /// Deletes the points that a filter allows, and waits until that is done.
    fn delete(&self, filter: Filter) -> Result<()> {
        let request = DeletePoints {
            collection_name: self.connection.settings().url.collection().to_owned(),
            wait: Some(true),
            points: Some(filter.into()),
            ..DeletePoints::default()
        };
        self.connection.ask("delete from", |client| {
            let request = request.clone();
            async move { client.delete_points(request).await }
        })?;
        Ok(())
    }
}
