//! Searches a collection in Qdrant.

use std::collections::BTreeSet;

use nocturne_encoder::Embedding;
use nocturne_psg::caption::CaptionKind;
use nocturne_psg::{EpochRef, RecordingId};
use qdrant_client::qdrant::CountPoints;

use super::filter::{SearchedPoints, TranslatedFilter, translate};
use super::full_scan::DamagedRecordings;
use super::nearest::{Question, ScoredRecordingPoint};
use super::recording_points::{CaptionDetails, PointKind};
use super::{QdrantCollection, QdrantError, QdrantSettings};
use crate::contract::CaptionHit;
use crate::contract::{Hit, Recordings, SearchAnswer, SearchPlan, SearchRequest, VectorIndex};
use crate::error::Result;
use crate::recording::EmbeddingSpace;
use crate::storage::segment::MissingRecording;

/// Every acknowledged recording of a collection in Qdrant.
///
/// Without a [`recall`](SearchRequest::recall), or with 1, the server compares the query with every vector that the filter
/// allows. With less it searches its graph by 8-bit codes and rescores twice as many candidates as are requested. A graph
/// search that returns too few hits, and every search with a minimum score, is repeated exactly.
///
/// Vectors come with the hits, about 2.5 kB each. Scores, order and the filter are computed from them here; if Qdrant cannot
/// express a condition, more points are requested until enough of them pass the filter.
#[derive(Debug)]
pub struct QdrantIndex {
    collection: QdrantCollection,
    pub(super) damaged: DamagedRecordings,
}

impl QdrantIndex {
    /// Opens the collection and reads its manifest.
    ///
    /// # Errors
    ///
    /// Those of [`QdrantCollection::open`].
    pub fn open(settings: QdrantSettings) -> Result<Self> {
        Ok(Self::new(QdrantCollection::open(settings)?))
    }

    /// Searches a collection that is open.
    pub fn new(collection: QdrantCollection) -> Self {
        Self { collection, damaged: DamagedRecordings::default() }
    }

    /// Returns the collection.
    pub fn collection(&self) -> &QdrantCollection {
        &self.collection
    }

    /// Returns whether the collection has not changed since it was opened.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open).
    pub fn is_current(&self) -> Result<bool> {
        self.collection.is_current()
    }

    /// Returns the recordings that are in no answer: their upload had not ended when the collection was opened, or
    /// [`score_all`](Self::score_all) found them damaged.
    pub fn missing(&self) -> Vec<MissingRecording> {
        let pending = |recording: &RecordingId| MissingRecording {
            recording: recording.clone(),
            path: self.collection.address().into(),
            offset: 0,
            problem: "its upload has not ended".to_owned(),
        };
        self.collection.pending().map(pending).chain(self.damaged.all()).collect()
    }

    /// Returns the number of epochs that a filter allows.
    ///
    /// # Errors
    ///
    /// [`QdrantError::Changed`] if the collection has changed since it was opened, and those of
    /// [`find`](VectorIndex::find).
    pub fn count(&self, filter: &crate::filter::Filter) -> Result<usize> {
        self.expect_recordings(filter)?;
        let entries = self.collection.recordings();
        let unserved = self.collection.pending().cloned().collect();
        let filter = match translate(filter, SearchedPoints::Epochs, entries, &unserved) {
            None => return Ok(0),
            Some(TranslatedFilter { is_exact: false, .. }) => return self.count_here(filter),
            Some(TranslatedFilter { filter, .. }) => filter,
        };
        let connection = &self.collection.connection;
        let request = CountPoints {
            collection_name: connection.settings().url.collection().to_owned(),
            filter: Some(filter),
            exact: Some(true),
            ..CountPoints::default()
        };
        let answer = connection.ask("count in", |client| {
            let request = request.clone();
            async move { client.count(request).await }
        })?;
        if !self.is_current()? {
            return Err(QdrantError::Changed { address: self.collection.address() }.into());
        }
        Ok(answer.result.map_or(0, |result| result.count as usize))
    }

    /// Counts the epochs that a filter allows, recording by recording.
    fn count_here(&self, filter: &crate::filter::Filter) -> Result<usize> {
        let mut n_allowed = 0;
        for entry in self.collection.recordings() {
            n_allowed += match filter.conditions(entry) {
                None => 0,
                Some(None) => entry.n_epochs,
                Some(Some(conditions)) => {
                    let epochs = self.collection.epochs(entry)?.unwrap_or_default();
                    epochs.iter().filter(|epoch| conditions.hold(entry, epoch)).count()
                }
            };
        }
        Ok(n_allowed)
    }

    /// Returns the captions nearest to a query, as
    /// [`ExactIndex::search_captions`](crate::ExactIndex::search_captions) does.
    ///
    /// # Errors
    ///
    /// Those of [`find`](VectorIndex::find).
    pub fn search_captions(
        &self,
        query: &Embedding,
        request: &SearchRequest,
        kinds: Option<&BTreeSet<CaptionKind>>,
    ) -> Result<Vec<CaptionHit>> {
        let question = Question { query, request, searched: SearchedPoints::Captions, kinds };
        let (points, _) = self.nearest(&question)?;
        let hits =
            points.into_iter().filter_map(|ScoredRecordingPoint { score, recording, point }| {
                let PointKind::Caption(CaptionDetails { kind, text, .. }) = point.kind else {
                    return None;
                };
                let epoch = EpochRef { recording, epoch: point.epoch.number };
                Some(CaptionHit { epoch, score, kind, text })
            });
        Ok(hits.collect())
    }

    /// Refuses a filter that names recordings or columns which do not exist.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownRecording`](crate::Error::UnknownRecording) and [`Error::Filter`](crate::Error::Filter).
    pub fn expect_recordings(&self, filter: &crate::filter::Filter) -> Result<()> {
        let entries = self.collection.entries();
        filter.check(&entries.iter().copied())?;
        let mut named = filter.recordings.iter().flatten();
        named.try_for_each(|id| self.collection.acknowledged(id).map(|_| ()))
    }
}

impl VectorIndex for QdrantIndex {
    fn space(&self) -> &EmbeddingSpace {
        self.collection.space()
    }

    fn n_epochs(&self) -> usize {
        self.collection.n_epochs()
    }

    /// In addition to the errors of the trait: [`QdrantError::ReplacedRecording`] if a recording was replaced after the
    /// collection was opened, [`QdrantError::Request`] and [`QdrantError::InvalidPoint`].
    fn find(&self, query: &Embedding, request: &SearchRequest) -> Result<SearchAnswer> {
        let searched = SearchedPoints::Epochs;
        let (points, is_exact) =
            self.nearest(&Question { query, request, searched, kinds: None })?;
        let hits = points.into_iter().map(|ScoredRecordingPoint { score, recording, point }| Hit {
            epoch: EpochRef { recording, epoch: point.epoch.number },
            score,
            onset_s: point.epoch.onset_s,
            stage: point.epoch.stage,
            mask: point.epoch.mask,
            events: point.epoch.events,
        });
        Ok(SearchAnswer { hits: hits.collect(), plan: SearchPlan::Qdrant { is_exact } })
    }
}
