//! Sentences that describe measures in words.

use super::caption_claim::{CaptionClaim, NumberClaim, Sentence};
use super::generate::SeededChoice;
use super::templates::{Measure, MeasureWords, TEMPLATES};
use super::wording_grammar::{sentence, statement};
use super::{CaptionKind, EpochFacts};
use crate::features::{Features, Trend, TrendSpan};

/// Returns a sentence for each measure of the kind that is beyond a threshold.
pub(super) fn sentences(
    kind: CaptionKind,
    facts: &EpochFacts,
    draw: &mut SeededChoice,
) -> Vec<Sentence> {
    let of_kind = true_words(facts).filter(|words| kind_of(words.feature) == kind);
    of_kind.map(|words| Sentence { text: text(words, draw), claims: claims(words) }).collect()
}

/// Returns the words whose claims are true of an epoch.
pub(super) fn true_words(facts: &EpochFacts) -> impl Iterator<Item = &'static MeasureWords> {
    TEMPLATES.words.iter().filter(|words| claims(words).iter().all(|claim| claim.holds(facts)))
}

/// Returns the claims of words.
pub(super) fn claims(words: &MeasureWords) -> Vec<CaptionClaim> {
    let number = NumberClaim { name: words.feature, above: words.above, below: words.below };
    let stage = words.stage.map(CaptionClaim::Stage);
    stage.into_iter().chain([CaptionClaim::Number(number)]).collect()
}

fn text(words: &MeasureWords, draw: &mut SeededChoice) -> String {
    let n_nouns = words.nouns.len();
    let at = draw.below(n_nouns + words.clauses.len() + words.states.len());
    if let Some(noun) = words.nouns.get(at) {
        return sentence(noun);
    }
    let who = draw.pick(&TEMPLATES.phrase.who);
    match words.clauses.get(at - n_nouns) {
        Some(clause) => sentence(&statement(clause, who)),
        None => sentence(&format!("{who} is {}", draw.pick(&words.states))),
    }
}

fn kind_of(measure: Measure) -> CaptionKind {
    match measure {
        Measure::EegDelta
        | Measure::EegTheta
        | Measure::EegAlpha
        | Measure::EegBeta
        | Measure::EogSlow
        | Measure::EogRapid => CaptionKind::Brain,
        Measure::HeartRate
        | Measure::HeartRmssd
        | Measure::HeartRisingS
        | Measure::HeartFallingS
        | Measure::SaturationMin
        | Measure::SaturationMean
        | Measure::SaturationFallingS => CaptionKind::Heart,
        Measure::BreathingRate | Measure::BreathingDeviation | Measure::FlowFlatness => {
            CaptionKind::Respiratory
        }
        Measure::ChinBurstRatio | Measure::ChinTone => CaptionKind::PositionMuscle,
    }
}

/// Returns a measure; the mean of left and right if both were measured.
pub(super) fn value(measure: Measure, features: &Features) -> Option<f64> {
    let eeg = |share: fn(&crate::features::EegPowers) -> f64| {
        mean([features.eeg_c3.as_ref().map(share), features.eeg_c4.as_ref().map(share)])
    };
    let eye = |share: fn(&crate::features::EyeMovements) -> f64| {
        mean([features.eog_left.as_ref().map(share), features.eog_right.as_ref().map(share)])
    };
    let belt = |number: fn(&crate::features::Breathing) -> f64| {
        mean([features.abdomen.as_ref().map(number), features.thorax.as_ref().map(number)])
    };
    let (heart, saturation) = (features.heart.as_ref(), features.saturation.as_ref());
    match measure {
        Measure::EegDelta => eeg(|eeg| eeg.delta),
        Measure::EegTheta => eeg(|eeg| eeg.theta),
        Measure::EegAlpha => eeg(|eeg| eeg.alpha),
        Measure::EegBeta => eeg(|eeg| eeg.beta),
        Measure::EogSlow => eye(|eye| eye.slow),
        Measure::EogRapid => eye(|eye| eye.rapid),
        Measure::HeartRate => heart.map(|heart| heart.rate_bpm),
        Measure::HeartRmssd => heart.map(|heart| heart.rmssd_ms),
        Measure::HeartRisingS => heart.map(|heart| seconds(&heart.trends, Trend::Increasing)),
        Measure::HeartFallingS => heart.map(|heart| seconds(&heart.trends, Trend::Decreasing)),
        Measure::BreathingRate => belt(|belt| belt.rate_bpm),
        Measure::BreathingDeviation => belt(|belt| belt.interval_deviation_s),
        Measure::FlowFlatness => features.airflow.map(|flow| flow.flatness),
        Measure::ChinBurstRatio => features.chin.map(|chin| chin.burst_ratio),
        Measure::SaturationMin => saturation.map(|it| it.min_percent),
        Measure::SaturationMean => saturation.map(|it| it.mean_percent),
        Measure::SaturationFallingS => saturation.map(|it| seconds(&it.trends, Trend::Decreasing)),
        Measure::ChinTone => features.chin.and_then(|chin| chin.tone_percent),
    }
}

/// Returns the total duration of a trend in seconds.
fn seconds(trends: &[TrendSpan], direction: Trend) -> f64 {
    let trends = trends.iter().filter(|trend| trend.trend == direction);
    trends.map(|trend| trend.end_s - trend.start_s).sum()
}

fn mean(sides: [Option<f64>; 2]) -> Option<f64> {
    let known: Vec<f64> = sides.into_iter().flatten().collect();
    (!known.is_empty()).then(|| known.iter().sum::<f64>() / known.len() as f64)
}
