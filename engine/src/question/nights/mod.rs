//! Words to nights: how often does a concept occur per hour of sleep?

pub(crate) mod answer;
mod concept_query;
mod grammar;
mod known_concept;
pub(crate) mod rate;
#[cfg(test)]
mod tests;

use nocturne_encoder::{LabelDirections, PromptSet};
use nocturne_index::Filter;
use nocturne_psg::RecordingId;

use crate::error::{Error, Result};
use crate::live::live_collection::PinnedSpace;
use crate::question::calibration::calibration_of;
use crate::question::epochs::TextReading;
use crate::question::label_margins::LabelMargins;
use crate::question::labels::LabelJudge;
use crate::question::learned_concept::{LearnedConcept, expect_concept};
use crate::question::limits::{check_hits, check_text};
use crate::question::nights::answer::{NightAnswer, NightHit, SkippedNight};
use crate::question::nights::concept_query::{ConceptQuery, JudgedNight, NightScores};
use crate::question::nights::grammar::NightQuestion;
use crate::question::nights::known_concept::{KnownConcept, label_called};
use crate::question::skip_reason::SkipReason;

/// Maximum number of epochs shown as evidence for a night.
pub const MAX_EVIDENCE: usize = 20;

/// A question about nights.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NightRequest {
    /// The question in words.
    pub question: String,
    /// A learned concept to ask for instead of the one that the words name.
    pub concept: Option<LearnedConcept>,
    /// Which epochs are judged. A recording without such epochs is not part of the answer.
    pub filter: Filter,
    /// Maximum number of nights (1–1000).
    pub k: usize,
    /// Number of epochs shown as evidence for each night (0–20).
    pub evidence: usize,
}

/// See [`Engine::search_nights`](crate::Engine::search_nights).
pub(crate) fn search_nights(space: &PinnedSpace, request: &NightRequest) -> Result<NightAnswer> {
    let question = NightQuestion::parse(check_text("question", &request.question)?);
    let k = check_hits("top_k", request.k)?;
    if request.evidence > MAX_EVIDENCE {
        let expected = format!("0 to {MAX_EVIDENCE}");
        return Err(Error::field("evidence", request.evidence, expected));
    }
    let mut query = match &request.concept {
        Some(concept) => ConceptQuery::of_learned(question, expect_concept(space, concept)?),
        None => concept_query(space, question)?,
    };
    space.snapshot().check_filter(&request.filter)?;
    let (judged, skipped) = judge_nights(space, &query, request)?;
    query.set_threshold_by_share(&judged);
    let nights = judged.iter().filter_map(|night| query.hit(night)).collect();
    let nights = ordered(nights, &query.question, k);
    let plan = space.snapshot().scan_plan().to_owned();
    Ok(NightAnswer { nights, skipped, reading: query.reading(&judged), plan })
}

/// Reads the words of the concept: the name of a label, or free words.
fn concept_query(space: &PinnedSpace, question: NightQuestion) -> Result<ConceptQuery> {
    let words = check_text("question", &question.concept)?.to_owned();
    let (set, bundle) = (PromptSet::events(), &space.bundle);
    if let Some(i) = label_called(set, &words) {
        let label = &set.labels[i];
        let directions = bundle.texts.directions(set)?[i].clone();
        let calibration = calibration_of(&bundle.manifest, &label.name);
        let (name, known) = (label.name.clone(), KnownConcept::Label(label));
        let margins = LabelMargins::of(&[directions]);
        return Ok(ConceptQuery::of_known(question, name, known, margins, calibration));
    }
    let encoded = bundle.texts.encode_one(&words)?;
    let text = TextReading::from(&encoded);
    let calibration = calibration_of(&bundle.manifest, &words);
    let directions = LabelDirections { positive: encoded.embedding, negative: None };
    let margins = LabelMargins::of(&[directions]);
    Ok(ConceptQuery::of_words(question, words, margins, calibration, text))
}

/// Scores the nights that the filter allows.
fn judge_nights(
    space: &PinnedSpace,
    query: &ConceptQuery,
    request: &NightRequest,
) -> Result<(Vec<JudgedNight>, Vec<SkippedNight>)> {
    let snapshot = space.snapshot();
    let may_allow = |id: &RecordingId| snapshot.may_allow(id, &request.filter);
    let stages = LabelJudge::of_space(space, PromptSet::stages())?;
    let results = snapshot.score_all(query.margins.prompts(), may_allow, |recording, scores| {
        let n_evidence = request.evidence;
        let night = NightScores { recording, scores, stages: &stages, n_evidence };
        let allowed = recording.filter(&request.filter);
        (recording.id().clone(), allowed.map(|rows| query.judge(&night, &rows)))
    })?;
    let skip = |id: RecordingId, reason| SkippedNight { recording: id.to_string(), reason };
    let missing = snapshot.missing().into_iter().filter(|(id, _)| may_allow(id));
    let mut skipped: Vec<SkippedNight> =
        missing.map(|(id, reason)| skip(id, reason.into())).collect();
    let mut judged = Vec::new();
    for (recording, night) in results {
        let Some(night) = night else { continue };
        match night {
            Ok(Ok(night)) => judged.push(night),
            Ok(Err(reason)) => skipped.push(skip(recording, reason)),
            // Vectors are read only when they are needed, so damage may be found this late.
            Err(Error::Index(error)) if error.is_damage() => {
                skipped.push(skip(recording, SkipReason::Damaged));
            }
            Err(error) => return Err(error),
        }
    }
    Ok((judged, skipped))
}

fn ordered(mut nights: Vec<NightHit>, question: &NightQuestion, k: usize) -> Vec<NightHit> {
    nights.retain(|night| question.bound.is_none_or(|bound| bound.allows(night.rate_per_hour)));
    nights.sort_by(|a, b| {
        let order = b.rate_per_hour.total_cmp(&a.rate_per_hour);
        let order = if question.fewest_first { order.reverse() } else { order };
        order.then_with(|| a.recording.cmp(&b.recording))
    });
    nights.truncate(k);
    nights
}
