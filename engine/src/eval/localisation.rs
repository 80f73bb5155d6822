//! Does the encoder look where an event was scored?
//!
//! The attention of an epoch is one for all questions, so this asks much of it: the seconds of the channels that show an
//! event are ranked by their weight, and compared with the seconds in which it was scored.

use std::collections::BTreeMap;

use nocturne_encoder::metrics::{Bootstrap, UnitSums};
use nocturne_encoder::{AttentionMap, Label, PromptSet};
use nocturne_psg::{EPOCH_S, Epoch, Stage};
use serde::Serialize;

use super::scored_night::ScoredNight;
use super::units::Intervals;

/// Seconds of an epoch.
const SECONDS: usize = EPOCH_S as usize;

/// How well the attention finds the seconds of an event, against chance.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Localisation {
    /// Epochs of sleep that hold the event and more than it.
    pub epochs: usize,
    /// Share of them whose most attended second is one of the event.
    pub hit_rate: f64,
    /// What a second by chance gives.
    pub hit_rate_by_chance: f64,
    /// Mean overlap of the event's seconds with as many most attended ones: those in both by those in either.
    pub iou: f64,
    /// What as many seconds by chance give.
    pub iou_by_chance: f64,
    /// 95 % intervals of the share and of the overlap.
    pub ci95: Intervals,
}

/// What was found in one epoch.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Located {
    epoch_idx: usize,
    /// Place of the label in the events' prompt set.
    label: usize,
    hit: f64,
    hit_by_chance: f64,
    iou: f64,
    iou_by_chance: f64,
}

const N: usize = 4;

/// Compares the attention of an epoch with each event that it holds.
pub(super) fn locate(epoch_idx: usize, epoch: &Epoch, map: &AttentionMap) -> Vec<Located> {
    if !epoch.stage.is_some_and(Stage::is_sleep) {
        return Vec::new();
    }
    let labels = PromptSet::events().labels.iter().enumerate();
    labels.filter_map(|(i, label)| locate_one(epoch_idx, epoch, map, (i, label))).collect()
}

fn locate_one(
    epoch_idx: usize,
    epoch: &Epoch,
    map: &AttentionMap,
    (label_idx, label): (usize, &Label),
) -> Option<Located> {
    let is_scored = scored_seconds(epoch, label);
    let n = is_scored.iter().filter(|is_scored| **is_scored).count();
    // Where all of the epoch is scored, every second is right.
    if n == 0 || n == SECONDS || label.indirect || !label.is_visible_in(epoch.mask) {
        return None;
    }
    let weights = map.seconds();
    let weight = |second: usize| -> f32 {
        let shown = label.needs.iter().filter(|channel| epoch.mask.contains(**channel));
        shown.map(|channel| weights[channel.index() * SECONDS + second]).sum()
    };
    let mut order: Vec<usize> = (0..SECONDS).collect();
    order.sort_by(|a, b| weight(*b).total_cmp(&weight(*a)));
    let both = order[..n].iter().filter(|second| is_scored[**second]).count();
    Some(Located {
        epoch_idx,
        label: label_idx,
        hit: f64::from(u8::from(is_scored[order[0]])),
        hit_by_chance: n as f64 / SECONDS as f64,
        iou: iou(both, n),
        iou_by_chance: iou_by_chance(n),
    })
}

/// Returns the seconds in which an event of the label was scored: those that it shares half a second with, and the one
/// that holds its middle.
fn scored_seconds(epoch: &Epoch, label: &Label) -> [bool; SECONDS] {
    let mut is_scored = [false; SECONDS];
    for event in epoch.events.iter().filter(|event| label.covers(event.kind)) {
        let middle_s = event.onset_s + event.duration_s / 2.0 - epoch.onset_s;
        for (second, is_scored) in is_scored.iter_mut().enumerate() {
            let start_s = second as f64;
            let shared_s = event.overlap_s(epoch.onset_s + start_s, epoch.onset_s + start_s + 1.0);
            *is_scored |= shared_s >= 0.5 || (start_s..start_s + 1.0).contains(&middle_s);
        }
    }
    is_scored
}

/// Returns the seconds in both of two sets of `n` by those in either.
fn iou(both: usize, n: usize) -> f64 {
    both as f64 / (2 * n - both) as f64
}

/// Returns the mean overlap of `n` seconds with `n` others that are drawn without looking.
fn iou_by_chance(n: usize) -> f64 {
    let choose = |n: usize, k: usize| (0..k).fold(1.0, |c, i| c * (n - i) as f64 / (k - i) as f64);
    let all = choose(SECONDS, n);
    let fewest = (2 * n).saturating_sub(SECONDS);
    (fewest..=n)
        .map(|both| choose(n, both) * choose(SECONDS - n, n - both) / all * iou(both, n))
        .sum()
}

/// Sums up what was found, event by event.
pub(super) fn evaluate(
    nights: &[ScoredNight],
    bootstrap: &Bootstrap,
) -> BTreeMap<String, Localisation> {
    let mut sums: BTreeMap<usize, UnitSums> = BTreeMap::new();
    for night in nights {
        for located in &night.located {
            let Located { epoch_idx, label, hit, hit_by_chance, iou, iou_by_chance } = *located;
            let unit = night.epochs[epoch_idx].unit;
            let empty = || UnitSums::new(bootstrap.n_units(), N + 1);
            let sums = sums.entry(label).or_insert_with(empty);
            for (place, value) in
                [hit, hit_by_chance, iou, iou_by_chance, 1.0].into_iter().enumerate()
            {
                sums.add(unit, place, value);
            }
        }
    }
    let labels = &PromptSet::events().labels;
    sums.iter()
        .map(|(label, sums)| (labels[*label].name.clone(), localisation(sums, bootstrap)))
        .collect()
}

fn localisation(sums: &UnitSums, bootstrap: &Bootstrap) -> Localisation {
    let mean = |weights: &[u32], place: usize| {
        let sums = sums.weighted(weights);
        (sums[N] > 0.0).then(|| sums[place] / sums[N])
    };
    let once = bootstrap.once();
    let of = |place: usize| mean(&once, place).unwrap_or(0.0);
    let interval = |place: usize| bootstrap.interval(|weights| mean(weights, place));
    Localisation {
        epochs: sums.weighted(&once)[N] as usize,
        hit_rate: of(0),
        hit_rate_by_chance: of(1),
        iou: of(2),
        iou_by_chance: of(3),
        ci95: Intervals::from([("hit_rate", interval(0)), ("iou", interval(2))]),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlap_by_chance_is_that_of_every_draw() {
        // One second of thirty: both are the same in one of thirty draws.
        assert!((iou_by_chance(1) - 1.0 / 30.0).abs() < 1e-12);
        // Of 29 seconds both lack one: the same in one of thirty draws, else 28 of 30 are in both.
        let expected = 1.0 / 30.0 + 29.0 / 30.0 * 28.0 / 30.0;
        assert!((iou_by_chance(29) - expected).abs() < 1e-12);
    }
}
