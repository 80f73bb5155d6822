//! Searches a collection in Qdrant.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

use nocturne_encoder::Embedding;
use nocturne_psg::caption::CaptionKind;
use nocturne_psg::{EpochNumber, EpochRef, RecordingId};
use qdrant_client::qdrant::{
    CountPoints, Filter, QuantizationSearchParams, QueryPoints, ScoredPoint, SearchParams,
};

use super::filter::{Translated, Wanted, one_of, translate};
use super::night::{CaptionRow, NightPoint, PointRow};
use super::pass::Damaged;
use super::payload::Answer;
use super::schema::{CAPTION, SIGNAL};
use super::{QdrantCollection, QdrantProblem, QdrantSettings};
use crate::contract::expect_dim;
use crate::contract::{Found, Hit, Plan, Recordings, SearchRequest, VectorIndex};
use crate::error::{Error, Result};
use crate::filter::Conditions;
use crate::recording::cosine;
use crate::recording::{CaptionHit, RecordingEntry, Space};
use crate::storage::MissingRecording;

/// Points that are asked for beyond those that are wanted, so that a tie at the end is seen whole.
const BEYOND: usize = 16;

/// Points that are asked for first where there is a least score: what a search costs follows from their number, not from
/// how many are found.
const FIRST_ABOVE: usize = 256;

/// How far the server's score may be from ours: both sum products of single precision, in different orders.
const ROUNDING: f32 = 1e-5;

/// Candidates in a search of the graph, at least and at most.
const CANDIDATES: (f32, f32) = (64.0, 1024.0);

/// Every acknowledged recording of a collection in Qdrant.
///
/// Without a [`recall`](SearchRequest::recall), or with 1, the server compares the query with every vector that the filter
/// allows. With less it walks its graph by 8-bit codes and rescores twice as many candidates as are wanted. A walk that comes
/// back with too few hits, and every question with a least score, is asked exactly.
///
/// Vectors come with the hits, about 2.5 kB each; scores and order are computed from them here, and so is whether the
/// filter allows them: where Qdrant has no words for a condition, more are asked for until enough are left.
#[derive(Debug)]
pub struct QdrantIndex {
    collection: QdrantCollection,
    pub(super) damaged: Damaged,
}

impl QdrantIndex {
    /// Reads the list of recordings.
    ///
    /// # Errors
    ///
    /// Those of [`QdrantCollection::open`].
    pub fn open(settings: QdrantSettings) -> Result<Self> {
        Ok(Self::new(QdrantCollection::open(settings)?))
    }

    /// Takes a list of recordings that was read.
    pub fn new(collection: QdrantCollection) -> Self {
        Self { collection, damaged: Damaged::default() }
    }

    /// Returns the list of recordings.
    pub fn collection(&self) -> &QdrantCollection {
        &self.collection
    }

    /// Returns whether no writer has gone on since.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open).
    pub fn is_current(&self) -> Result<bool> {
        self.collection.is_current()
    }

    /// Returns the recordings that are in no answer: because their upload had not ended when the list was read, or because
    /// [`score_all`](Self::score_all) found that they are damaged.
    pub fn missing(&self) -> Vec<MissingRecording> {
        let missing = |recording: &RecordingId| MissingRecording {
            recording: recording.clone(),
            path: self.collection.place().into(),
            offset: 0,
            problem: "its upload has not ended".to_owned(),
        };
        self.collection.pending().map(missing).chain(self.damaged.all()).collect()
    }

    /// Returns how many epochs a filter allows.
    ///
    /// # Errors
    ///
    /// [`QdrantProblem::Changed`] where a writer has gone on since the list was read, and those of
    /// [`find`](VectorIndex::find).
    pub fn count(&self, filter: &crate::filter::Filter) -> Result<usize> {
        self.expect_recordings(filter)?;
        let (list, unserved) = (self.collection.recordings(), &self.collection.manifest.pending);
        let filter = match translate(filter, Wanted::Epochs, list, unserved) {
            None => return Ok(0),
            Some(Translated { is_whole: false, .. }) => return self.count_here(filter),
            Some(Translated { filter, .. }) => filter,
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
            return Err(Error::Qdrant(QdrantProblem::Changed { place: self.collection.place() }));
        }
        Ok(answer.result.map_or(0, |result| result.count as usize))
    }

    /// Counts the epochs that a filter allows recording by recording.
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
        let question = Question { query, request, wanted: Wanted::Captions, kinds };
        let candidates = self.candidates(&question)?.0;
        let hits = candidates.into_iter().filter_map(|Candidate { score, recording, point }| {
            let PointRow::Caption(CaptionRow { kind, text, .. }) = point.row else { return None };
            let epoch = EpochRef { recording, epoch: point.epoch.number };
            Some(CaptionHit { epoch, score, kind, text })
        });
        Ok(hits.collect())
    }

    /// Refuses a filter that names what is not there.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownRecording`] and [`Error::Filter`].
    pub fn expect_recordings(&self, filter: &crate::filter::Filter) -> Result<()> {
        let entries = self.collection.entries();
        filter.check(&entries.iter().copied())?;
        let mut named = filter.recordings.iter().flatten();
        named.try_for_each(|id| self.collection.acknowledged(id).map(|_| ()))
    }

    /// Returns the best points, and whether every one was looked at.
    fn candidates(&self, question: &Question<'_>) -> Result<(Vec<Candidate>, bool)> {
        let Question { query, request, .. } = question;
        expect_dim(self.space(), query)?;
        self.expect_recordings(&request.filter)?;
        let recall = request.recall.unwrap_or(1.0);
        if request.k > 0 && recall < 1.0 && request.min_score.is_none() {
            let best = self.served(question, Some(recall))?;
            if best.len() == request.k {
                return Ok((best, false));
            }
        }
        Ok((self.served(question, None)?, true))
    }

    /// Asks until no recording is among the answers that is not served: points of a recording that is being sent are there
    /// before it is acknowledged.
    fn served(&self, question: &Question<'_>, recall: Option<f32>) -> Result<Vec<Candidate>> {
        let mut unserved = self.collection.manifest.pending.clone();
        loop {
            let list = self.collection.recordings();
            let Some(filter) = question.filter(list, &unserved) else { return Ok(vec![]) };
            match self.best(question, recall, &filter)? {
                Best::Served(best) => return Ok(best),
                Best::Unserved(recordings) => unserved.extend(recordings),
            }
        }
    }

    /// Asks for more and more points, until those that are wanted are surely among them.
    fn best(&self, question: &Question<'_>, recall: Option<f32>, filter: &Filter) -> Result<Best> {
        let Question { request, .. } = question;
        if request.k == 0 {
            return Ok(Best::Served(vec![]));
        }
        // Beyond what the collection has, nobody need ask.
        let all = self.collection.recordings().map(|it| it.n_epochs + it.n_captions).sum::<usize>();
        let enough = request.k.min(all).saturating_add(BEYOND);
        let mut limit = if request.min_score.is_some() { enough.min(FIRST_ABOVE) } else { enough };
        loop {
            let points = self.query(question, recall, filter, limit)?;
            let candidates = match self.read(question, &points)? {
                Best::Served(candidates) => candidates,
                unserved @ Best::Unserved(_) => return Ok(unserved),
            };
            let worst = candidates.iter().map(|it| it.score).fold(f32::INFINITY, f32::min);
            let mut allowed = Allowed { filter: &request.filter, conditions: BTreeMap::new() };
            let mut best = Vec::new();
            for candidate in candidates {
                if request.accepts(candidate.score) && allowed.allows(&self.collection, &candidate)
                {
                    best.push(candidate);
                }
            }
            best.sort_by(Candidate::order);
            best.truncate(request.k);
            let is_settled = best.len() == request.k
                && best.last().is_some_and(|last| worst < last.score - ROUNDING);
            let is_walk = recall.is_some();
            if points.len() < limit || is_settled || is_walk {
                return Ok(Best::Served(best));
            }
            limit = limit.saturating_mul(2);
            let is_too_large = limit > self.collection.settings().largest_answer.max(2 * enough);
            if is_too_large && question.wanted == Wanted::Epochs {
                return Ok(Best::Served(self.best_of_pass(question.query, request)?));
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
        let Question { query, request, wanted, .. } = question;
        let connection = &self.collection.connection;
        let vector = match wanted {
            Wanted::Epochs => SIGNAL,
            Wanted::Captions => CAPTION,
        };
        let request = QueryPoints {
            collection_name: connection.settings().url.collection().to_owned(),
            query: Some(query.as_slice().to_vec().into()),
            using: Some(vector.to_owned()),
            filter: Some(filter.clone()),
            params: Some(recall.map_or_else(exact, |recall| walk(recall, limit))),
            score_threshold: request.min_score.map(|least| least - ROUNDING),
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

    /// Reads points and scores them.
    fn read(&self, question: &Question<'_>, points: &[ScoredPoint]) -> Result<Best> {
        let place = self.collection.place();
        let mut candidates = Vec::with_capacity(points.len());
        let mut unserved = BTreeSet::new();
        for ScoredPoint { id, payload, vectors, .. } in points {
            let answer =
                Answer { place: &place, id: id.as_ref(), payload, vectors: vectors.as_ref() };
            let recording = answer.recording()?;
            let Some(entry) = self.collection.entry(&recording) else {
                unserved.insert(recording);
                continue;
            };
            if answer.text("content", "a hash")? != entry.segment.hash.to_string() {
                return Err(Error::Qdrant(QdrantProblem::Replaced { place, recording }));
            }
            let point = NightPoint::read(&answer, self.space().dim)?;
            let score = cosine(question.query.as_slice(), &point.vector);
            candidates.push(Candidate { score, recording, point });
        }
        Ok(if unserved.is_empty() { Best::Served(candidates) } else { Best::Unserved(unserved) })
    }
}

impl VectorIndex for QdrantIndex {
    fn space(&self) -> &Space {
        self.collection.space()
    }

    fn n_epochs(&self) -> usize {
        self.collection.n_epochs()
    }

    /// Beside the errors of the trait: [`QdrantProblem::Replaced`] where a recording was replaced after the list was read,
    /// [`QdrantProblem::Refused`] and [`QdrantProblem::Point`].
    fn find(&self, query: &Embedding, request: &SearchRequest) -> Result<Found> {
        let question = Question { query, request, wanted: Wanted::Epochs, kinds: None };
        let (candidates, is_exact) = self.candidates(&question)?;
        let hits = candidates.into_iter().map(|Candidate { score, recording, point }| Hit {
            epoch: EpochRef { recording, epoch: point.epoch.number },
            score,
            onset_s: point.epoch.onset_s,
            stage: point.epoch.stage,
            mask: point.epoch.mask,
            events: point.epoch.events,
        });
        Ok(Found { hits: hits.collect(), plan: Plan::Qdrant { is_exact } })
    }
}

/// What is asked.
struct Question<'a> {
    query: &'a Embedding,
    request: &'a SearchRequest,
    wanted: Wanted,
    kinds: Option<&'a BTreeSet<CaptionKind>>,
}

impl Question<'_> {
    fn filter<'a>(
        &self,
        list: impl Iterator<Item = &'a RecordingEntry>,
        unserved: &BTreeSet<RecordingId>,
    ) -> Option<Filter> {
        let Translated { mut filter, .. } =
            translate(&self.request.filter, self.wanted, list, unserved)?;
        if let Some(kinds) = self.kinds {
            if kinds.is_empty() {
                return None;
            }
            filter.must.push(one_of("kind", kinds.iter().map(|kind| kind.name())));
        }
        Some(filter)
    }
}

/// The points of an answer.
enum Best {
    /// All of them are of recordings that are served.
    Served(Vec<Candidate>),
    /// These are not.
    Unserved(BTreeSet<RecordingId>),
}

pub(super) struct Candidate {
    pub(super) score: f32,
    pub(super) recording: RecordingId,
    pub(super) point: NightPoint,
}

/// Decides about candidates by the filter itself, whatever the server was asked.
struct Allowed<'a> {
    filter: &'a crate::filter::Filter,
    /// For each recording met so far: nothing where none of its epochs is allowed, and no conditions where all are.
    #[expect(clippy::option_option, reason = "both levels are named in the sentence above")]
    conditions: BTreeMap<RecordingId, Option<Option<Conditions>>>,
}

impl Allowed<'_> {
    fn allows(&mut self, collection: &QdrantCollection, candidate: &Candidate) -> bool {
        let Some(entry) = collection.entry(&candidate.recording) else { return false };
        let conditions = self.conditions.entry(entry.id.clone());
        match conditions.or_insert_with(|| self.filter.conditions(entry)) {
            None => false,
            Some(None) => true,
            Some(Some(conditions)) => conditions.hold(entry, &candidate.point.epoch),
        }
    }
}

impl Candidate {
    /// The better one is less.
    pub(super) fn order(&self, other: &Self) -> Ordering {
        fn place(it: &Candidate) -> (&RecordingId, EpochNumber, &PointRow) {
            (&it.recording, it.point.epoch.number, &it.point.row)
        }
        other.score.total_cmp(&self.score).then_with(|| place(self).cmp(&place(other)))
    }
}

fn exact() -> SearchParams {
    let ignore = QuantizationSearchParams { ignore: Some(true), ..Default::default() };
    SearchParams { exact: Some(true), quantization: Some(ignore), ..SearchParams::default() }
}

/// Returns how wide the graph is walked: 64 candidates for 0.9, 128 for 0.95, 640 for 0.99.
fn walk(recall: f32, limit: usize) -> SearchParams {
    let (least, most) = CANDIDATES;
    let candidates = (6.4 / (1.0 - recall)).clamp(least, most);
    SearchParams {
        hnsw_ef: Some((candidates as u64).max(limit as u64)),
        exact: Some(false),
        quantization: Some(QuantizationSearchParams {
            ignore: Some(false),
            rescore: Some(true),
            oversampling: Some(2.0),
        }),
        ..SearchParams::default()
    }
}
