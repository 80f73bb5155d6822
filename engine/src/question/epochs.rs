//! Texts, epochs, vectors and learned concepts to epochs.

use jiff::civil::DateTime;
use nocturne_encoder::{Embedding, EncodedText};
use nocturne_index::{Filter, Found, Hit, SearchRequest};
use nocturne_psg::EpochRef;
use serde::Serialize;

use crate::error::{Error, Result};
use crate::live::live_collection::PinnedSpace;
use crate::question::learned_concept::{LearnedConcept, expect_concept};
use crate::question::limits::{check_hits, check_text};
use crate::question::threshold::Threshold;

/// What to search for.
#[derive(Debug, Clone, PartialEq)]
pub enum EpochQuery {
    /// A sentence.
    Text(String),
    /// An epoch of the collection; it is not among its own hits.
    Epoch(EpochRef),
    /// A vector of the bundle's embedding space; it is normalised to unit length.
    Vector(Vec<f32>),
    /// A learned concept; scores are its probabilities.
    Concept(LearnedConcept),
}

/// How many epochs to find, and which.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EpochRequest {
    /// Maximum number of hits (1–1000).
    pub k: usize,
    /// Which epochs may be hits.
    pub filter: Filter,
    /// Minimum score: a probability for [`EpochQuery::Concept`], a cosine for every other query.
    pub min_score: Option<Threshold>,
    /// Mean share of the true nearest epochs to find, in (0, 1]. `None` uses the engine's default.
    pub recall: Option<f32>,
}

/// The answer to an epoch search.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EpochAnswer {
    /// The epochs, best first.
    pub hits: Vec<EpochHit>,
    /// How the text was read; `None` for other queries.
    pub reading: Option<TextReading>,
    /// Recordings that were not searched: damaged, or not yet completely uploaded to Qdrant.
    pub missing: Vec<String>,
    /// How the hits were found: `scan` is exact; other plans may have missed some of the nearest.
    pub plan: String,
}

/// An epoch that answers a question.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EpochHit {
    /// Name of the recording.
    pub recording: String,
    /// Number of the epoch, from 0.
    pub epoch: u32,
    /// Cosine to the query, or a probability if the query is a concept.
    pub score: f32,
    /// Onset in seconds from the start of the recording.
    pub onset_s: f64,
    /// Onset on the wall clock, ISO 8601 without a zone; `None` if the recording has no start time.
    pub local_time: Option<String>,
    /// The scored stage.
    pub stage: Option<nocturne_psg::Stage>,
    /// Kinds of scored event in the epoch.
    pub events: Vec<&'static str>,
    /// Channels that carry a signal.
    pub channels: Vec<&'static str>,
}

/// How a text was read.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct TextReading {
    /// Whether the text was too long and its end was cut off.
    pub truncated: bool,
    /// Words that do not occur in the bundle's training data.
    pub unknown_words: Vec<String>,
}

impl From<&EncodedText> for TextReading {
    fn from(text: &EncodedText) -> Self {
        Self { truncated: text.truncated, unknown_words: text.unknown_words.clone() }
    }
}

/// See [`Engine::search_epochs`](crate::Engine::search_epochs).
pub(crate) fn search_epochs(
    space: &PinnedSpace,
    query: &EpochQuery,
    EpochRequest { k, filter, min_score, recall }: EpochRequest,
) -> Result<EpochAnswer> {
    let k = check_hits("top_k", k)?;
    let snapshot = space.snapshot();
    let min_cosine = min_score.map(|it| min_cosine(query, it)).transpose()?;
    let recall = space.recall(recall)?;
    let mut request = SearchRequest { k, filter, min_score: min_cosine, recall };
    let (embedding, reading) = match query {
        EpochQuery::Text(text) => {
            let encoded = space.bundle.texts.encode_one(check_text("text", text)?)?;
            let reading = TextReading::from(&encoded);
            (encoded.embedding, Some(reading))
        }
        EpochQuery::Epoch(epoch) => {
            request.filter.excluded_epochs.insert(epoch.clone());
            (snapshot.embedding(epoch)?, None)
        }
        EpochQuery::Vector(vector) => (checked_vector(space, vector)?, None),
        EpochQuery::Concept(concept) => {
            expect_concept(space, concept)?;
            (concept.direction.clone(), None)
        }
    };
    let Found { mut hits, plan } = snapshot.find(&embedding, &request)?;
    if let EpochQuery::Concept(concept) = query {
        hits.iter_mut().for_each(|hit| hit.score = concept.calibration.probability(hit.score));
    }
    let start = |hit: &Hit| snapshot.entry(&hit.epoch.recording).and_then(|entry| entry.start);
    let hits = hits.iter().map(|hit| EpochHit::of(hit, start(hit))).collect();
    let missing = snapshot.missing().into_iter().map(|(id, _)| id.to_string()).collect();
    Ok(EpochAnswer { hits, reading, missing, plan: plan.to_string() })
}

/// Returns the minimum cosine of a hit.
fn min_cosine(query: &EpochQuery, min_score: Threshold) -> Result<f32> {
    match query {
        EpochQuery::Concept(concept) => {
            Ok(concept.cosine_at(min_score.expect_probability("min_score")?))
        }
        EpochQuery::Text(_) | EpochQuery::Epoch(_) | EpochQuery::Vector(_) => {
            min_score.expect_cosine("min_score")
        }
    }
}

fn checked_vector(space: &PinnedSpace, vector: &[f32]) -> Result<Embedding> {
    let expected = space.bundle.manifest.embedding_dim;
    if vector.len() != expected {
        let value = format!("{} numbers long", vector.len());
        return Err(Error::field("vector", value, format!("{expected} numbers")));
    }
    Embedding::new(vector.to_vec()).map_err(|_| {
        Error::field("vector", "without a direction", "finite numbers, not all of them zero")
    })
}

impl EpochHit {
    /// Describes a hit in a recording that starts at `start`.
    pub(crate) fn of(hit: &Hit, start: Option<DateTime>) -> Self {
        let onset = jiff::SignedDuration::from_millis((hit.onset_s * 1e3).round() as i64);
        Self {
            recording: hit.epoch.recording.to_string(),
            epoch: hit.epoch.epoch.0,
            score: hit.score,
            onset_s: hit.onset_s,
            local_time: start
                .and_then(|start| start.checked_add(onset).ok())
                .map(|time| time.to_string()),
            stage: hit.stage,
            events: hit.events.iter().map(nocturne_psg::EventKind::name).collect(),
            channels: hit.mask.iter().map(nocturne_psg::montage::Channel::name).collect(),
        }
    }
}
