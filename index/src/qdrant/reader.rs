//! Reads a collection in Qdrant: its manifest as it was when it was opened, and its points as they are.

use std::collections::BTreeSet;
use std::sync::Arc;

use nocturne_encoder::Embedding;
use nocturne_psg::caption::CaptionKind;
use nocturne_psg::{EpochRef, RecordingId};

use super::connection::Connection;
use super::full_scan::DamagedRecordings;
use super::manifest::{Acknowledged, QdrantManifest};
use super::read_recording::SealedRecording;
use super::spaces::{SpaceConnection, read_record};
use super::stored_points::acknowledged_points;
use super::{QdrantError, QdrantSettings, schema, tracks};
use crate::contract::CaptionHit;
use crate::contract::{
    CacheProblem, CollectionReader, SearchRequest, SpaceRecord, Track, TrackDraft, VectorIndex,
    VerifyProblem, damaged_tracks,
};
use crate::error::{Error, LocationName, Result};
use crate::filter::Filter;
use crate::recording::{EpochRow, RecordingEntry, SpaceName};
use crate::storage::segment::MissingRecording;
use crate::storage::segment::Recording;
use crate::vector::ScoreTable;

/// The acknowledged recordings of a collection in Qdrant, in the space that its address names, or that was served when it
/// was opened.
///
/// # How is it searched?
///
/// Without a [`recall`](SearchRequest::recall), or with 1, the server compares the query with every vector that the filter
/// allows. With less it searches its graph by 8-bit codes and rescores twice as many candidates as are requested. A graph
/// search that returns too few hits, and every search with a minimum score, is repeated exactly.
///
/// Vectors come with the hits, about 2.5 kB each. Scores, order and the filter are computed from them here; if Qdrant cannot
/// express a condition, more points are requested until enough of them pass the filter.
#[derive(Debug)]
pub struct QdrantReader {
    /// The connection to the collections of the space.
    pub(super) connection: Arc<Connection>,
    pub(super) manifest: QdrantManifest,
    pub(super) damaged: DamagedRecordings,
    followed: SpaceConnection,
}

impl QdrantReader {
    /// Opens the collection and reads its manifest.
    ///
    /// # Errors
    ///
    /// [`Error::NotACollection`], [`Error::Format`], [`Error::Setting`], and [`QdrantError::Request`],
    /// [`PlainKey`](QdrantError::PlainKey), [`PointsMissing`](QdrantError::PointsMissing),
    /// [`InvalidPoint`](QdrantError::InvalidPoint), [`ServedAlias`](QdrantError::ServedAlias).
    pub fn open(settings: QdrantSettings) -> Result<Self> {
        SpaceConnection::try_served(&Connection::new(settings)?, Self::open_at)
    }

    /// Reads the manifest of a space.
    pub(super) fn open_at(followed: SpaceConnection) -> Result<Self> {
        let connection = Arc::clone(&followed.connection);
        let manifest = match schema::exist(&connection)? {
            (_, false) => return Err(Error::no_collection(connection.location())),
            (has_points, true) => {
                let manifest = QdrantManifest::read(&connection)?;
                if !has_points {
                    return Err(QdrantError::PointsMissing { address: connection.address() }.into());
                }
                manifest
            }
        };
        Ok(Self { connection, manifest, damaged: DamagedRecordings::default(), followed })
    }

    /// Returns the settings of the connection.
    pub fn settings(&self) -> &QdrantSettings {
        self.connection.settings()
    }

    /// Returns the address of the space.
    pub(super) fn address(&self) -> String {
        self.connection.address()
    }

    /// Returns the acknowledged recordings, in ascending order of ids.
    pub(super) fn recordings(&self) -> impl ExactSizeIterator<Item = &RecordingEntry> {
        self.manifest.acknowledged.values().map(|acknowledged| &acknowledged.entry)
    }

    /// Returns the recordings whose upload has not ended, which are in no answer, in ascending order of ids.
    pub(super) fn pending(&self) -> impl ExactSizeIterator<Item = &RecordingId> {
        self.manifest.pending.keys()
    }

    pub(super) fn acknowledged(&self, id: &RecordingId) -> Result<&Acknowledged> {
        let acknowledged = self.manifest.acknowledged.get(id);
        acknowledged.ok_or_else(|| Error::UnknownRecording { recording: id.clone() })
    }
}

impl CollectionReader for QdrantReader {
    fn location(&self) -> LocationName {
        self.connection.location()
    }

    fn space_name(&self) -> SpaceName {
        self.followed.name()
    }

    fn generation(&self) -> u64 {
        self.manifest.generation
    }

    fn record(&self) -> Result<Option<SpaceRecord>> {
        read_record(&self.connection)
    }

    fn entries(&self) -> Vec<&RecordingEntry> {
        self.recordings().collect()
    }

    fn entry(&self, id: &RecordingId) -> Option<&RecordingEntry> {
        self.manifest.acknowledged.get(id).map(|acknowledged| &acknowledged.entry)
    }

    fn unfinished(&self) -> Vec<RecordingId> {
        self.pending().cloned().collect()
    }

    #[expect(clippy::redundant_closure_for_method_calls, reason = "the method is for one lifetime")]
    fn epochs(&self, entry: &RecordingEntry) -> Result<Option<Vec<EpochRow>>> {
        match self.each_epoch(entry, false.into(), |point| point.epoch()) {
            Ok(mut epochs) => {
                epochs.sort_by_key(|epoch| epoch.number);
                Ok(Some(epochs))
            }
            Err(error) if error.is_damage() => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn recording(&self, id: &RecordingId) -> Result<Arc<Recording>> {
        self.read_epochs(id)
    }

    fn read_recording(&self, id: &RecordingId) -> Result<Arc<Recording>> {
        let SealedRecording { segment, .. } = self.read_sealed(id)?;
        Ok(Arc::new(segment.recording()?))
    }

    fn read_epochs(&self, id: &RecordingId) -> Result<Arc<Recording>> {
        let entry = &self.acknowledged(id)?.entry;
        Ok(Arc::new(self.read(entry)?.recording))
    }

    fn read_segment(&self, id: &RecordingId) -> Result<Vec<u8>> {
        Ok(self.read_sealed(id)?.content.to_vec())
    }

    fn embedding(&self, epoch: &EpochRef) -> Result<Embedding> {
        self.read_embedding(epoch)
    }

    fn open_index(&self) -> Result<()> {
        Ok(())
    }

    fn build_indexes(&self) -> Result<bool> {
        Ok(false)
    }

    fn search_captions(
        &self,
        query: &Embedding,
        request: &SearchRequest,
        kinds: Option<&BTreeSet<CaptionKind>>,
    ) -> Result<Vec<CaptionHit>> {
        self.nearest_captions(query, request, kinds)
    }

    fn score_recordings(
        &self,
        queries: &[Embedding],
        includes: &(dyn Fn(&RecordingId) -> bool + Sync),
        visit: &(dyn Fn(&Recording, &ScoreTable) + Sync),
    ) -> Result<()> {
        self.score_each(queries, includes, visit)
    }

    fn tracks(
        &self,
        version: Option<&str>,
        entries: &[&RecordingEntry],
    ) -> Result<Vec<Arc<Track>>> {
        tracks::read(&self.connection, version, entries)
    }

    fn save_tracks(&self, tracks: &[(RecordingId, TrackDraft)]) -> Result<()> {
        tracks::send_all(&self.connection, &self.manifest.acknowledged, tracks)
    }

    fn scan_plan(&self) -> &'static str {
        "qdrant pass"
    }

    fn missing(&self) -> Vec<MissingRecording> {
        let pending = |recording: &RecordingId| MissingRecording {
            recording: recording.clone(),
            location: self.location(),
            offset: None,
            problem: "its upload has not ended".to_owned(),
        };
        self.pending().map(pending).chain(self.damaged.all()).collect()
    }

    fn check_filter(&self, filter: &Filter) -> Result<()> {
        filter.check(&self.entries().iter().copied())?;
        let mut named = filter.recordings.iter().flatten();
        named.try_for_each(|id| self.acknowledged(id).map(|_| ()))
    }

    fn is_served(&self) -> Result<bool> {
        self.followed.is_served()
    }

    fn is_current(&self) -> Result<bool> {
        let head = QdrantManifest::read_head(&self.connection)?;
        Ok(head.is_some_and(|head| head.generation == self.generation()))
    }

    fn refresh(&self) -> Result<Option<Box<dyn CollectionReader>>> {
        if self.is_current()? {
            return Ok(None);
        }
        Ok(Some(Box::new(Self {
            connection: Arc::clone(&self.connection),
            manifest: QdrantManifest::read(&self.connection)?,
            damaged: DamagedRecordings::default(),
            followed: self.followed.clone(),
        })))
    }

    fn check_reachable(&self) -> Result<()> {
        if schema::manifest_exists_now(&self.connection)? {
            return Ok(());
        }
        Err(Error::no_collection(self.location()))
    }

    fn verify(&self) -> Box<dyn Iterator<Item = VerifyProblem<'_>> + '_> {
        let error = |acknowledged| {
            acknowledged_points(&self.connection, acknowledged, self.space().dim).err()
        };
        let acknowledged = self.manifest.acknowledged.iter();
        Box::new(acknowledged.filter_map(move |(id, it)| Some((id, error(it)?))))
    }

    fn verify_caches(&self) -> Result<Vec<CacheProblem>> {
        damaged_tracks(self)
    }
}
