//! Epoch search: finds the epochs nearest to a text, an epoch, a vector or a learned concept.

use jiff::civil::DateTime;
use nocturne_concepts::Concept;
use nocturne_encoder::{Embedding, EncodedText};
use nocturne_index::{Filter, Hit, SearchAnswer, SearchRequest};
use nocturne_psg::EpochRef;
use serde::Serialize;

use crate::error::{Error, Result};
use crate::grammar::{Expression, Named, named_concepts, parse_expression};
use crate::live::live_collection::PinnedSpace;
use crate::question::learned_concept::{LearnedConcept, expect_concept};
use crate::question::limits::{check_hits, check_text};
use crate::question::nights::answer::SkippedNight;
use crate::question::threshold::Threshold;
use crate::question::{epochs_by_tracks, free_words};

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
    /// What the scores of the hits are.
    pub score: ScoreKind,
    /// How the text was read; `None` for other queries.
    pub reading: Option<TextReading>,
    /// Whether a text names concepts that none of the hits shows, by the probabilities of the model: nothing matches.
    pub nothing_matches: bool,
    /// Recordings that cannot answer, for example because no channel shows what was asked.
    pub skipped: Vec<SkippedNight>,
    /// Recordings that were not searched: damaged, or not yet completely uploaded to Qdrant.
    pub missing: Vec<String>,
    /// How the hits were found: `scan` and `qdrant exact` are exact; other plans, such as `ivf (12 of 400 lists)`, may have
    /// missed some of the nearest. See [`SearchPlan`](nocturne_index::SearchPlan).
    pub plan: String,
}

/// What a score is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ScoreKind {
    /// The cosine to the query.
    Cosine,
    /// The probability of the concept or expression.
    Probability,
}

/// An epoch that answers a question.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EpochHit {
    /// Name of the recording.
    pub recording: String,
    /// Number of the epoch, from 0.
    pub epoch: u32,
    /// Cosine or probability; see [`EpochAnswer::score`].
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
    /// The expression over concepts that the text was read as, such as `N2 & !arousal`; `None` if it was encoded.
    pub typed: Option<String>,
}

impl From<&EncodedText> for TextReading {
    fn from(text: &EncodedText) -> Self {
        Self { truncated: text.truncated, unknown_words: text.unknown_words.clone(), typed: None }
    }
}

/// See [`Engine::search_epochs`](crate::Engine::search_epochs).
pub(crate) fn search_epochs(
    space: &PinnedSpace,
    query: &EpochQuery,
    EpochRequest { k, ref filter, min_score, recall }: EpochRequest,
) -> Result<EpochAnswer> {
    let k = check_hits("top_k", k)?;
    let snapshot = space.snapshot();
    let min_cosine = min_score.map(|it| min_cosine(query, it)).transpose()?;
    let recall = space.recall(recall)?;
    let vector = match query_vector(space, query)? {
        QueryAnswer::Nearest(vector) => vector,
        QueryAnswer::FromTracks(expression) => {
            return epochs_by_tracks::search(space, &expression, (k, filter), min_cosine);
        }
    };
    let QueryVector { embedding, reading, concepts: named } = vector;
    let mut allowed = filter.clone();
    if !named.is_empty() {
        snapshot.check_filter(filter)?;
        allowed = free_words::with_channels_of(allowed, &named)?;
    }
    if let EpochQuery::Epoch(epoch) = query {
        allowed.excluded_epochs.insert(epoch.clone());
    }
    let request = SearchRequest { k, filter: allowed, min_score: min_cosine, recall };
    let SearchAnswer { mut hits, plan } = snapshot.find(&embedding, &request)?;
    if hits.is_empty() && !named.is_empty() {
        let any = SearchRequest { k: 1, filter: filter.clone(), ..request.clone() };
        if !snapshot.find(&embedding, &any)?.hits.is_empty() {
            return Err(free_words::no_channels(&named));
        }
    }
    if let EpochQuery::Concept(concept) = query {
        hits.iter_mut().for_each(|hit| hit.score = concept.curve.probability(hit.score));
    }
    let start = |hit: &Hit| snapshot.entry(&hit.epoch.recording).and_then(|entry| entry.start);
    let found: Vec<_> =
        hits.iter().map(|hit| (hit.epoch.recording.clone(), hit.epoch.epoch.0)).collect();
    let nothing_matches = free_words::matches_nothing(space, &named, &found)?;
    let hits = hits.iter().map(|hit| EpochHit::of(hit, start(hit))).collect();
    let missing = snapshot.missing().into_iter().map(|(id, _)| id.to_string()).collect();
    let is_concept = matches!(query, EpochQuery::Concept(_));
    Ok(EpochAnswer {
        hits,
        score: if is_concept { ScoreKind::Probability } else { ScoreKind::Cosine },
        reading,
        nothing_matches,
        skipped: Vec::new(),
        missing,
        plan: plan.to_string(),
    })
}

/// How a query is answered.
pub(crate) enum QueryAnswer<'a> {
    /// By the epochs nearest to a vector.
    Nearest(QueryVector<'a>),
    /// From tracks: an expression over concepts has no vector.
    FromTracks(Expression),
}

/// The vector of a query.
pub(crate) struct QueryVector<'a> {
    pub(crate) embedding: Embedding,
    /// How the text was read; `None` for other queries.
    pub(crate) reading: Option<TextReading>,
    /// The known concepts that a text names.
    pub(crate) concepts: Vec<&'a Concept>,
}

/// Returns the vector of a query, if it is answered by one.
///
/// # Errors
///
/// Those of [`search_epochs`].
pub(crate) fn query_vector<'a>(
    space: &'a PinnedSpace,
    query: &EpochQuery,
) -> Result<QueryAnswer<'a>> {
    let embedding = match query {
        EpochQuery::Text(text) => {
            let text = check_text("text", text)?;
            let concepts = match read(space, text)? {
                TextMeaning::Expression(expression) => {
                    return Ok(QueryAnswer::FromTracks(expression));
                }
                TextMeaning::Words(concepts) => concepts,
            };
            let (embedding, reading) = free_words::encode(space, text)?;
            let vector = QueryVector { embedding, reading: Some(reading), concepts };
            return Ok(QueryAnswer::Nearest(vector));
        }
        EpochQuery::Epoch(epoch) => space.snapshot().embedding(epoch)?,
        EpochQuery::Vector(vector) => checked_vector(space, vector)?,
        EpochQuery::Concept(concept) => expect_concept(space, concept)?.direction.clone(),
    };
    Ok(QueryAnswer::Nearest(QueryVector { embedding, reading: None, concepts: Vec::new() }))
}

/// What a text asks for.
enum TextMeaning<'a> {
    /// An expression over concepts, answered from tracks.
    Expression(Expression),
    /// Words for the encoder, and the known concepts among them.
    Words(Vec<&'a Concept>),
}

/// Reads a text: negation, signs, times and what no channel of the encoder shows are expressions over concepts.
fn read<'a>(space: &'a PinnedSpace, text: &str) -> Result<TextMeaning<'a>> {
    let registry = space.bundle.registry();
    let unreadable =
        |problem: crate::grammar::Unreadable| Error::Unreadable(Box::new(problem.in_search()));
    if let Some(expression) = parse_expression(text, registry).map_err(unreadable)? {
        return Ok(TextMeaning::Expression(expression));
    }
    Ok(match named_concepts(text, registry).map_err(unreadable)? {
        Named::ForTheTracks(expression) => TextMeaning::Expression(expression),
        Named::ForTheEncoder(concepts) => TextMeaning::Words(concepts),
    })
}

/// Returns the minimum cosine of a hit; for a concept, the cosine at which its probability is `min_score`.
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

/// Returns a vector of the right length, normalised.
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

#[cfg(test)]
mod tests {
    use nocturne_encoder::ConceptTarget;
    use nocturne_psg::{EpochNumber, EventKind, Stage};

    use super::*;
    use crate::question::learned_concept::CosineCurve;
    use crate::tests::collections::{night, pinned};
    use crate::tests::models::{DIM, FREE_WORDS, vector};

    const CURVE: CosineCurve = CosineCurve { slope: 20.0, offset: -6.0, threshold: 0.5 };

    fn numbers(answer: &EpochAnswer) -> Vec<(&str, u32)> {
        answer.hits.iter().map(|hit| (hit.recording.as_str(), hit.epoch)).collect()
    }

    fn request(k: usize) -> EpochRequest {
        EpochRequest { k, ..EpochRequest::default() }
    }

    fn epoch(recording: &str, number: u32) -> EpochRef {
        EpochRef { recording: recording.parse().unwrap(), epoch: EpochNumber(number) }
    }

    fn concept(fingerprint: &str) -> LearnedConcept {
        LearnedConcept {
            fingerprint: fingerprint.to_owned(),
            target: ConceptTarget::Event(EventKind::Arousal),
            direction: Embedding::new(vector(&[(Stage::N3.index(), 1.0)])).unwrap(),
            curve: CURVE,
        }
    }

    #[test]
    fn text_finds_the_nearest_epochs_best_first() {
        let (_folder, space) = pinned([night("a", "W2!3"), night("b", "32W")]);
        let query = EpochQuery::Text("deep sleep".to_owned());
        let answer = search_epochs(&space, &query, request(2)).unwrap();
        assert_eq!(numbers(&answer), [("a", 2), ("b", 0)]);
        assert_eq!(answer.hits[0].stage, Some(Stage::N3));
        assert!((answer.hits[0].score - 1.0).abs() < 1e-3, "{answer:?}");
        assert_eq!(answer.reading, Some(TextReading::default()));
        assert!(answer.missing.is_empty());
    }

    #[test]
    fn words_unknown_to_the_bundle_are_reported() {
        let (_folder, space) = pinned([night("a", "W2")]);
        let query = EpochQuery::Text(FREE_WORDS.to_owned());
        let error = search_epochs(&space, &query, request(1)).unwrap_err().to_string();
        // One of two words that say something is unknown.
        assert!(error.contains("character 14, at `saw`"), "{error}");
    }

    #[test]
    fn negation_is_answered_from_tracks() {
        let (_folder, space) = pinned([night("a", "W22!2"), night("b", "2!R")]);
        let query = EpochQuery::Text("N2 sleep without arousals".to_owned());
        let answer = search_epochs(&space, &query, request(2)).unwrap();
        assert_eq!(answer.score, ScoreKind::Probability);
        assert_eq!(answer.reading.unwrap().typed.as_deref(), Some("N2 & !arousal"));
        let mut found: Vec<_> =
            answer.hits.iter().map(|hit| (hit.recording.as_str(), hit.epoch)).collect();
        found.sort_unstable();
        assert_eq!(found, [("a", 1), ("a", 3)]);
    }

    #[test]
    fn concept_without_its_channels_is_refused() {
        use nocturne_psg::montage::{Channel, ChannelMask};
        let mut draft = night("a", "W2!3");
        draft
            .epochs
            .iter_mut()
            .for_each(|epoch| epoch.mask = ChannelMask::from_iter([Channel::Ecg]));
        let (_folder, space) = pinned([draft]);
        let query = EpochQuery::Text("arousals".to_owned());
        let error = search_epochs(&space, &query, request(1)).unwrap_err().to_string();
        assert!(error.contains("`arousal` needs the channel"), "{error}");
        assert!(error.ends_with("which no epoch of the recordings has"), "{error}");
    }

    #[test]
    fn position_is_read_from_its_channel_and_not_guessed() {
        let (_folder, space) = pinned([night("a", "W2!3")]);
        let query = EpochQuery::Text("supine".to_owned());
        let error = search_epochs(&space, &query, request(1)).unwrap_err().to_string();
        assert!(error.contains("`supine` needs a position signal"), "{error}");
    }

    #[test]
    fn concept_that_no_hit_shows_is_said_to_match_nothing() {
        let (_folder, space) = pinned([night("a", "2233")]);
        let ask = |text: &str| {
            search_epochs(&space, &EpochQuery::Text(text.to_owned()), request(2)).unwrap()
        };
        assert!(ask("arousals").nothing_matches);
        assert!(!ask("deep sleep").nothing_matches);
    }

    #[test]
    fn epoch_is_not_among_its_own_hits() {
        let (_folder, space) = pinned([night("a", "323"), night("b", "3")]);
        let answer = search_epochs(&space, &EpochQuery::Epoch(epoch("a", 0)), request(10)).unwrap();
        assert_eq!(numbers(&answer), [("a", 2), ("b", 0), ("a", 1)]);
        assert_eq!(answer.reading, None);
    }

    #[test]
    fn unknown_epochs_and_recordings_are_errors() {
        use nocturne_index::Error::{UnknownEpoch, UnknownRecording};
        let (_folder, space) = pinned([night("a", "3")]);
        let ask = |epoch| search_epochs(&space, &EpochQuery::Epoch(epoch), request(1)).unwrap_err();
        assert!(matches!(ask(epoch("a", 7)), Error::Index(UnknownEpoch { .. })));
        assert!(matches!(ask(epoch("b", 0)), Error::Index(UnknownRecording { .. })));
    }

    #[test]
    fn vector_is_normalised_and_must_have_the_dimensions_of_the_space() {
        let (_folder, space) = pinned([night("a", "23")]);
        let long = vector(&[(Stage::N3.index(), 1.0)]).iter().map(|it| 7.0 * it).collect();
        let answer = search_epochs(&space, &EpochQuery::Vector(long), request(1)).unwrap();
        assert!((answer.hits[0].score - 1.0).abs() < 1e-3, "{answer:?}");
        let refusal = |vector: Vec<f32>| {
            let error = search_epochs(&space, &EpochQuery::Vector(vector), request(1));
            error.unwrap_err().to_string()
        };
        let expected = "`vector` is 2 numbers long; expected 8 numbers";
        assert_eq!(refusal(vec![1.0, 0.0]), expected);
        let expected =
            "`vector` is without a direction; expected finite numbers, not all of them zero";
        assert_eq!(refusal(vec![0.0; DIM]), expected);
        assert_eq!(refusal(vec![f32::NAN; DIM]), expected);
    }

    #[test]
    fn scores_of_a_concept_are_probabilities() {
        let (_folder, space) = pinned([night("a", "W3")]);
        let query = EpochQuery::Concept(concept("5d41"));
        let answer = search_epochs(&space, &query, request(2)).unwrap();
        assert_eq!(numbers(&answer), [("a", 1), ("a", 0)]);
        for (hit, cosine) in answer.hits.iter().zip([1.0, 0.0]) {
            let expected = CURVE.probability(cosine);
            assert!((hit.score - expected).abs() < 1e-3, "{hit:?}");
        }
        let min_score = Some(Threshold::Probability(0.5));
        let answer =
            search_epochs(&space, &query, EpochRequest { min_score, ..request(2) }).unwrap();
        assert_eq!(numbers(&answer), [("a", 1)]);
    }

    #[test]
    fn concept_of_another_bundle_is_refused() {
        let (_folder, space) = pinned([night("a", "W3")]);
        let query = EpochQuery::Concept(concept("f00"));
        let error = search_epochs(&space, &query, request(2)).unwrap_err();
        let expected =
            "`concept` is learned on another bundle; expected one that was learned on `small`";
        assert_eq!(error.to_string(), expected);
    }

    #[test]
    fn minimum_score_is_included() {
        let (_folder, space) = pinned([night("a", "W3")]);
        let query = EpochQuery::Vector(vector(&[(Stage::N3.index(), 1.0)]));
        let least =
            |cosine| EpochRequest { min_score: Some(Threshold::Cosine(cosine)), ..request(10) };
        assert_eq!(search_epochs(&space, &query, least(0.9)).unwrap().hits.len(), 1);
        assert_eq!(search_epochs(&space, &query, least(-1.0)).unwrap().hits.len(), 2);
        let error = search_epochs(&space, &query, least(f32::NAN)).unwrap_err();
        assert_eq!(error.to_string(), "`min_score` is NaN; expected a number");
    }

    #[test]
    fn requests_out_of_range_are_refused() {
        let (_folder, space) = pinned([night("a", "W3")]);
        let query = EpochQuery::Text("sleep".to_owned());
        let refusal =
            |request: EpochRequest| search_epochs(&space, &query, request).unwrap_err().to_string();
        assert_eq!(refusal(request(0)), "`top_k` is 0; expected 1 to 1000");
        let recall = EpochRequest { recall: Some(1.5), ..request(1) };
        assert_eq!(refusal(recall), "`recall` is 1.5; expected more than 0 and at most 1");
    }

    #[test]
    fn local_time_is_the_start_of_the_recording_plus_the_onset() {
        let mut draft = night("a", "WW3");
        draft.start = Some("2001-01-31T23:59:30".parse().unwrap());
        let (_folder, space) = pinned([draft]);
        let query = EpochQuery::Text("deep sleep".to_owned());
        let hit = &search_epochs(&space, &query, request(1)).unwrap().hits[0];
        assert_eq!((hit.epoch, hit.onset_s), (2, 60.0));
        assert_eq!(hit.local_time.as_deref(), Some("2001-02-01T00:00:30"));
    }

    #[test]
    fn filter_restricts_the_hits() {
        let (_folder, space) = pinned([night("a", "W3"), night("b", "W3")]);
        let filter =
            Filter { recordings: Some(["b".parse().unwrap()].into()), ..Filter::default() };
        let query = EpochQuery::Text("deep sleep".to_owned());
        let answer = search_epochs(&space, &query, EpochRequest { filter, ..request(10) }).unwrap();
        assert_eq!(numbers(&answer), [("b", 1), ("b", 0)]);
    }
}
