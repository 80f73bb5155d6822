//! Searches a collection in Qdrant.

use std::collections::BTreeSet;

use nocturne_encoder::Embedding;
use nocturne_psg::EpochRef;
use nocturne_psg::caption::CaptionKind;
use qdrant_client::qdrant::CountPoints;

use super::filter::{SearchedPoints, TranslatedFilter, translate};
use super::nearest::{Question, ScoredRecordingPoint};
use super::recording_points::{CaptionDetails, PointKind};
use super::{QdrantError, QdrantReader};
use crate::contract::CaptionHit;
use crate::contract::{
    CollectionReader, Hit, SearchAnswer, SearchPlan, SearchRequest, VectorIndex,
};
use crate::error::Result;
use crate::recording::EmbeddingSpace;

impl VectorIndex for QdrantReader {
    fn space(&self) -> &EmbeddingSpace {
        &self.manifest.space
    }

    fn n_epochs(&self) -> usize {
        self.recordings().map(|entry| entry.n_epochs).sum()
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

impl QdrantReader {
    /// Returns the captions nearest to a query.
    pub(super) fn nearest_captions(
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

    /// Returns the number of epochs that a filter allows.
    ///
    /// # Errors
    ///
    /// [`QdrantError::Changed`] if the collection has changed since it was opened, and those of
    /// [`find`](VectorIndex::find).
    pub fn count(&self, filter: &crate::filter::Filter) -> Result<usize> {
        self.check_filter(filter)?;
        let entries = self.recordings();
        let unserved = self.pending().cloned().collect();
        let filter = match translate(filter, SearchedPoints::Epochs, entries, &unserved) {
            None => return Ok(0),
            Some(TranslatedFilter { is_exact: false, .. }) => return self.count_here(filter),
            Some(TranslatedFilter { filter, .. }) => filter,
        };
        let request = CountPoints {
            collection_name: self.settings().url.collection().to_owned(),
            filter: Some(filter),
            exact: Some(true),
            ..CountPoints::default()
        };
        let answer = self.connection.ask("count in", |client| {
            let request = request.clone();
            async move { client.count(request).await }
        })?;
        if !self.is_current()? {
            return Err(QdrantError::Changed { address: self.address() }.into());
        }
        Ok(answer.result.map_or(0, |result| result.count as usize))
    }

    /// Counts the epochs that a filter allows, recording by recording.
    fn count_here(&self, filter: &crate::filter::Filter) -> Result<usize> {
        let mut n_allowed = 0;
        for entry in self.recordings() {
            n_allowed += match filter.conditions(entry) {
                None => 0,
                Some(None) => entry.n_epochs,
                Some(Some(conditions)) => {
                    let epochs = self.epochs(entry)?.unwrap_or_default();
                    epochs.iter().filter(|epoch| conditions.hold(entry, epoch)).count()
                }
            };
        }
        Ok(n_allowed)
    }
}
