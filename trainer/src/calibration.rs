//! Learns how to read the similarity of an epoch to a concept, from scored nights.
//!
//! A concept's margin becomes a probability by Platt's logistic curve (Platt 1999), and the rates of hits and false
//! alarms at its threshold are what a night's count is corrected by (Rogan and Gladen 1978).

use std::collections::BTreeMap;

use nocturne_encoder::bundle::Calibration;
use nocturne_encoder::{Label, LabelDirections, PromptSet, SignalEncoder, TextEncoder};
use nocturne_psg::caption::EpochFacts;
use nocturne_psg::{EventKind, Stage};

use crate::data::{EPOCH_LEN, TrainingSet};
use crate::{Error, Result};

/// Fewest epochs with a concept, and without it, from which its curve is learned.
const FEWEST: usize = 50;
/// Epochs that are encoded at a time.
const BATCH: usize = 32;
/// Newton steps; the curve of two numbers stands still long before.
const NEWTON_STEPS: usize = 50;

/// An epoch of sleep, and how near it is to a concept.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Judged {
    /// Cosine to the prompts less the cosine to the negatives.
    margin: f32,
    /// Whether the concept is seen in the epoch, be it but the end of it.
    has_it: bool,
    /// Whether the concept begins in the epoch.
    begins: bool,
}

/// Returns the calibration of every concept that occurs often enough, by name.
///
/// Epochs of sleep of recordings with scored events are judged, by all the channels that they have.
/// `see` hears how many epochs are done.
///
/// # Errors
///
/// Those of the training set and of the encoder, and [`Error::NothingToSay`] where no epoch can be judged.
pub fn calibrate(
    set: &TrainingSet,
    signal: &mut SignalEncoder,
    text: &mut TextEncoder,
    see: &mut dyn FnMut(usize),
) -> Result<BTreeMap<String, Calibration>> {
    let prompts = PromptSet::events();
    let directions = prompts.encode(text)?;
    let asleep: Vec<usize> = (0..set.len()).filter(|epoch| is_judged(set.facts(*epoch))).collect();
    if asleep.is_empty() {
        return Err(Error::NothingToSay { path: set.folder().to_owned() });
    }
    let mut judged: Vec<Vec<Judged>> = vec![Vec::new(); prompts.labels.len()];
    let mut inputs = vec![0.0; BATCH * EPOCH_LEN];
    let mut n_done = 0;
    for some in asleep.chunks(BATCH) {
        let inputs = &mut inputs[..some.len() * EPOCH_LEN];
        for (epoch_idx, input) in some.iter().zip(inputs.chunks_exact_mut(EPOCH_LEN)) {
            set.read_samples(*epoch_idx, input)?;
        }
        for (epoch_idx, embedding) in some.iter().zip(signal.encode_inputs(inputs)?) {
            let (facts, mask) = (set.facts(*epoch_idx), set.mask(*epoch_idx));
            for ((label, directions), judged) in
                prompts.labels.iter().zip(&directions).zip(&mut judged)
            {
                if label.is_visible_in(mask) {
                    judged.push(judge(label, directions, facts, &embedding));
                }
            }
        }
        n_done += some.len();
        see(n_done);
    }
    let calibrations = prompts.labels.iter().zip(&judged);
    Ok(calibrations
        .filter_map(|(label, judged)| Some((label.name.clone(), learn(judged)?)))
        .collect())
}

/// Returns whether events were looked for in an epoch, and the sleeper was asleep.
fn is_judged(facts: &EpochFacts) -> bool {
    facts.events_scored && facts.stage.is_some_and(Stage::is_sleep)
}

fn judge(
    label: &Label,
    directions: &LabelDirections,
    facts: &EpochFacts,
    embedding: &nocturne_encoder::Embedding,
) -> Judged {
    let covered = |kind: EventKind| label.covers(kind);
    Judged {
        margin: directions.margin(embedding),
        has_it: facts.events.iter().any(|event| covered(event.kind)),
        // An event that began earlier is cut at the start of the epoch.
        begins: facts.events.iter().any(|event| covered(event.kind) && event.onset_s > 0.0),
    }
}

/// Learns a calibration, where there are enough epochs with and without the concept.
fn learn(judged: &[Judged]) -> Option<Calibration> {
    let n_with = judged.iter().filter(|epoch| epoch.has_it).count();
    let n_beginning = judged.iter().filter(|epoch| epoch.begins).count();
    if n_with.min(judged.len() - n_with).min(n_beginning) < FEWEST {
        return None;
    }
    let (slope, offset) = logistic(judged);
    let margin = best_margin(judged, n_with);
    let uncut = Calibration {
        slope,
        offset,
        threshold: 0.0,
        true_positive_rate: 0.0,
        false_positive_rate: 0.0,
    };
    let threshold = uncut.probability(margin);
    let found = |epoch: &&Judged| uncut.probability(epoch.margin) >= threshold;
    let hits = judged.iter().filter(|epoch| epoch.begins).filter(found).count();
    let alarms = judged.iter().filter(|epoch| !epoch.begins).filter(found).count();
    Some(Calibration {
        threshold,
        true_positive_rate: hits as f32 / n_beginning as f32,
        false_positive_rate: alarms as f32 / (judged.len() - n_beginning) as f32,
        ..uncut
    })
}

/// Returns slope and offset of the logistic curve of greatest likelihood.
fn logistic(judged: &[Judged]) -> (f32, f32) {
    let n = judged.len() as f64;
    let share = judged.iter().filter(|epoch| epoch.has_it).count() as f64 / n;
    let (mut slope, mut offset) = (0.0_f64, (share / (1.0 - share)).ln());
    for _ in 0..NEWTON_STEPS {
        let (mut g_slope, mut g_offset) = (0.0, 0.0);
        // A trace of ridge keeps the step finite where the margins part both kinds perfectly.
        let (mut h_slope, mut h_both, mut h_offset) = (1e-6 * n, 0.0, 1e-6 * n);
        for epoch in judged {
            let margin = f64::from(epoch.margin);
            let probability = 1.0 / (1.0 + (-(slope * margin + offset)).exp());
            let rest = probability - f64::from(u8::from(epoch.has_it));
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

/// Returns the margin from which on epochs count as having the concept: the one of the greatest F1.
fn best_margin(judged: &[Judged], n_with: usize) -> f32 {
    let mut sorted = judged.to_vec();
    sorted.sort_by(|a, b| b.margin.total_cmp(&a.margin));
    let (mut hits, mut best) = (0, (0.0, f32::INFINITY));
    for (n, epoch) in sorted.iter().enumerate() {
        hits += usize::from(epoch.has_it);
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

    /// Margins of two normal distributions, a deviation of 0.1 and `apart` apart; the true curve is logistic.
    fn judged(n: usize, share: f64, apart: f32) -> Vec<Judged> {
        let mut random = Pcg64Mcg::seed_from_u64(1);
        let mut epoch = || {
            let has_it = random.random_bool(share);
            let noise: f32 = StandardNormal.sample(&mut random);
            let margin = 0.1 * noise + if has_it { apart } else { 0.0 };
            Judged { margin, has_it, begins: has_it }
        };
        (0..n).map(|_| epoch()).collect()
    }

    #[test]
    fn curve_is_that_of_the_two_distributions() {
        // For normal distributions of one variance the slope is the distance over the variance.
        let (slope, offset) = logistic(&judged(40_000, 0.3, 0.2));
        assert!((slope - 20.0).abs() < 1.0, "{slope}");
        let expected = (0.3_f32 / 0.7).ln() - 20.0 * 0.1;
        assert!((offset - expected).abs() < 0.15, "{offset} {expected}");
    }

    #[test]
    fn rates_are_those_at_the_threshold() {
        let judged = judged(20_000, 0.2, 0.3);
        let learned = learn(&judged).unwrap();
        let found = |epoch: &&Judged| learned.probability(epoch.margin) >= learned.threshold;
        let n_found = judged.iter().filter(found).count() as f32;
        let n_with = judged.iter().filter(|epoch| epoch.has_it).count() as f32;
        let n_without = judged.len() as f32 - n_with;
        let expected =
            learned.true_positive_rate * n_with + learned.false_positive_rate * n_without;
        assert!((n_found - expected).abs() < 1.0, "{n_found} {expected}");
        assert!(learned.true_positive_rate > 0.8 && learned.false_positive_rate < 0.1);
    }

    #[test]
    fn margins_that_part_both_kinds_have_a_finite_curve() {
        let (slope, offset) = logistic(&judged(1000, 0.5, 10.0));
        assert!(slope.is_finite() && offset.is_finite(), "{slope} {offset}");
    }

    #[test]
    fn rare_concepts_are_not_calibrated() {
        assert_eq!(learn(&judged(1000, 0.01, 0.3)), None);
    }
}
