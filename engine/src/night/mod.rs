//! Words to nights: how often does a concept occur in each hour of sleep?

mod candidates;
mod known;
mod question;
pub(crate) mod rate;
mod sought;

use nocturne_encoder::{LabelDirections, PromptSet};
use nocturne_index::Filter;
use nocturne_psg::RecordingId;
use serde::Serialize;

use crate::concept::{calibration, is_called};
use crate::epochs::{EpochHit, TextReading};
use crate::limits::{check_k, check_text};
use crate::margins::Margins;
use crate::served::Served;
use crate::{Error, LearnedConcept, Result};
use candidates::Candidates;
use known::Known;
use question::Question;
use sought::{Judging, Sought};

/// Most epochs shown as evidence for a night.
pub const MOST_EVIDENCE: usize = 20;

/// The answer to a question about nights.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NightAnswer {
    /// The nights, in the order that was asked for.
    pub nights: Vec<NightHit>,
    /// Nights that the question could not be put to.
    pub skipped: Vec<NightSkipped>,
    /// How the question was understood.
    pub reading: QuestionReading,
    /// How the nights were found: `scan` and `qdrant pass` scored every night that the filter allows; others, such as
    /// `qdrant candidates (260 of 12000 nights)`, may have missed some.
    pub plan: String,
}

/// How often a concept occurs in a night.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NightHit {
    /// Name of the recording.
    pub recording: String,
    /// Occurrences per hour of sleep.
    pub rate_per_hour: f64,
    /// Ends of the 95 % interval of the rate.
    pub rate_ci95: (f64, f64),
    /// Epochs in which the concept was found.
    pub epochs_found: usize,
    /// Epochs of sleep that could show it.
    pub epochs_judged: usize,
    /// Epochs of sleep that lack the channels for it.
    pub epochs_not_judged: usize,
    /// Hours of sleep that were judged.
    pub hours_of_sleep: f64,
    /// Who says which epochs are sleep: `scored` or `zero_shot`.
    pub stage_source: StageSource,
    /// Scored occurrences per hour of sleep, where the scorer of the recording marked at least one.
    pub scored_rate_per_hour: Option<f64>,
    /// The epochs that show it best; their scores are probabilities, or cosines where there is no calibration.
    pub evidence: Vec<EpochHit>,
}

/// Who says which stage an epoch has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StageSource {
    /// The scoring of the recording.
    Scored,
    /// The nearest prompt.
    ZeroShot,
}

/// A night without an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NightSkipped {
    /// Name of the recording.
    pub recording: String,
    /// Why.
    pub reason: String,
}

/// How a question about nights was understood.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct QuestionReading {
    /// Name of the concept, or the words that were searched for.
    pub concept: String,
    /// Whether the concept is a known one.
    pub known: bool,
    /// The question in other words.
    pub sentence: String,
    /// What to keep in mind about the answer.
    pub cautions: Vec<String>,
    /// How the words were understood.
    pub text: TextReading,
}

/// What a question about nights asks for.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct NightRequest {
    /// The question.
    pub question: String,
    /// A learned concept, which the question is then about instead of the one that its words name.
    pub concept: Option<LearnedConcept>,
    /// The epochs that are judged; a recording without such epochs is no part of the answer.
    pub filter: Filter,
    /// Most nights.
    pub k: usize,
    /// Epochs shown as evidence for each night.
    pub evidence: usize,
}

impl Served {
    /// See [`Engine::search_nights`](crate::Engine::search_nights).
    pub(crate) fn search_nights(&self, request: &NightRequest) -> Result<NightAnswer> {
        let question = Question::read(check_text("question", &request.question)?);
        let k = check_k("top_k", request.k)?;
        if request.evidence > MOST_EVIDENCE {
            return Err(Error::field(
                "evidence",
                request.evidence,
                format!("0 to {MOST_EVIDENCE}"),
            ));
        }
        let mut sought = match &request.concept {
            Some(concept) => Sought::learned(question, self.expect_concept(concept)?),
            None => self.sought(question)?,
        };
        let snapshot = self.snapshot();
        snapshot.check(&request.filter)?;
        let Candidates { nights: candidates, plan, caution } =
            Candidates::choose(snapshot, &mut sought, &request.filter, k)?;
        let wanted = |id: &RecordingId| snapshot.may_allow(id, &request.filter);
        let is_candidate = |id: &RecordingId| match &candidates {
            Some(candidates) => candidates.contains(id),
            None => wanted(id),
        };
        let stages = self.judge(PromptSet::stages())?;
        let prompts = sought.margins.prompts();
        let nights = snapshot.score_all(prompts, is_candidate, |recording, scores| {
            let judging =
                Judging { recording, scores, stages: &stages, evidence: request.evidence };
            let night = request.filter.rows(recording).map(|rows| sought.judge(&judging, &rows));
            (recording.id().clone(), night)
        })?;
        let missing = snapshot.missing().into_iter().filter(|(id, _)| wanted(id));
        let mut skipped: Vec<NightSkipped> = missing
            .map(|(id, reason)| NightSkipped { recording: id.to_string(), reason })
            .collect();
        let mut judged = Vec::new();
        for (recording, night) in nights {
            let Some(night) = night else { continue };
            match night {
                Ok(Ok(night)) => judged.push(night),
                Ok(Err(reason)) => {
                    skipped.push(NightSkipped { recording: recording.to_string(), reason });
                }
                // Vectors are read when they are needed, so damage may be found this late.
                Err(Error::Index(error)) if error.is_damage() => {
                    let reason = "its part of the collection is damaged; index it again".to_owned();
                    skipped.push(NightSkipped { recording: recording.to_string(), reason });
                }
                Err(error) => return Err(error),
            }
        }
        if candidates.is_none() {
            sought.calibrate(&judged);
        }
        let nights = judged.iter().filter_map(|night| sought.hit(night)).collect();
        let nights = ordered(nights, &sought.question, k);
        let mut reading = sought.reading(&judged);
        reading.cautions.extend(caution);
        Ok(NightAnswer { nights, skipped, reading, plan })
    }

    fn sought(&self, question: Question) -> Result<Sought> {
        let words = check_text("question", &question.concept)?.to_owned();
        let set = PromptSet::events();
        let place = set.labels.iter().position(|label| is_called(label, &words));
        let (name, known, directions, text) = if let Some(place) = place {
            let label = &set.labels[place];
            let directions = self.bundle.texts.directions(set)?[place].clone();
            (label.name.clone(), Some(Known::Label(label)), directions, TextReading::default())
        } else {
            let encoded = self.bundle.texts.encode_one(&words)?;
            let text = TextReading::from(&encoded);
            (words, None, LabelDirections { positive: encoded.embedding, negative: None }, text)
        };
        let calibration = calibration(&self.bundle.manifest, &name);
        let margins = Margins::of(&[directions]);
        Ok(Sought { question, name, known, margins, calibration, text })
    }
}

fn ordered(mut nights: Vec<NightHit>, question: &Question, k: usize) -> Vec<NightHit> {
    nights.retain(|night| {
        question.above.is_none_or(|rate| night.rate_per_hour > rate)
            && question.below.is_none_or(|rate| night.rate_per_hour < rate)
    });
    nights.sort_by(|a, b| {
        let order = b.rate_per_hour.total_cmp(&a.rate_per_hour);
        let order = if question.fewest_first { order.reverse() } else { order };
        order.then_with(|| a.recording.cmp(&b.recording))
    });
    nights.truncate(k);
    nights
}
