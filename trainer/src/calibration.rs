//! Calibrates a bundle's similarities to concepts on scored nights.
//!
//! Platt's logistic curve (Platt 1999) turns a concept's margin into a probability. The rates of hits and false alarms
//! at its threshold correct a night's count (Rogan and Gladen 1978).

use std::collections::BTreeMap;

use nocturne_encoder::bundle::Calibration;
use nocturne_encoder::{Label, LabelDirections, PromptSet, SignalEncoder, TextEncoder};
use nocturne_psg::caption::EpochFacts;
use nocturne_psg::{EventKind, Stage};

use crate::data::{EPOCH_LEN, TrainingSet};
use crate::error::{Error, Result};

/// Minimum number of epochs with a concept, and without it, to fit its curve.
const MIN_EPOCHS: usize = 50;
/// Number of epochs encoded at a time.
const BATCH: usize = 32;
/// Newton steps; a curve of two parameters converges long before.
const NEWTON_STEPS: usize = 50;

/// An epoch of sleep and its similarity to a concept.
#[derive(Debug, Clone, Copy, PartialEq)]
struct ScoredEpoch {
    /// Cosine to the prompts minus the cosine to the negatives.
    margin: f32,
    /// Whether the epoch has the concept, even if only its end.
    has_concept: bool,
    /// Whether the concept starts in the epoch.
    starts: bool,
}

/// Returns the calibration of every concept that occurs often enough, by name.
///
/// Uses the epochs of sleep of recordings with scored events, with all the channels that they have. `see` receives the
/// number of epochs done.
///
/// # Errors
///
/// Those of the training set and of the encoder, and [`Error::NoCaptions`] if no epoch can be used.
pub fn calibrate(
    set: &TrainingSet,
    signal: &mut SignalEncoder,
    text: &mut TextEncoder,
    progress: &mut dyn FnMut(usize),
) -> Result<BTreeMap<String, Calibration>> {
    let prompts = PromptSet::events();
    let directions = prompts.encode(text)?;
    let asleep: Vec<usize> =
        (0..set.len()).filter(|epoch| is_scored_sleep(set.facts(*epoch))).collect();
    if asleep.is_empty() {
        return Err(Error::NoCaptions { path: set.folder().to_owned() });
    }
    let mut scored: Vec<Vec<ScoredEpoch>> = vec![Vec::new(); prompts.labels.len()];
    let mut inputs = vec![0.0; BATCH * EPOCH_LEN];
    let mut n_done = 0;
    for some in asleep.chunks(BATCH) {
        let inputs = &mut inputs[..some.len() * EPOCH_LEN];
        for (epoch_idx, input) in some.iter().zip(inputs.chunks_exact_mut(EPOCH_LEN)) {
            set.read_samples(*epoch_idx, input)?;
        }
        for (epoch_idx, embedding) in some.iter().zip(signal.encode_inputs(inputs)?) {
            let (facts, mask) = (set.facts(*epoch_idx), set.mask(*epoch_idx));
            for ((label, directions), scored) in
                prompts.labels.iter().zip(&directions).zip(&mut scored)
            {
                if label.is_visible_in(mask) {
                    scored.push(score(label, directions, facts, &embedding));
                }
            }
        }
        n_done += some.len();
        progress(n_done);
    }
    let calibrations = prompts.labels.iter().zip(&scored);
    Ok(calibrations
        .filter_map(|(label, scored)| Some((label.name.clone(), fit(scored)?)))
        .collect())
}

/// Returns whether the events of an epoch were scored and its stage is sleep.
fn is_scored_sleep(facts: &EpochFacts) -> bool {
    facts.events_scored && facts.stage.is_some_and(Stage::is_sleep)
}

fn score(
    label: &Label,
    directions: &LabelDirections,
    facts: &EpochFacts,
    embedding: &nocturne_encoder::Embedding,
) -> ScoredEpoch {
    let covered = |kind: EventKind| label.covers(kind);
    ScoredEpoch {
        margin: directions.margin(embedding),
        has_concept: facts.events.iter().any(|event| covered(event.kind)),
        // An event that started earlier is clipped to the start of the epoch.
        starts: facts.events.iter().any(|event| covered(event.kind) && event.onset_s > 0.0),
    }
}

/// Fits a calibration, or returns `None` if there are too few epochs with or without the concept.
fn fit(scored: &[ScoredEpoch]) -> Option<Calibration> {
    let n_with = scored.iter().filter(|epoch| epoch.has_concept).count();
    let n_starting = scored.iter().filter(|epoch| epoch.starts).count();
    if n_with.min(scored.len() - n_with).min(n_starting) < MIN_EPOCHS {
        return None;
    }
    let (slope, offset) = logistic(scored);
    let margin = best_margin(scored, n_with);
    let uncut = Calibration {
        slope,
        offset,
        threshold: 0.0,
        true_positive_rate: 0.0,
        false_positive_rate: 0.0,
    };
    let threshold = uncut.probability(margin);
    let found = |epoch: &&ScoredEpoch| uncut.probability(epoch.margin) >= threshold;
    let hits = scored.iter().filter(|epoch| epoch.starts).filter(found).count();
    let alarms = scored.iter().filter(|epoch| !epoch.starts).filter(found).count();
    Some(Calibration {
        threshold,
        true_positive_rate: hits as f32 / n_starting as f32,
        false_positive_rate: alarms as f32 / (scored.len() - n_starting) as f32,
        ..uncut
    })
}

/// Returns slope and offset of the maximum-likelihood logistic curve.
fn logistic(scored: &[ScoredEpoch]) -> (f32, f32) {
    let n = scored.len() as f64;
    let share = scored.iter().filter(|epoch| epoch.has_concept).count() as f64 / n;
    let (mut slope, mut offset) = (0.0_f64, (share / (1.0 - share)).ln());
    for _ in 0..NEWTON_STEPS {
        let (mut g_slope, mut g_offset) = (0.0, 0.0);
        // A small ridge keeps the step finite if the margins separate the classes perfectly.
        let (mut h_slope, mut h_both, mut h_offset) = (1e-6 * n, 0.0, 1e-6 * n);
        for epoch in scored {
            let margin = f64::from(epoch.margin);
            let probability = 1.0 / (1.0 + (-(slope * margin + offset)).exp());
            let rest = probability - f64::from(u8::from(epoch.has_concept));
            let weight = probability * (1.0 - probability);
            g_slope += rest * margin;
            g_offset += rest;
            h_slope += weight * margin * margin;
            h_both += weight * margin;
            h_offset += weight;
        }
        let determinant = h_slope * h_offset - h_both * h_both;
        slope -= (g_slope * h_offset - g_offset * h_both) / determinant;
        offset -= (g_offset * h_slope - g_slope * h_both) / determinant;
    }
    (slope as f32, offset as f32)
}

/// Returns the margin threshold with the highest F1 score.
fn best_margin(scored: &[ScoredEpoch], n_with: usize) -> f32 {
    let mut sorted = scored.to_vec();
    sorted.sort_by(|a, b| b.margin.total_cmp(&a.margin));
    let (mut hits, mut best) = (0, (0.0, f32::INFINITY));
    for (n, epoch) in sorted.iter().enumerate() {
        hits += usize::from(epoch.has_concept);
        let f1 = 2.0 * hits as f64 / (n + 1 + n_with) as f64;
        if f1 > best.0 {
            best = (f1, epoch.margin);
        }
    }
    best.1
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_distr::{Distribution, StandardNormal};
    use rand_pcg::Pcg64Mcg;

    use super::*;

    /// Margins of two normal distributions with standard deviation 0.1 and means `apart` apart; the true curve is
    /// logistic.
    fn scored(n: usize, share: f64, apart: f32) -> Vec<ScoredEpoch> {
        let mut random = Pcg64Mcg::seed_from_u64(1);
        let mut epoch = || {
            let has_concept = random.random_bool(share);
            let noise: f32 = StandardNormal.sample(&mut random);
            let margin = 0.1 * noise + if has_concept { apart } else { 0.0 };
            ScoredEpoch { margin, has_concept, starts: has_concept }
        };
        (0..n).map(|_| epoch()).collect()
    }

    #[test]
    fn the_curve_matches_the_two_distributions() {
        // For normal distributions of equal variance, the slope is the distance of the means over the variance.
        let (slope, offset) = logistic(&scored(40_000, 0.3, 0.2));
        assert!((slope - 20.0).abs() < 1.0, "{slope}");
        let expected = (0.3_f32 / 0.7).ln() - 20.0 * 0.1;
        assert!((offset - expected).abs() < 0.15, "{offset} {expected}");
    }

    #[test]
    fn rates_are_measured_at_the_threshold() {
        let scored = scored(20_000, 0.2, 0.3);
        let learned = fit(&scored).unwrap();
        let found = |epoch: &&ScoredEpoch| learned.probability(epoch.margin) >= learned.threshold;
        let n_found = scored.iter().filter(found).count() as f32;
        let n_with = scored.iter().filter(|epoch| epoch.has_concept).count() as f32;
        let n_without = scored.len() as f32 - n_with;
        let expected =
            learned.true_positive_rate * n_with + learned.false_positive_rate * n_without;
        assert!((n_found - expected).abs() < 1.0, "{n_found} {expected}");
        assert!(learned.true_positive_rate > 0.8 && learned.false_positive_rate < 0.1);
    }

    #[test]
    fn separable_margins_have_a_finite_curve() {
        let (slope, offset) = logistic(&scored(1000, 0.5, 10.0));
        assert!(slope.is_finite() && offset.is_finite(), "{slope} {offset}");
    }

    #[test]
    fn rare_concepts_are_not_calibrated() {
        assert_eq!(fit(&scored(1000, 0.01, 0.3)), None);
    }
}
