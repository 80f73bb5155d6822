//! Whether the attention of an epoch is on the seconds of a scored event.

use nocturne_encoder::{AttentionMap, Label, PromptSet};
use nocturne_psg::{EPOCH_S, Epoch, Stage};

/// Seconds of an epoch.
const SECONDS: usize = EPOCH_S as usize;

/// The attention of one epoch compared with one scored event.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct LocatedEvent {
    pub(crate) epoch_idx: usize,
    /// Index of the label in the prompt set of events.
    pub(crate) label: usize,
    /// 1 if the most attended second is one of the event, else 0.
    pub(crate) hit: f64,
    pub(crate) hit_by_chance: f64,
    /// Intersection over union of the seconds of the event and as many most attended seconds.
    pub(crate) iou: f64,
    pub(crate) iou_by_chance: f64,
}

/// Compares the attention of an epoch of sleep with each event scored in it.
pub(crate) fn locate(epoch_idx: usize, epoch: &Epoch, map: &AttentionMap) -> Vec<LocatedEvent> {
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
) -> Option<LocatedEvent> {
    let is_scored = scored_seconds(epoch, label);
    let n = is_scored.iter().filter(|is_scored| **is_scored).count();
    // If the event fills the epoch, every second is a hit.
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
    Some(LocatedEvent {
        epoch_idx,
        label: label_idx,
        hit: f64::from(u8::from(is_scored[order[0]])),
        hit_by_chance: n as f64 / SECONDS as f64,
        iou: iou(both, n),
        iou_by_chance: iou_by_chance(n),
    })
}

/// Returns the seconds in which an event of the label was scored: those that it overlaps by half a second, and the one
/// that contains its midpoint.
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

/// Returns the intersection over union of two sets of `n` seconds with `both` in common.
fn iou(both: usize, n: usize) -> f64 {
    both as f64 / (2 * n - both) as f64
}

/// Returns the expected intersection over union of `n` seconds with `n` random ones: the mean over the hypergeometric
/// distribution of their number in common.
fn iou_by_chance(n: usize) -> f64 {
    let choose = |n: usize, k: usize| (0..k).fold(1.0, |c, i| c * (n - i) as f64 / (k - i) as f64);
    let all = choose(SECONDS, n);
    let fewest = (2 * n).saturating_sub(SECONDS);
    (fewest..=n)
        .map(|both| choose(n, both) * choose(SECONDS - n, n - both) / all * iou(both, n))
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn overlap_by_chance_is_the_mean_over_all_draws() {
        // One second of thirty: both are the same in one of thirty draws.
        assert!((iou_by_chance(1) - 1.0 / 30.0).abs() < 1e-12);
        // Of 29 seconds both leave out one: the same in one of thirty draws, else 28 of 30 are in both.
        let expected = 1.0 / 30.0 + 29.0 / 30.0 * 28.0 / 30.0;
        assert!((iou_by_chance(29) - expected).abs() < 1e-12);
    }
}
