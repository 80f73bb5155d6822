//! What a few labelled epochs add: heads on frozen embeddings that begin with the prompts of the stages.
//!
//! The labelled epochs come from other people than those that are judged, or from other hours of the only one.
//! What is told of a recording without labels may be used: each number of an embedding is brought to mean 0 and
//! deviation 1 over its recording.

use std::collections::BTreeSet;
use std::ops::RangeInclusive;

use nocturne_encoder::head::{PromptedHead, Shot};
use nocturne_encoder::metrics::{Bootstrap, deviation, mean};
use nocturne_psg::Stage;
use rand::SeedableRng;
use rand::seq::SliceRandom;
use rand_pcg::Pcg64Mcg;
use serde::Serialize;

use super::agreement::{Guesses, best};
use super::directions::Concepts;
use super::neighbours::{SHARED_S, mean_of_neighbours};
use super::scored_night::{ScoredEpoch, ScoredNight};
use super::stages::shows_stages;
use super::units::{Intervals, Resampling, Unit};

/// Labelled epochs of each stage.
const SHOTS: [usize; 4] = [1, 5, 20, 100];
/// Choices of labelled epochs.
const SEEDS: u64 = 5;
/// Parts into which several people are put; each is judged once.
const FOLDS: usize = 5;
/// Length of a part of the recordings of one person in seconds.
const HOUR_S: f64 = 3600.0;
/// More hours than a recording has: those of one are numbered apart from those of the next.
const HOURS: usize = 1000;
/// Prior of the heads, see [`PromptedHead::fit`].
const PRIOR: f64 = 300.0;

/// Stages by heads that were learned from a few labelled epochs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FewShot {
    /// What the judged epochs share with no labelled one.
    pub held_out: HeldOut,
    /// Parts that were held out, each once.
    pub folds: usize,
    /// Choices of labelled epochs that were tried.
    pub seeds: u64,
    /// The figures by number of labelled epochs of each stage.
    pub curve: Vec<FewShotPoint>,
}

/// What is held out as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HeldOut {
    /// People.
    Subjects,
    /// Hours of the only person; the figure says nothing of other people.
    Hours,
}

/// The figures for a number of labelled epochs of each stage.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FewShotPoint {
    /// Labelled epochs of each stage that were asked for.
    pub shots: usize,
    /// Fewest that a stage had in any fold; of rare stages there are not as many.
    pub fewest: usize,
    /// Each epoch on its own.
    #[serde(flatten)]
    pub alone: FewShotAccuracy,
    /// Where the head reads the mean of an epoch and two neighbours on each side.
    pub with_neighbours: FewShotAccuracy,
}

/// Balanced accuracy over the choices of labelled epochs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct FewShotAccuracy {
    /// The mean.
    pub balanced_accuracy: Option<f64>,
    /// Deviation between the choices.
    pub sd: Option<f64>,
    /// 95 % interval of the mean.
    pub ci95: Intervals,
}

/// A scored epoch as a head sees it.
struct Example {
    unit: usize,
    /// The part that it is in.
    fold: usize,
    /// The parts for which it is no labelled epoch: its own, and an hour with which it may share a neighbour.
    withheld: RangeInclusive<usize>,
    features: Vec<f32>,
    start: Vec<f32>,
    stage: usize,
}

impl Example {
    /// Returns whether a head that judges that part may learn from it.
    fn may_teach(&self, fold: usize) -> bool {
        !self.withheld.contains(&fold)
    }
}

/// Learns and judges heads; `None` where there is one fold, or no two stages are scored.
pub(super) fn evaluate(
    nights: &[ScoredNight],
    concepts: &Concepts,
    (resampling, bootstrap): (Resampling, &Bootstrap),
) -> Option<FewShot> {
    let held_out = match resampling.unit {
        Unit::Subject => HeldOut::Subjects,
        Unit::HalfHour => HeldOut::Hours,
    };
    let alone = examples(nights, concepts, held_out, |_, numbers| numbers.to_vec());
    let with_neighbours = examples(nights, concepts, held_out, mean_of_neighbours);
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

/// Returns the scored epochs that show stages, after something was done with the numbers of each night.
fn examples(
    nights: &[ScoredNight],
    concepts: &Concepts,
    held_out: HeldOut,
    change: impl Fn(&ScoredNight, &[Option<Vec<f32>>]) -> Vec<Option<Vec<f32>>>,
) -> Vec<Example> {
    let mut examples = Vec::new();
    for (i, night) in nights.iter().enumerate() {
        let features = change(night, &standardised(night));
        let logits = night.epochs.iter().map(|epoch| Some(concepts.stage_logits(&epoch.embedding)));
        let starts = change(night, &logits.collect::<Vec<_>>());
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

/// Brings each number of the embeddings to mean 0 and deviation 1 over the night.
fn standardised(night: &ScoredNight) -> Vec<Option<Vec<f32>>> {
    let dim = night.epochs.first().map_or(0, |epoch| epoch.embedding.dim());
    let n = night.epochs.len() as f32;
    let (mut sums, mut squares) = (vec![0.0; dim], vec![0.0; dim]);
    for epoch in &night.epochs {
        sums.iter_mut().zip(epoch.embedding.as_slice()).for_each(|(sum, x)| *sum += x / n);
    }
    for epoch in &night.epochs {
        let from_mean = epoch.embedding.as_slice().iter().zip(&sums).map(|(x, mean)| x - mean);
        squares.iter_mut().zip(from_mean).for_each(|(sum, x)| *sum += x * x / n);
    }
    let scales: Vec<f32> =
        squares.iter().map(|square: &f32| 1.0 / square.sqrt().max(1e-6)).collect();
    let standard = |epoch: &ScoredEpoch| {
        let numbers = epoch.embedding.as_slice().iter().zip(&sums).zip(&scales);
        Some(numbers.map(|((x, mean), scale)| (x - mean) * scale).collect())
    };
    night.epochs.iter().map(standard).collect()
}

fn counts<'a>(examples: impl Iterator<Item = &'a Example>) -> [usize; Stage::ALL.len()] {
    let mut counts = [0; Stage::ALL.len()];
    examples.for_each(|example| counts[example.stage] += 1);
    counts
}

/// Returns the fewest labelled epochs that a stage has, of those that occur, when one fold after the other is held out.
fn fewest(examples: &[Example], folds: &BTreeSet<usize>, shots: usize) -> usize {
    let occurs = counts(examples.iter());
    let of_fold = |fold: usize| {
        let rest = counts(examples.iter().filter(|example| example.may_teach(fold)));
        let occurring = rest.into_iter().zip(occurs).filter(|(_, occurs)| *occurs > 0);
        occurring.map(|(count, _)| count.min(shots)).min().unwrap_or(0)
    };
    folds.iter().copied().map(of_fold).min().unwrap_or(0)
}

fn accuracy(
    examples: &[Example],
    folds: &BTreeSet<usize>,
    shots: usize,
    bootstrap: &Bootstrap,
) -> FewShotAccuracy {
    let by_seed: Vec<Guesses> = (0..SEEDS)
        .map(|seed| {
            let mut random = Pcg64Mcg::seed_from_u64(seed);
            let mut guesses = Guesses::new(bootstrap.n_units());
            folds.iter().for_each(|fold| judge(examples, *fold, shots, &mut random, &mut guesses));
            guesses
        })
        .collect();
    let each = |weights: &[u32]| -> Vec<f64> {
        let of = |guesses: &Guesses| guesses.confusion(weights).balanced_accuracy();
        by_seed.iter().filter_map(of).collect()
    };
    let values = each(&bootstrap.once());
    let interval = bootstrap.interval(|weights| mean(each(weights)));
    FewShotAccuracy {
        balanced_accuracy: mean(values.iter().copied()),
        sd: deviation(&values),
        ci95: Intervals::from([("balanced_accuracy", interval)]),
    }
}

/// Learns from shots outside of a fold and judges the fold.
fn judge(
    examples: &[Example],
    fold: usize,
    shots: usize,
    random: &mut Pcg64Mcg,
    guesses: &mut Guesses,
) {
    let mut chosen: Vec<Shot<'_>> = Vec::new();
    for stage in 0..Stage::ALL.len() {
        let is_other = |example: &&Example| example.may_teach(fold) && example.stage == stage;
        let mut of_stage: Vec<&Example> = examples.iter().filter(is_other).collect();
        of_stage.shuffle(random);
        chosen.extend(of_stage.into_iter().take(shots).map(|example| Shot {
            features: &example.features,
            start: &example.start,
            label: stage,
        }));
    }
    if chosen.is_empty() {
        return;
    }
    let head = PromptedHead::fit(&chosen, PRIOR);
    for example in examples.iter().filter(|example| example.fold == fold) {
        let logits = head.logits(&example.features, &example.start);
        guesses.add(example.unit, example.stage, best(&logits));
    }
}

#[cfg(test)]
mod tests {
    use super::super::scored_night::tests::made_up;
    use super::super::units::resample;
    use super::*;

    /// Concepts that know nothing: every stage has the same prompt.
    fn concepts() -> Concepts {
        Concepts::made_up(&[0.6, 0.8])
    }

    /// A night of wake and N3 in turn, whose first number tells them apart, or the other way round.
    fn night(subject: &str, wake: f32) -> ScoredNight {
        let epoch = |i: usize| {
            let (stage, side) =
                if i.is_multiple_of(2) { (Stage::Wake, wake) } else { (Stage::N3, -wake) };
            (30.0 * i as f64, stage, [side, 0.1 * (i % 5) as f32])
        };
        made_up(subject, &(0..40).map(epoch).collect::<Vec<_>>())
    }

    fn accuracy_of(nights: &mut [ScoredNight]) -> f64 {
        let (resampling, bootstrap) = resample(nights);
        let few_shot = evaluate(nights, &concepts(), (resampling, &bootstrap)).unwrap();
        assert_eq!(few_shot.curve.len(), SHOTS.len());
        few_shot.curve[2].alone.balanced_accuracy.unwrap()
    }

    #[test]
    fn labelled_epochs_of_other_people_are_learned_from() {
        assert_eq!(accuracy_of(&mut [night("a", 1.0), night("b", 1.0)]), 1.0);
    }

    #[test]
    fn labelled_epochs_of_the_judged_person_are_not_seen() {
        // Each person contradicts the other: whoever had seen the labels would be right.
        assert_eq!(accuracy_of(&mut [night("a", 1.0), night("b", -1.0)]), 0.0);
        let mut two_nights_each =
            [night("a", 1.0), night("b", -1.0), night("a", 1.0), night("b", -1.0)];
        assert_eq!(accuracy_of(&mut two_nights_each), 0.0);
    }

    #[test]
    fn epochs_that_share_a_neighbour_with_the_judged_hour_teach_nothing() {
        let epoch = |i: usize| (30.0 * i as f64, Stage::N2, [1.0, 0.0]);
        let nights = [made_up("a", &(0..240).map(epoch).collect::<Vec<_>>())];
        let all = examples(&nights, &concepts(), HeldOut::Hours, |_, numbers| numbers.to_vec());
        let teach = |fold| all.iter().filter(|example| example.may_teach(fold)).count();
        // Two hours of 120 epochs; the four next to the other hour are left out.
        assert_eq!([teach(0), teach(1)], [116, 116]);
    }

    #[test]
    fn half_an_hour_leaves_nothing_to_hold_out() {
        let mut nights = [night("a", 1.0)];
        let (resampling, bootstrap) = resample(&mut nights);
        assert_eq!(evaluate(&nights, &concepts(), (resampling, &bootstrap)), None);
    }
}
