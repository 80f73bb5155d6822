//! Sentences that say measured numbers in words.

use super::claim::{Claim, NumberClaim, Sentence};
use super::maker::Draw;
use super::templates::{NumberName, TEMPLATES};
use super::{CaptionKind, EpochFacts};
use crate::features::Features;

/// Returns a sentence for every number of the kind that lies beyond a bound.
pub(super) fn sentences(kind: CaptionKind, facts: &EpochFacts, draw: &mut Draw) -> Vec<Sentence> {
    let mut sentences = Vec::new();
    for words in TEMPLATES.words.iter().filter(|words| kind_of(words.feature) == kind) {
        let claim = NumberClaim { name: words.feature, above: words.above, below: words.below };
        if claim.holds(facts) {
            sentences.push(Sentence::new(draw.pick(&words.sentences), Claim::Number(claim)));
        }
    }
    sentences
}

fn kind_of(name: NumberName) -> CaptionKind {
    match name {
        NumberName::EegDelta
        | NumberName::EegTheta
        | NumberName::EegAlpha
        | NumberName::EegBeta
        | NumberName::EogSlow
        | NumberName::EogRapid => CaptionKind::Brain,
        NumberName::HeartRate | NumberName::HeartRmssd => CaptionKind::Heart,
        NumberName::BreathingRate | NumberName::BreathingDeviation | NumberName::FlowFlatness => {
            CaptionKind::Respiratory
        }
        NumberName::ChinBurstRatio => CaptionKind::PositionMuscle,
    }
}

/// Returns the number, the mean of both sides where both were measured.
pub(super) fn value(name: NumberName, features: &Features) -> Option<f64> {
    let eeg = |share: fn(&crate::features::EegPowers) -> f64| {
        mean([features.eeg_c3.as_ref().map(share), features.eeg_c4.as_ref().map(share)])
    };
    let eye = |share: fn(&crate::features::EyeMovements) -> f64| {
        mean([features.eog_left.as_ref().map(share), features.eog_right.as_ref().map(share)])
    };
    let belt = |number: fn(&crate::features::Breathing) -> f64| {
        mean([features.abdomen.as_ref().map(number), features.thorax.as_ref().map(number)])
    };
    match name {
        NumberName::EegDelta => eeg(|eeg| eeg.delta),
        NumberName::EegTheta => eeg(|eeg| eeg.theta),
        NumberName::EegAlpha => eeg(|eeg| eeg.alpha),
        NumberName::EegBeta => eeg(|eeg| eeg.beta),
        NumberName::EogSlow => eye(|eye| eye.slow),
        NumberName::EogRapid => eye(|eye| eye.rapid),
        NumberName::HeartRate => features.heart.as_ref().map(|heart| heart.rate_bpm),
        NumberName::HeartRmssd => features.heart.as_ref().map(|heart| heart.rmssd_ms),
        NumberName::BreathingRate => belt(|belt| belt.rate_bpm),
        NumberName::BreathingDeviation => belt(|belt| belt.interval_deviation_s),
        NumberName::FlowFlatness => features.airflow.map(|flow| flow.flatness),
        NumberName::ChinBurstRatio => features.chin.map(|chin| chin.burst_ratio),
    }
}

fn mean(sides: [Option<f64>; 2]) -> Option<f64> {
    let known: Vec<f64> = sides.into_iter().flatten().collect();
    (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
}
