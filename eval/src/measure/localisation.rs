//! Measures whether the encoder's attention is on the seconds of a scored event (the pointing game).
//!
//! The seconds of the channels that show an event are ranked by their attention and compared with the seconds in which it
//! was scored. This is a hard test: an epoch has one attention map, which does not depend on the event.

use std::collections::BTreeMap;

use nocturne_encoder::PromptSet;
use nocturne_encoder::metrics::{Bootstrap, UnitSums};
use serde::Serialize;

use crate::intervals::Intervals;
use crate::sample::located_event::LocatedEvent;
use crate::scored_night::ScoredNight;

/// Localisation of the seconds of an event by attention, compared with chance.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Localisation {
    /// Number of epochs of sleep that the event fills in part.
    pub epochs: usize,
    /// Share of them whose most attended second is one of the event.
    pub hit_rate: f64,
    /// The share for a random second.
    pub hit_rate_by_chance: f64,
    /// Mean intersection over union of the seconds of the event and as many most attended seconds.
    pub iou: f64,
    /// The mean for random seconds.
    pub iou_by_chance: f64,
    /// 95 % intervals of `hit_rate` and `iou`.
    pub ci95: Intervals,
}

/// Index of the number of epochs, after the four quantities.
const N: usize = 4;

/// Averages the comparisons of each event.
pub(crate) fn evaluate(
    nights: &[ScoredNight],
    bootstrap: &Bootstrap,
) -> BTreeMap<String, Localisation> {
    let mut sums: BTreeMap<usize, UnitSums> = BTreeMap::new();
    for night in nights {
        for located in &night.located {
            let LocatedEvent { epoch_idx, label, hit, hit_by_chance, iou, iou_by_chance } =
                *located;
            let unit = night.epochs[epoch_idx].unit;
            let empty = || UnitSums::new(bootstrap.n_units(), N + 1);
            let sums = sums.entry(label).or_insert_with(empty);
            for (quantity, value) in
                [hit, hit_by_chance, iou, iou_by_chance, 1.0].into_iter().enumerate()
            {
                sums.add(unit, quantity, value);
            }
        }
    }
    let labels = &PromptSet::events().labels;
    sums.iter()
        .map(|(label, sums)| (labels[*label].name.clone(), localisation(sums, bootstrap)))
        .collect()
}

/// Returns the means of the summed quantities, with intervals.
fn localisation(sums: &UnitSums, bootstrap: &Bootstrap) -> Localisation {
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
        iou: mean_of(2),
        iou_by_chance: mean_of(3),
        ci95: Intervals::from([("hit_rate", interval(0)), ("iou", interval(2))]),
    }
}
