//! Reads whole recordings, for questions that need every epoch.
//!
//! Their epochs are sealed in memory into the segment that a folder would store, so that the same code scores and filters
//! them, to the same last bit. Captions are read on request.

use std::path::PathBuf;
use std::sync::Arc;

use nocturne_encoder::Embedding;
use nocturne_psg::{EpochRef, RecordingId};
use qdrant_client::qdrant::{Filter, GetPoints, ScrollPoints, WithVectorsSelector};

use super::connection::Connection;
use super::filter::one_of;
use super::manifest::{EntryDetails, read_details};
use super::payload::{EPOCH_POINT, PayloadReader};
use super::point_ids::epoch_id;
use super::schema::SIGNAL;
use super::stored_points::{damaged, draft};
use super::{QdrantError, QdrantReader};
use crate::contract::{CollectionReader, VectorIndex};
use crate::error::{Error, Result};
use crate::recording::{EmbeddingSpace, EpochPoint, EpochRow, RecordingDraft, RecordingEntry};
use crate::storage::FileContent;
use crate::storage::segment::Recording;
use crate::storage::segment::{SegmentFile, seal};
use crate::vector::Int8Codes;

/// Epochs in a page: a night takes one or two answers of 2 MB.
const PAGE: u32 = 1024;

/// A recording without captions, and the 8-bit codes of its vectors.
pub(super) struct RecordingWithCodes {
    pub(super) recording: Recording,
    pub(super) codes: Int8Codes,
}

/// A recording with its captions, as the segment that was sent.
pub(super) struct SealedRecording {
    pub(super) segment: Arc<SegmentFile>,
    /// The bytes of the segment.
    pub(super) content: FileContent,
}

impl QdrantReader {
    /// Reads the embedding of an epoch.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownEpoch`]; [`QdrantError::ReplacedRecording`] if the recording was replaced or removed after the
    /// collection was opened, [`QdrantError::DamagedRecording`] if epochs are missing, [`QdrantError::InvalidPoint`] and
    /// [`QdrantError::Request`].
    pub(super) fn read_embedding(&self, epoch: &EpochRef) -> Result<Embedding> {
        let entry = &self.acknowledged(&epoch.recording)?.entry;
        let request = GetPoints {
            collection_name: self.connection.settings().url.collection().to_owned(),
            ids: vec![epoch_id(&epoch.recording, epoch.epoch)],
            with_payload: Some(true.into()),
            with_vectors: Some(vec![SIGNAL].into()),
            ..GetPoints::default()
        };
        let answer = self.connection.ask("read from", |client| {
            let request = request.clone();
            async move { client.get_points(request).await }
        })?;
        let Some(point) = answer.result.first() else {
            // Reading the recording shows why: no such epoch, or missing, or replaced.
            return self.read(entry)?.recording.epoch(epoch.epoch)?.embedding();
        };
        let (address, vectors) = (self.address(), point.vectors.as_ref());
        let (id, payload) = (point.id.as_ref(), &point.payload);
        let answer = PayloadReader { address: &address, id, payload, vectors };
        self.expect_content(&answer, entry)?;
        Embedding::new(answer.vector(SIGNAL, self.space().dim)?)
            .map_err(|error| damaged(&self.connection, &entry.id, error.to_string()))
    }

    /// Reads a recording with its captions, and seals it into the segment that was sent.
    ///
    /// # Errors
    ///
    /// Those of [`read_embedding`](Self::read_embedding).
    pub(super) fn read_sealed(&self, id: &RecordingId) -> Result<SealedRecording> {
        let acknowledged = self.acknowledged(id)?;
        let entry = &acknowledged.entry;
        let draft = draft(&self.connection, acknowledged, self.space().dim)
            .map_err(|error| self.replaced_or(id, error))?;
        let (sealed, bytes) = seal(self.space(), draft)?;
        if sealed.segment != entry.segment {
            let (found, expected) = (sealed.segment.hash, entry.segment.hash);
            let problem = format!("its segment is `{found}`; expected `{expected}`");
            return Err(damaged(&self.connection, id, problem));
        }
        let content = FileContent::from(bytes);
        let segment = in_memory(&self.connection, self.space(), entry.clone(), content.clone());
        Ok(SealedRecording { segment, content })
    }

    /// Returns the error of a recording that was replaced, if damage is explained by a change of the collection; else the
    /// error.
    fn replaced_or(&self, id: &RecordingId, error: Error) -> Error {
        if !error.is_damage() {
            return error;
        }
        match self.is_current() {
            Ok(true) => error,
            Ok(false) => self.replaced(id),
            Err(error) => error,
        }
    }

    /// Reads the epochs of a recording.
    pub(super) fn read(&self, entry: &RecordingEntry) -> Result<RecordingWithCodes> {
        let mut epochs = self.each_epoch(entry, vec![SIGNAL].into(), |answer| {
            let EpochRow { number, onset_s, stage, events, mask, quality } = answer.epoch()?;
            let vector = stored_embedding(
                &self.connection,
                entry,
                answer.vector(SIGNAL, self.space().dim)?,
            )?;
            Ok(EpochPoint { number, onset_s, mask, quality, stage, events, vector })
        })?;
        epochs.sort_by_key(|epoch| epoch.number);
        let details = read_details(&self.connection, entry)?;
        let draft = RecordingDraft { epochs, ..draft_without_points(entry, details) };
        let segment = sealed(&self.connection, self.space(), draft)?;
        let recording = segment.recording_with(Arc::new(entry.clone()))?;
        Ok(RecordingWithCodes { recording, codes: segment.codes()? })
    }

    /// Reads every epoch of a recording, in any order.
    pub(super) fn each_epoch<T>(
        &self,
        entry: &RecordingEntry,
        vectors: WithVectorsSelector,
        read: impl Fn(&PayloadReader<'_>) -> Result<T>,
    ) -> Result<Vec<T>> {
        let address = self.address();
        let mut epochs = Vec::with_capacity(entry.n_epochs);
        let mut request = ScrollPoints {
            collection_name: self.connection.settings().url.collection().to_owned(),
            filter: Some(Filter::must([
                one_of("recording", [entry.id.as_str()]),
                one_of("point", [EPOCH_POINT]),
            ])),
            limit: Some(PAGE),
            with_payload: Some(true.into()),
            with_vectors: Some(vectors),
            ..ScrollPoints::default()
        };
        loop {
            let page = self.connection.ask("read from", |client| {
                let request = request.clone();
                async move { client.scroll(request).await }
            })?;
            for point in &page.result {
                let (id, vectors) = (point.id.as_ref(), point.vectors.as_ref());
                let payload = &point.payload;
                let answer = PayloadReader { address: &address, id, payload, vectors };
                self.expect_content(&answer, entry)?;
                epochs.push(read(&answer)?);
            }
            match page.next_page_offset {
                Some(next) => request.offset = Some(next),
                None => break,
            }
        }
        self.expect_all(entry, epochs.len())?;
        Ok(epochs)
    }

    /// Refuses a point of another content than that of the entry.
    fn expect_content(&self, answer: &PayloadReader<'_>, entry: &RecordingEntry) -> Result<()> {
        if answer.text("content", "a hash")? == entry.segment.hash.to_string() {
            return Ok(());
        }
        Err(self.replaced(&entry.id))
    }

    /// Refuses a recording with missing epochs, or one that is being replaced or removed.
    fn expect_all(&self, entry: &RecordingEntry, n_found: usize) -> Result<()> {
        if n_found == entry.n_epochs {
            return Ok(());
        }
        if !self.is_current()? {
            return Err(self.replaced(&entry.id));
        }
        let problem = format!("it has {n_found} epochs; expected {}", entry.n_epochs);
        Err(damaged(&self.connection, &entry.id, problem))
    }

    /// Returns the error for a recording that was replaced.
    pub(super) fn replaced(&self, recording: &RecordingId) -> Error {
        let (address, recording) = (self.address(), recording.clone());
        QdrantError::ReplacedRecording { address, recording }.into()
    }
}

/// Seals a recording in memory into the segment that a folder would store.
///
/// # Errors
///
/// [`Error::InvalidDraft`] and [`Error::Dimension`].
pub(super) fn sealed(
    connection: &Connection,
    space: &EmbeddingSpace,
    draft: RecordingDraft,
) -> Result<Arc<SegmentFile>> {
    let (entry, bytes) = seal(space, draft)?;
    Ok(in_memory(connection, space, entry, FileContent::from(bytes)))
}

/// Returns a segment that is in memory.
pub(super) fn in_memory(
    connection: &Connection,
    space: &EmbeddingSpace,
    entry: RecordingEntry,
    content: FileContent,
) -> Arc<SegmentFile> {
    let path = PathBuf::from(connection.address());
    Arc::new(SegmentFile::new(path, Arc::new(entry), Arc::new(space.clone()), content))
}

/// Returns a vector that was stored in half precision as an embedding, so that storing it again changes no bit.
pub(super) fn stored_embedding(
    connection: &Connection,
    entry: &RecordingEntry,
    vector: Vec<f32>,
) -> Result<Embedding> {
    Embedding::from_rounded(vector)
        .map_err(|error| damaged(connection, &entry.id, error.to_string()))
}

/// Returns the draft of a recording without its points, with the metadata of its commit.
pub(super) fn draft_without_points(
    entry: &RecordingEntry,
    details: EntryDetails,
) -> RecordingDraft {
    let EntryDetails { montage, committed, events, signals } = details;
    RecordingDraft {
        id: entry.id.clone(),
        source: entry.source.clone(),
        source_sha256: entry.source_sha256.clone(),
        annotations_sha256: entry.annotations_sha256.clone(),
        origin: entry.origin,
        declared_events: entry.declared_events,
        start: entry.start,
        metadata: committed.unwrap_or_else(|| entry.metadata.clone()),
        montage,
        events,
        signals,
        epochs: Vec::new(),
        captions: Vec::new(),
    }
}
