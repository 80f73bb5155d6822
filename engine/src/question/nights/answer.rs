//! The answer to a question about nights.

use nocturne_concepts::Source;
use nocturne_concepts::calibration::Population;
use serde::Serialize;

use crate::grammar::Question;
use crate::question::epochs::EpochHit;
use crate::question::nights::unanswered::Unanswered;
use crate::question::nights::value::Measurement;

/// The answer to a question about nights.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NightAnswer {
    /// How the question was read.
    pub reading: QuestionReading,
    /// Limits of the answer to keep in mind, the most important first.
    pub cautions: Vec<String>,
    /// The nights, apart by the source of the quantity that orders them: numbers of different sources are not compared.
    pub blocks: Vec<NightBlock>,
    /// Number of nights that were judged, whether or not they fit.
    pub judged: usize,
    /// Number of nights that were left out because they are uncertain; see
    /// [`NightRequest::certain`](crate::NightRequest::certain).
    pub uncertain_left_out: usize,
    /// Nights that have no answer, and why.
    pub skipped: Vec<SkippedNight>,
    /// The nights that the intervals of the model hold for; `None` if the bundle has no calibration.
    pub population: Option<Population>,
}

/// How a question about nights was read.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct QuestionReading {
    /// The typed question in its normal form, such as `rate(arousal) in R > 15`.
    pub typed: String,
    /// The same as data.
    pub question: Question,
    /// The same in a sentence.
    pub sentence: String,
}

/// Nights with numbers of one source, in the requested order.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NightBlock {
    /// Where the quantity that orders the nights comes from.
    pub source: Source,
    /// The nights.
    pub nights: Vec<NightHit>,
    /// Number of nights that fit the question, of which the first are listed.
    pub total: usize,
}

/// A night that fits a question.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NightHit {
    /// Name of the recording.
    pub recording: String,
    /// Whether the night may not fit the question: the interval crosses a bound, or there is no interval.
    pub uncertain: bool,
    /// The quantities of the question; the first orders the nights.
    pub values: Vec<Measurement>,
    /// Where the stages come from.
    pub stage_source: Source,
    /// Epochs that show what was asked, best first. Scores are probabilities of the model.
    pub evidence: Vec<EpochHit>,
    /// Other recordings of the same night, which are not listed again.
    pub same_night: Vec<String>,
}

/// A night that has no answer.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct SkippedNight {
    /// Name of the recording.
    pub recording: String,
    /// Why.
    #[serde(flatten)]
    pub reason: Unanswered,
}
