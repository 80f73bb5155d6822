//! Words, epochs and vectors to epochs.

use jiff::civil::DateTime;
use nocturne_encoder::{Embedding, EncodedText};
use nocturne_index::{Filter, Found, Hit, SearchRequest};
use nocturne_psg::EpochRef;
use serde::Serialize;

use crate::limits::{check_k, check_text};
use crate::served::Served;
use crate::{Error, LearnedConcept, Result};

/// What to look for.
#[derive(Debug, Clone, PartialEq)]
pub enum EpochQuery {
    /// A sentence.
    Text(String),
    /// An epoch of the collection; it is not among its own hits.
    Epoch(EpochRef),
    /// A vector of the bundle's space; it is brought to unit length.
    Vector(Vec<f32>),
    /// A learned concept; scores are its probabilities.
    Concept(LearnedConcept),
}

/// How many epochs are wanted, and which.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct EpochRequest {
    /// Most hits, 1 to 1000.
    pub k: usize,
    /// Which epochs may be hits.
    pub filter: Filter,
    /// Least score of a hit, included.
    pub min_score: Option<f32>,
    /// Share of the nearest that is to be found on average, above 0 and up to 1; without it, the engine's setting holds.
    pub recall: Option<f32>,
}

/// The answer to an epoch search.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EpochAnswer {
    /// The epochs, best first.
    pub hits: Vec<EpochHit>,
    /// How the text was understood; `None` for other queries.
    pub reading: Option<TextReading>,
    /// Recordings of the collection that are damaged, or not yet whole in Qdrant, and could not be searched.
    pub missing: Vec<String>,
    /// How the hits were found: `scan` looked at every epoch and missed none; others, such as
    /// `partitions (12 of 400 lists)`, may have missed some.
    pub plan: String,
}

/// An epoch that answers a question.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EpochHit {
    /// Name of the recording.
    pub recording: String,
    /// Place on the recording's 30-second grid.
    pub epoch: u32,
    /// Cosine to the query, or a probability where the question was one about a concept.
    pub score: f32,
    /// Begin in seconds from the start of the recording.
    pub onset_s: f64,
    /// Begin on the wall clock, ISO 8601 without a zone, where the recording tells it.
    pub local_time: Option<String>,
    /// The scored stage.
    pub stage: Option<nocturne_psg::Stage>,
    /// Kinds of scored event in the epoch.
    pub events: Vec<&'static str>,
    /// Channels that carried something.
    pub channels: Vec<&'static str>,
}

/// How a text was understood.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct TextReading {
    /// Whether its end was left out because it was too long.
    pub truncated: bool,
    /// Words that the bundle never met in its training.
    pub unknown_words: Vec<String>,
}

impl From<&EncodedText> for TextReading {
    fn from(text: &EncodedText) -> Self {
        Self { truncated: text.truncated, unknown_words: text.unknown_words.clone() }
    }
}

impl Served {
    /// See [`Engine::search_epochs`](crate::Engine::search_epochs).
    pub(crate) fn search_epochs(
        &self,
        query: &EpochQuery,
        EpochRequest { k, filter, min_score, recall }: EpochRequest,
    ) -> Result<EpochAnswer> {
        let k = check_k("top_k", k)?;
        if let Some(score) = min_score.filter(|score| !score.is_finite()) {
            return Err(Error::field("min_score", score, "a number"));
        }
        let is_concept = matches!(query, EpochQuery::Concept(_));
        let outside = |score: &f32| is_concept && !(0.0..=1.0).contains(score);
        if let Some(score) = min_score.filter(outside) {
            return Err(Error::field("min_score", score, "a probability from 0 to 1"));
        }
        let snapshot = self.snapshot();
        let mut request = SearchRequest { k, filter, min_score, recall: self.recall(recall)? };
        let (embedding, reading) = match query {
            EpochQuery::Text(text) => {
                let encoded = self.bundle.texts.encode_one(check_text("text", text)?)?;
                let reading = TextReading::from(&encoded);
                (encoded.embedding, Some(reading))
            }
            EpochQuery::Epoch(epoch) => {
                request.filter.excluded_epochs.insert(epoch.clone());
                (snapshot.embedding(epoch)?, None)
            }
            EpochQuery::Vector(vector) => (self.checked_vector(vector)?, None),
            EpochQuery::Concept(concept) => {
                self.expect_concept(concept)?;
                request.min_score = min_score.map(|probability| concept.cosine_at(probability));
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

    fn checked_vector(&self, vector: &[f32]) -> Result<Embedding> {
        let expected = self.bundle.manifest.embedding_dim;
        if vector.len() != expected {
            return Err(Error::field(
                "vector",
                format!("{} numbers long", vector.len()),
                format!("{expected} numbers"),
            ));
        }
        Embedding::new(vector.to_vec()).map_err(|_| {
            Error::field("vector", "without a direction", "finite numbers that are not all zero")
        })
    }
}

impl EpochHit {
    /// Says what is known of a hit in a recording that began at `start`.
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
