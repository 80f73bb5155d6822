//! The search itself: requests points from the server until the nearest are surely among them.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use nocturne_encoder::Embedding;
use nocturne_psg::caption::CaptionKind;
use nocturne_psg::{EpochNumber, RecordingId};
use qdrant_client::qdrant::{
    Filter, QuantizationSearchParams, QueryPoints, ScoredPoint, SearchParams,
};

use super::filter::{SearchedPoints, TranslatedFilter, one_of, translate};
use super::payload::PayloadReader;
use super::recording_points::{PointKind, RecordingPoint};
use super::schema::{CAPTION, SIGNAL};
use super::{QdrantError, QdrantReader};
use crate::contract::{CollectionReader, SearchRequest, VectorIndex, expect_dim};
use crate::error::Result;
use crate::filter::Conditions;
use crate::recording::RecordingEntry;
use crate::vector::cosine;

/// Points requested beyond `k`, so that a tie at the end is seen as a whole.
const EXTRA_POINTS: usize = 16;

/// Points requested first if there is a minimum score: the cost of a search depends on their number, not on how many are
/// found.
const FIRST_LIMIT: usize = 256;

/// Tolerance between the server's scores and ours: both sum products in single precision, in different orders.
const SCORE_TOLERANCE: f32 = 1e-5;

/// Minimum and maximum of `hnsw_ef`.
const EF_RANGE: (f32, f32) = (64.0, 1024.0);

/// A search.
pub(super) struct Question<'a> {
    pub(super) query: &'a Embedding,
    pub(super) request: &'a SearchRequest,
    pub(super) searched: SearchedPoints,
    /// Kinds of captions; `None` for all.
    pub(super) kinds: Option<&'a BTreeSet<CaptionKind>>,
}

/// A point with its score.
pub(super) struct ScoredRecordingPoint {
    pub(super) score: f32,
    pub(super) recording: RecordingId,
    pub(super) point: RecordingPoint,
}

/// The points of an answer.
enum Answered {
    /// All of them are of acknowledged recordings.
    Served(Vec<ScoredRecordingPoint>),
    /// These recordings are not acknowledged.
    Unserved(BTreeSet<RecordingId>),
}

impl QdrantReader {
    /// Returns the nearest points in descending order of scores, and whether the search was exact.
    pub(super) fn nearest(
        &self,
        question: &Question<'_>,
    ) -> Result<(Vec<ScoredRecordingPoint>, bool)> {
        let Question { query, request, .. } = question;
        expect_dim(self.space(), query)?;
        self.check_filter(&request.filter)?;
        let recall = request.recall.unwrap_or(1.0);
        if request.k > 0 && recall < 1.0 && request.min_score.is_none() {
            let nearest = self.nearest_served(question, Some(recall))?;
            if nearest.len() == request.k {
                return Ok((nearest, false));
            }
        }
        Ok((self.nearest_served(question, None)?, true))
    }

    /// Repeats a search until the answer has only acknowledged recordings: points of an upload exist before its recording is
    /// acknowledged, and the upload may have started after the manifest was read.
    fn nearest_served(
        &self,
        question: &Question<'_>,
        recall: Option<f32>,
    ) -> Result<Vec<ScoredRecordingPoint>> {
        let mut unserved: BTreeSet<RecordingId> = self.pending().cloned().collect();
        loop {
            let entries = self.recordings();
            let Some(filter) = question.filter(entries, &unserved) else { return Ok(vec![]) };
            match self.search_with(question, recall, &filter)? {
                Answered::Served(nearest) => return Ok(nearest),
                Answered::Unserved(recordings) => unserved.extend(recordings),
            }
        }
    }

    /// Requests more and more points, until the nearest that pass the filter are surely among them.
    fn search_with(
        &self,
        question: &Question<'_>,
        recall: Option<f32>,
        filter: &Filter,
    ) -> Result<Answered> {
        let Question { request, .. } = question;
        if request.k == 0 {
            return Ok(Answered::Served(vec![]));
        }
        // There are no more points than the collection has.
        let n_points: usize = self.recordings().map(|it| it.n_epochs + it.n_captions).sum();
        let enough = request.k.min(n_points).saturating_add(EXTRA_POINTS);
        let mut limit = if request.min_score.is_some() { enough.min(FIRST_LIMIT) } else { enough };
        loop {
            let points = self.query(question, recall, filter, limit)?;
            let scored = match self.score(question, &points)? {
                Answered::Served(scored) => scored,
                unserved @ Answered::Unserved(_) => return Ok(unserved),
            };
            // No point outside the answer has a higher score than the lowest one in it.
            let lowest = scored.iter().map(|it| it.score).fold(f32::INFINITY, f32::min);
            let mut filter_of = RecordingConditions::new(&request.filter);
            let mut nearest: Vec<ScoredRecordingPoint> = scored
                .into_iter()
                .filter(|it| request.accepts(it.score) && filter_of.allows(self, it))
                .collect();
            nearest.sort_by(ScoredRecordingPoint::order);
            nearest.truncate(request.k);
            let is_complete = nearest.len() == request.k
                && nearest.last().is_some_and(|last| lowest < last.score - SCORE_TOLERANCE);
            let is_approximate = recall.is_some();
            if points.len() < limit || is_complete || is_approximate {
                return Ok(Answered::Served(nearest));
            }
            limit = limit.saturating_mul(2);
            let max_limit = self.settings().largest_answer.max(2 * enough);
            if limit > max_limit && question.searched == SearchedPoints::Epochs {
                return Ok(Answered::Served(self.nearest_by_scan(question.query, request)?));
            }
        }
    }

    fn query(
        &self,
        question: &Question<'_>,
        recall: Option<f32>,
        filter: &Filter,
        limit: usize,
    ) -> Result<Vec<ScoredPoint>> {
        let Question { query, request, searched, .. } = question;
        let connection = &self.connection;
        let vector = match searched {
            SearchedPoints::Epochs => SIGNAL,
            SearchedPoints::Captions => CAPTION,
        };
        let request = QueryPoints {
            collection_name: connection.settings().url.collection().to_owned(),
            query: Some(query.as_slice().to_vec().into()),
            using: Some(vector.to_owned()),
            filter: Some(filter.clone()),
            params: Some(recall.map_or_else(exact, |recall| approximate(recall, limit))),
            score_threshold: request.min_score.map(|min| min - SCORE_TOLERANCE),
            limit: Some(limit as u64),
            with_payload: Some(true.into()),
            with_vectors: Some(vec![vector].into()),
            ..QueryPoints::default()
        };
        let answer = connection.ask("search", |client| {
            let request = request.clone();
            async move { client.query(request).await }
        })?;
        Ok(answer.result)
    }

    /// Scores the points of an answer by their vectors.
    fn score(&self, question: &Question<'_>, points: &[ScoredPoint]) -> Result<Answered> {
        let address = self.address();
        let mut scored = Vec::with_capacity(points.len());
        let mut unserved = BTreeSet::new();
        for ScoredPoint { id, payload, vectors, .. } in points {
            let (id, vectors) = (id.as_ref(), vectors.as_ref());
            let answer = PayloadReader { address: &address, id, payload, vectors };
            let recording = answer.recording()?;
            let Some(entry) = self.entry(&recording) else {
                unserved.insert(recording);
                continue;
            };
            if answer.text("content", "a hash")? != entry.segment.hash.to_string() {
                return Err(QdrantError::ReplacedRecording { address, recording }.into());
            }
            let point = RecordingPoint::read(&answer, self.space().dim)?;
            let score = cosine(question.query.as_slice(), &point.vector);
            scored.push(ScoredRecordingPoint { score, recording, point });
        }
        let is_served = unserved.is_empty();
        Ok(if is_served { Answered::Served(scored) } else { Answered::Unserved(unserved) })
    }
}

impl Question<'_> {
    /// Returns the filter of Qdrant; `None` if no point can match.
    fn filter<'a>(
        &self,
        entries: impl Iterator<Item = &'a RecordingEntry>,
        unserved: &BTreeSet<RecordingId>,
    ) -> Option<Filter> {
        let TranslatedFilter { mut filter, .. } =
            translate(&self.request.filter, self.searched, entries, unserved)?;
        if let Some(kinds) = self.kinds {
            if kinds.is_empty() {
                return None;
            }
            filter.must.push(one_of("kind", kinds.iter().map(|kind| kind.name())));
        }
        Some(filter)
    }
}

/// Applies the filter to points, whatever the server was asked.
struct RecordingConditions<'a> {
    filter: &'a crate::filter::Filter,
    /// By recording: `None` if the filter allows none of its epochs, `Some(None)` if it allows all.
    #[expect(clippy::option_option, reason = "the sentence above names both levels")]
    conditions: BTreeMap<RecordingId, Option<Option<Conditions>>>,
}

impl<'a> RecordingConditions<'a> {
    fn new(filter: &'a crate::filter::Filter) -> Self {
        Self { filter, conditions: BTreeMap::new() }
    }

    fn allows(&mut self, reader: &QdrantReader, scored: &ScoredRecordingPoint) -> bool {
        let Some(entry) = reader.entry(&scored.recording) else { return false };
        let conditions = self.conditions.entry(entry.id.clone());
        match conditions.or_insert_with(|| self.filter.conditions(entry)) {
            None => false,
            Some(None) => true,
            Some(Some(conditions)) => conditions.hold(entry, &scored.point.epoch),
        }
    }
}

impl ScoredRecordingPoint {
    /// Orders by descending score, then by recording, epoch and caption, as in a folder.
    pub(super) fn order(&self, other: &Self) -> Ordering {
        fn key(it: &ScoredRecordingPoint) -> (&RecordingId, EpochNumber, &PointKind) {
            (&it.recording, it.point.epoch.number, &it.point.kind)
        }
        other.score.total_cmp(&self.score).then_with(|| key(self).cmp(&key(other)))
    }
}

fn exact() -> SearchParams {
    let ignore = QuantizationSearchParams { ignore: Some(true), ..Default::default() };
    SearchParams { exact: Some(true), quantization: Some(ignore), ..SearchParams::default() }
}

/// Returns the parameters of a graph search: `hnsw_ef` is 64 for a recall of 0.9, 128 for 0.95, 640 for 0.99.
fn approximate(recall: f32, limit: usize) -> SearchParams {
    let (min, max) = EF_RANGE;
    let ef = (6.4 / (1.0 - recall)).clamp(min, max);
    SearchParams {
        hnsw_ef: Some((ef as u64).max(limit as u64)),
        exact: Some(false),
        quantization: Some(QuantizationSearchParams {
            ignore: Some(false),
            rescore: Some(true),
            oversampling: Some(2.0),
        }),
        ..SearchParams::default()
    }
}
