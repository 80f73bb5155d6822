//! Few-shot evaluation: stages by heads on frozen embeddings, which start from the prompts of the stages and learn from
//! a few labelled epochs.
//!
//! Labelled and judged epochs come from different subjects, or from different hours if there is only one. Every
//! dimension of the embeddings is standardised over its recording, which needs no labels.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use nocturne_encoder::head::{PromptedHead, Shot};
use nocturne_encoder::metrics::{Bootstrap, mean, standard_deviation};
use nocturne_psg::Stage;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_pcg::Pcg64Mcg;
use serde::Serialize;

use crate::encoded_labels::EncodedLabels;
use crate::intervals::Intervals;
use crate::measure::stages::shows_stages;
use crate::neighbours::{SHARED_S, mean_of_neighbours};
use crate::resampling::{Resampling, ResamplingUnit};
use crate::scored_night::{ScoredEpoch, ScoredNight};
use crate::stage_guesses::{StageGuesses, argmax};

/// Numbers of labelled epochs per stage.
const SHOTS: [usize; 4] = [1, 5, 20, 100];
/// Number of random choices of labelled epochs.
const SEEDS: u64 = 5;
/// Number of folds for several subjects; each fold is judged once.
const FOLDS: usize = 5;
/// Length of a fold of a single subject, in seconds.
const HOUR_S: f64 = 3600.0;
/// Distance between the numbers of the first hours of two recordings: more hours than a recording has, so that no two
/// hours share a number.
const HOURS: usize = 1000;
/// Prior of the heads, see [`PromptedHead::fit`].
const PRIOR: f64 = 300.0;

/// Stages by heads learned from a few labelled epochs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FewShot {
    /// The unit that separates labelled from judged epochs.
    pub held_out: HeldOut,
    /// Number of folds; each was held out once.
    pub folds: usize,
    /// Number of random choices of labelled epochs.
    pub seeds: u64,
    /// The figures by number of labelled epochs per stage.
    pub curve: Vec<FewShotPoint>,
}

/// A unit that is held out as one fold.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HeldOut {
    /// Subjects.
    Subjects,
    /// Hours of the only subject; the figure does not cover differences between subjects.
    Hours,
}

/// The figures for a number of labelled epochs per stage.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FewShotPoint {
    /// Labelled epochs per stage that were requested.
    pub shots: usize,
    /// Fewest labelled epochs of any stage in any fold; rare stages have fewer than requested.
    pub fewest: usize,
    /// Accuracy with each epoch by itself.
    #[serde(flatten)]
    pub alone: FewShotAccuracy,
    /// Accuracy with the mean of each epoch and two neighbours on each side.
    pub with_neighbours: FewShotAccuracy,
}

/// Balanced accuracy over the random choices of labelled epochs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FewShotAccuracy {
    /// The mean.
    pub balanced_accuracy: Option<f64>,
    /// Standard deviation over the choices.
    pub sd: Option<f64>,
    /// 95 % interval of the mean.
    pub ci95: Intervals,
}

/// A scored epoch as input of a head.
struct Example {
    /// Its resampling unit.
    unit: usize,
    /// Its fold.
    fold: usize,
    /// Folds whose heads must not learn from it: its own, and the next or previous hour if it may share a neighbour
    /// with that hour.
    withheld: RangeInclusive<usize>,
    features: Vec<f32>,
    /// Zero-shot logits, from which the head starts.
    start: Vec<f32>,
    stage: usize,
}

impl Example {
    /// Returns whether a head that judges a fold may learn from the epoch.
    fn may_teach(&self, fold: usize) -> bool {
        !self.withheld.contains(&fold)
    }
}

/// Learns and judges heads; `None` if there is only one fold or only one stage.
pub(crate) fn evaluate(
    nights: &[ScoredNight],
    labels: &EncodedLabels,
    (resampling, bootstrap): (Resampling, &Bootstrap),
) -> Option<FewShot> {
    let held_out = match resampling.unit {
        ResamplingUnit::Subject => HeldOut::Subjects,
        ResamplingUnit::HalfHour => HeldOut::Hours,
    };
    let alone = examples(nights, labels, held_out, |_, numbers| numbers.to_vec());
    let with_neighbours = examples(nights, labels, held_out, mean_of_neighbours);
    let folds: BTreeSet<usize> = alone.iter().map(|example| example.fold).collect();
    let n_stages = counts(alone.iter()).iter().filter(|count| **count > 0).count();
    if folds.len() < 2 || n_stages < 2 {
        return None;
    }
    let point = |shots: usize| FewShotPoint {
        shots,
        fewest: fewest(&alone, &folds, shots),
        alone: accuracy(&alone, &folds, shots, bootstrap),
        with_neighbours: accuracy(&with_neighbours, &folds, shots, bootstrap),
    };
    Some(FewShot { held_out, folds: folds.len(), seeds: SEEDS, curve: SHOTS.map(point).to_vec() })
}

/// Returns the scored epochs with a channel that shows stages; `transform` is applied to the
/// embeddings and to the logits of each night.
fn examples(
    nights: &[ScoredNight],
    labels: &EncodedLabels,
    held_out: HeldOut,
    transform: impl Fn(&ScoredNight, &[Option<Vec<f32>>]) -> Vec<Option<Vec<f32>>>,
) -> Vec<Example> {
    let mut examples = Vec::new();
    for (i, night) in nights.iter().enumerate() {
        let features = transform(night, &standardised(night));
        let logits = night.epochs.iter().map(|epoch| Some(labels.stage_logits(&epoch.embedding)));
        let starts = transform(night, &logits.collect::<Vec<_>>());
        for ((epoch, features), start) in night.epochs.iter().zip(features).zip(starts) {
            let (Some(features), Some(start)) = (features, start) else { continue };
            let Some(stage) = epoch.stage.filter(|_| shows_stages(epoch)) else { continue };
            let hour = |time_s: f64| HOURS * i + (time_s.max(0.0) / HOUR_S) as usize;
            let (fold, withheld) = match held_out {
                HeldOut::Subjects => {
                    let fold = epoch.unit % FOLDS;
                    (fold, fold..=fold)
                }
                HeldOut::Hours => (
                    hour(epoch.onset_s),
                    hour(epoch.onset_s - SHARED_S)..=hour(epoch.onset_s + SHARED_S),
                ),
            };
            examples.push(Example {
                unit: epoch.unit,
                fold,
                withheld,
                features,
                start,
                stage: stage.index(),
            });
        }
    }
    examples
}

/// Standardises each dimension of the embeddings over the night: mean 0, standard deviation 1.
fn standardised(night: &ScoredNight) -> Vec<Option<Vec<f32>>> {
    let dim = night.epochs.first().map_or(0, |epoch| epoch.embedding.dim());
    let n = night.epochs.len() as f32;
    let (mut means, mut variances) = (vec![0.0; dim], vec![0.0; dim]);
    for epoch in &night.epochs {
        means.iter_mut().zip(epoch.embedding.as_slice()).for_each(|(mean, x)| *mean += x / n);
    }
    for epoch in &night.epochs {
        let from_mean = epoch.embedding.as_slice().iter().zip(&means).map(|(x, mean)| x - mean);
        variances.iter_mut().zip(from_mean).for_each(|(variance, x)| *variance += x * x / n);
    }
    // The lower limit keeps constant dimensions finite.
    let scales: Vec<f32> =
        variances.iter().map(|variance: &f32| 1.0 / variance.sqrt().max(1e-6)).collect();
    let standard = |epoch: &ScoredEpoch| {
        let numbers = epoch.embedding.as_slice().iter().zip(&means).zip(&scales);
        Some(numbers.map(|((x, mean), scale)| (x - mean) * scale).collect())
    };
    night.epochs.iter().map(standard).collect()
}

/// Counts the examples of each stage.
fn counts<'a>(examples: impl Iterator<Item = &'a Example>) -> [usize; Stage::ALL.len()] {
    let mut counts = [0; Stage::ALL.len()];
    examples.for_each(|example| counts[example.stage] += 1);
    counts
}

/// Returns the smallest number of labelled epochs that any stage has in any fold; stages that never occur do not count.
fn fewest(examples: &[Example], folds: &BTreeSet<usize>, shots: usize) -> usize {
    let occurs = counts(examples.iter());
    let of_fold = |fold: usize| {
        let rest = counts(examples.iter().filter(|example| example.may_teach(fold)));
        let occurring = rest.into_iter().zip(occurs).filter(|(_, occurs)| *occurs > 0);
        occurring.map(|(count, _)| count.min(shots)).min().unwrap_or(0)
    };
    folds.iter().copied().map(of_fold).min().unwrap_or(0)
}

/// Returns the accuracy over [`SEEDS`] choices of labelled epochs, each of which judges every fold.
fn accuracy(
    examples: &[Example],
    folds: &BTreeSet<usize>,
    shots: usize,
    bootstrap: &Bootstrap,
) -> FewShotAccuracy {
    let by_seed: Vec<StageGuesses> = (0..SEEDS)
        .map(|seed| {
            let mut random = Pcg64Mcg::seed_from_u64(seed);
            let mut guesses = StageGuesses::new(bootstrap.n_units());
            folds.iter().for_each(|fold| judge(examples, *fold, shots, &mut random, &mut guesses));
            guesses
        })
        .collect();
    let accuracies = |weights: &[u32]| -> Vec<f64> {
        let of_choice = |guesses: &StageGuesses| guesses.confusion(weights).balanced_accuracy();
        by_seed.iter().filter_map(of_choice).collect()
    };
    let values = accuracies(&bootstrap.once());
    let interval = bootstrap.interval(|weights| mean(accuracies(weights)));
    FewShotAccuracy {
        balanced_accuracy: mean(values.iter().copied()),
        sd: standard_deviation(&values),
        ci95: Intervals::from([("balanced_accuracy", interval)]),
    }
}

/// Learns from random epochs outside a fold and judges the fold.
fn judge(
    examples: &[Example],
    fold: usize,
    shots: usize,
    random: &mut Pcg64Mcg,
    guesses: &mut StageGuesses,
) {
    let mut chosen: Vec<Shot<'_>> = Vec::new();
    for stage in 0..Stage::ALL.len() {
        let is_other = |example: &&Example| example.may_teach(fold) && example.stage == stage;
        let mut of_stage: Vec<&Example> = examples.iter().filter(is_other).collect();
        of_stage.shuffle(random);
        chosen.extend(of_stage.into_iter().take(shots).map(|example| Shot {
            features: &example.features,
            zero_shot: &example.start,
            label: stage,
        }));
    }
    if chosen.is_empty() {
        return;
    }
    let head = PromptedHead::fit(&chosen, PRIOR);
    for example in examples.iter().filter(|example| example.fold == fold) {
        let logits = head.logits(&example.features, &example.start);
        guesses.add(example.unit, example.stage, argmax(&logits));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::resampling::resample;
    use crate::scored_night::tests::night_of;

    /// Labels without information: every stage has the same prompt.
    fn labels() -> EncodedLabels {
        EncodedLabels::with_one_prompt(&[0.6, 0.8])
    }

    /// A night of alternating wake and N3; the sign of the first number separates them, and `wake` is its value in wake.
    fn night(subject: &str, wake: f32) -> ScoredNight {
        let epoch = |i: usize| {
            let (stage, side) =
                if i.is_multiple_of(2) { (Stage::Wake, wake) } else { (Stage::N3, -wake) };
            (30.0 * i as f64, stage, [side, 0.1 * (i % 5) as f32])
        };
        night_of(subject, &(0..40).map(epoch).collect::<Vec<_>>())
    }

    fn accuracy_of(nights: &mut [ScoredNight]) -> f64 {
        let (resampling, bootstrap) = resample(nights);
        let few_shot = evaluate(nights, &labels(), (resampling, &bootstrap)).unwrap();
        assert_eq!(few_shot.curve.len(), SHOTS.len());
        few_shot.curve[2].alone.balanced_accuracy.unwrap()
    }

    #[test]
    fn heads_learn_from_other_subjects() {
        assert_eq!(accuracy_of(&mut [night("a", 1.0), night("b", 1.0)]), 1.0);
    }

    #[test]
    fn heads_never_learn_from_the_judged_subject() {
        // The two subjects contradict each other, so a head that saw labels of the judged one would be right.
        assert_eq!(accuracy_of(&mut [night("a", 1.0), night("b", -1.0)]), 0.0);
        let mut two_nights_each =
            [night("a", 1.0), night("b", -1.0), night("a", 1.0), night("b", -1.0)];
        assert_eq!(accuracy_of(&mut two_nights_each), 0.0);
    }

    #[test]
    fn heads_never_learn_from_neighbours_of_the_judged_hour() {
        let epoch = |i: usize| (30.0 * i as f64, Stage::N2, [1.0, 0.0]);
        let nights = [night_of("a", &(0..240).map(epoch).collect::<Vec<_>>())];
        let all = examples(&nights, &labels(), HeldOut::Hours, |_, numbers| numbers.to_vec());
        let teach = |fold| all.iter().filter(|example| example.may_teach(fold)).count();
        // Two hours of 120 epochs; the four next to the other hour are left out.
        assert_eq!([teach(0), teach(1)], [116, 116]);
    }

    #[test]
    fn half_an_hour_is_too_short_to_hold_out_a_fold() {
        let mut nights = [night("a", 1.0)];
        let (resampling, bootstrap) = resample(&mut nights);
        assert_eq!(evaluate(&nights, &labels(), (resampling, &bootstrap)), None);
    }
}
