//! The answer to a question about nights.

use serde::Serialize;

use crate::question::epochs::{EpochHit, TextReading};
use crate::question::skip_reason::SkipReason;
use crate::question::threshold::Threshold;

/// The answer to a question about nights.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NightAnswer {
    /// The nights, in the requested order.
    pub nights: Vec<NightHit>,
    /// Nights that could not be judged.
    pub skipped: Vec<SkippedNight>,
    /// How the question was read.
    pub reading: QuestionReading,
    /// How the nights were found: `scan` (a folder) or `qdrant pass`, both of which score every night that the filter
    /// allows.
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
    /// Number of epochs in which the concept was found.
    pub epochs_found: usize,
    /// Number of epochs of sleep that could show it.
    pub epochs_judged: usize,
    /// Number of epochs of sleep without the channels that show it.
    pub epochs_not_judged: usize,
    /// Hours of sleep that were judged.
    pub hours_of_sleep: f64,
    /// Where the stages come from.
    pub stage_source: StageSource,
    /// Scored occurrences per hour of sleep; `None` unless the scorer marked at least one.
    pub scored_rate_per_hour: Option<f64>,
    /// The epochs that show the concept best. Scores are probabilities, or cosines if the concept is not a known one.
    pub evidence: Vec<EpochHit>,
}

/// Where the stages of a night come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum StageSource {
    /// The scoring of the recording.
    Scored,
    /// The nearest prompt; the recording was not scored.
    ZeroShot,
}

/// A night that could not be judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct SkippedNight {
    /// Name of the recording.
    pub recording: String,
    /// Why.
    #[serde(flatten)]
    pub reason: SkipReason,
}

/// How a question about nights was read.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct QuestionReading {
    /// Name of the concept, or the words if they are not a known concept.
    pub concept: String,
    /// Whether the concept is a known one.
    pub known: bool,
    /// The question in other words.
    pub sentence: String,
    /// From which score on an epoch counts as found.
    pub threshold: Threshold,
    /// Limits of the answer to keep in mind.
    pub cautions: Vec<String>,
    /// How the words were read.
    pub text: TextReading,
}
