//! Measures whether the prompts of an event match in the seconds and channels in which it was scored (the pointing
//! game).

use std::collections::BTreeMap;
use std::path::Path;

use nocturne_encoder::metrics::{Bootstrap, UnitSums};
use nocturne_encoder::{Embedding, Label, MatchSpan, PromptSet, SignalEncoder};
use nocturne_psg::montage::{Channel, ChannelMask};
use nocturne_psg::{Night, Recording, ZScore};
use serde::Serialize;

use crate::encoded_labels::EncodedLabels;
use crate::error::Result;
use crate::intervals::Intervals;
use crate::sample::event_seconds::{EventSeconds, SECONDS};
use crate::scored_night::ScoredNight;

/// Localisation of the seconds and channels of an event by its prompts, compared with chance.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Localisation {
    /// Number of epochs of sleep that the event fills in part.
    pub epochs: usize,
    /// Share of them in which the second that matches best is one of the event.
    pub hit_rate: f64,
    /// The share for a random second.
    pub hit_rate_by_chance: f64,
    /// Share of them in which the channel that matches best at that second is one in which the event is seen.
    pub channel_rate: f64,
    /// The share for a random channel.
    pub channel_rate_by_chance: f64,
    /// Mean intersection over union of the seconds of the event and as many seconds that match best.
    pub iou: f64,
    /// The mean for random seconds.
    pub iou_by_chance: f64,
    /// 95 % intervals of `hit_rate`, `channel_rate` and `iou`.
    pub ci95: Intervals,
}

/// The quantities of an epoch, of which the means are taken.
const QUANTITIES: usize = 6;
/// Index of the number of epochs, after the quantities.
const N: usize = QUANTITIES;

/// Localises up to `n` epochs of each event, spread evenly over the nights. Each night is read again.
pub(crate) fn evaluate(
    nights: &[(&Path, &ScoredNight)],
    n: usize,
    (signal, labels): (&mut SignalEncoder, &EncodedLabels),
    z_score: ZScore,
    bootstrap: &Bootstrap,
) -> Result<BTreeMap<String, Localisation>> {
    let mut sums: BTreeMap<usize, UnitSums> = BTreeMap::new();
    for (night_idx, sampled) in sample(nights, n) {
        let (path, scored) = nights[night_idx];
        let night = Night::read(&Recording::open(path)?, z_score)?;
        for seconds in sampled {
            let label = &labels.events[seconds.label];
            let query = &label.all_prompts.positive;
            let Some(quantities) = localise(signal, &night, (label.label, query), seconds)? else {
                continue;
            };
            let unit = scored.epochs[seconds.epoch_idx].unit;
            let empty = || UnitSums::new(bootstrap.n_units(), N + 1);
            let sums = sums.entry(seconds.label).or_insert_with(empty);
            quantities.into_iter().chain([1.0]).enumerate().for_each(|(quantity, value)| {
                sums.add(unit, quantity, value);
            });
        }
    }
    let labels = &PromptSet::events().labels;
    Ok(sums
        .iter()
        .map(|(label, sums)| (labels[*label].name.clone(), means(sums, bootstrap)))
        .collect())
}

/// Returns up to `n` epochs of each label, by the index of their night.
fn sample<'a>(
    nights: &[(&Path, &'a ScoredNight)],
    n: usize,
) -> BTreeMap<usize, Vec<&'a EventSeconds>> {
    let mut sampled: BTreeMap<usize, Vec<&EventSeconds>> = BTreeMap::new();
    for label in 0..PromptSet::events().labels.len() {
        let all: Vec<(usize, &EventSeconds)> = nights
            .iter()
            .enumerate()
            .flat_map(|(i, (_, night))| night.located.iter().map(move |seconds| (i, seconds)))
            .filter(|(_, seconds)| seconds.label == label)
            .collect();
        let n = n.min(all.len());
        for i in 0..n {
            let (night_idx, seconds) = all[i * all.len() / n];
            sampled.entry(night_idx).or_default().push(seconds);
        }
    }
    sampled
}

/// Returns the quantities of an epoch in the order of the fields; `None` if nothing can be exchanged with it.
fn localise(
    signal: &mut SignalEncoder,
    night: &Night,
    (label, query): (&Label, &Embedding),
    seconds: &EventSeconds,
) -> Result<Option<[f64; QUANTITIES]>> {
    let Some(found) = signal.localise(night, seconds.epoch_idx, query)? else { return Ok(None) };
    let (n, is_scored) = (seconds.count(), &seconds.is_scored);
    let mut order: Vec<usize> = (0..SECONDS).collect();
    order.sort_by(|a, b| found.seconds[*b].total_cmp(&found.seconds[*a]));
    let both = order[..n].iter().filter(|second| is_scored[**second]).count();
    let best_channel = found.spans.first().and_then(|span: &MatchSpan| span.channels.first());
    let is_shown = best_channel.is_some_and(|best| label.is_seen_in(best.channel));
    let of = |is_true: bool| f64::from(u8::from(is_true));
    Ok(Some([
        of(is_scored[order[0]]),
        n as f64 / SECONDS as f64,
        of(is_shown),
        share_of_channels(night.epochs()[seconds.epoch_idx].mask, label),
        iou(both, n),
        iou_by_chance(n),
    ]))
}

/// Returns the share of the channels of an epoch, without the position, in which a label is seen.
fn share_of_channels(mask: ChannelMask, label: &Label) -> f64 {
    let waves: Vec<Channel> = mask.iter().filter(|it| *it != Channel::Position).collect();
    let shown = waves.iter().filter(|channel| label.is_seen_in(**channel)).count();
    shown as f64 / waves.len() as f64
}

/// Returns the means of the summed quantities, with intervals.
fn means(sums: &UnitSums, bootstrap: &Bootstrap) -> Localisation {
    let mean = |weights: &[u32], quantity: usize| {
        let sums = sums.weighted(weights);
        (sums[N] > 0.0).then(|| sums[quantity] / sums[N])
    };
    let once = bootstrap.once();
    let mean_of = |quantity: usize| mean(&once, quantity).unwrap_or(0.0);
    let interval = |quantity: usize| bootstrap.interval(|weights| mean(weights, quantity));
    Localisation {
        epochs: sums.weighted(&once)[N] as usize,
        hit_rate: mean_of(0),
        hit_rate_by_chance: mean_of(1),
        channel_rate: mean_of(2),
        channel_rate_by_chance: mean_of(3),
        iou: mean_of(4),
        iou_by_chance: mean_of(5),
        ci95: Intervals::from([
            ("hit_rate", interval(0)),
            ("channel_rate", interval(2)),
            ("iou", interval(4)),
        ]),
    }
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
    use crate::scored_night::tests::night_of;

    #[test]
    fn overlap_by_chance_is_the_mean_over_all_draws() {
        // One second of thirty: both are the same in one of thirty draws.
        assert!((iou_by_chance(1) - 1.0 / 30.0).abs() < 1e-12);
        // Of 29 seconds both leave out one: the same in one of thirty draws, else 28 of 30 are in both.
        let expected = 1.0 / 30.0 + 29.0 / 30.0 * 28.0 / 30.0;
        assert!((iou_by_chance(29) - expected).abs() < 1e-12);
    }

    #[test]
    fn sample_of_each_event_is_spread_over_the_nights() {
        let mut is_scored = [false; SECONDS];
        is_scored[4] = true;
        let seconds = |epoch_idx, label| EventSeconds { epoch_idx, label, is_scored };
        let mut nights = [night_of("a", &[]), night_of("b", &[])];
        nights[0].located = (0..8).map(|i| seconds(i, 0)).chain([seconds(3, 1)]).collect();
        nights[1].located = (0..8).map(|i| seconds(i, 0)).collect();
        let path = Path::new("");
        let sampled = sample(&[(path, &nights[0]), (path, &nights[1])], 4);
        let of = |night: usize| -> Vec<(usize, usize)> {
            sampled[&night].iter().map(|it| (it.label, it.epoch_idx)).collect()
        };
        assert_eq!((of(0), of(1)), (vec![(0, 0), (0, 4), (1, 3)], vec![(0, 0), (0, 4)]));
    }

    #[test]
    fn share_of_channels_leaves_the_position_out() {
        let label = PromptSet::events().label("spindle").unwrap();
        assert!((share_of_channels(ChannelMask::ALL, label) - 2.0 / 9.0).abs() < 1e-12);
        // An arousal is seen in the chin EMG too.
        let label = PromptSet::events().label("arousal").unwrap();
        assert!((share_of_channels(ChannelMask::ALL, label) - 3.0 / 9.0).abs() < 1e-12);
    }
}
