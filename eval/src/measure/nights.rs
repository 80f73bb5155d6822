//! Measures how well nights are ranked by the mean probability of an event, compared with its scored rate.

use std::collections::BTreeMap;

use nocturne_encoder::metrics::{Bootstrap, spearman};
use nocturne_psg::statistics::{Scope, ScoredEvents};
use nocturne_psg::{EventKind, EventSet, Stage};
use serde::Serialize;

use crate::encoded_labels::EncodedLabel;
use crate::intervals::Intervals;
use crate::scored_night::{ScoredEpoch, ScoredNight};

/// Minimum number of nights of a ranking.
const MIN_NIGHTS: usize = 3;
/// Draws of the bootstrap, and their seed.
const DRAWS: usize = 1000;
const SEED: u64 = 20_260_104;

/// What is found of an event against its scored rate, by night.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NightAgreement {
    /// Spearman rank correlation of both; `None` if one of them is the same in every night.
    pub spearman: Option<f64>,
    /// Number of nights.
    pub nights: usize,
    /// Scored rate per hour of sleep, and mean probability in an epoch of sleep, of each night.
    pub rates: Vec<(f64, f64)>,
    /// 95 % interval of the correlation; nights are resampled.
    pub ci95: Intervals,
}

/// Compares the rates of every event that occurs.
pub(crate) fn rankings(
    nights: &[ScoredNight],
    events: &[EncodedLabel],
) -> BTreeMap<String, NightAgreement> {
    let mut rankings = BTreeMap::new();
    for event in events {
        let rates: Vec<(f64, f64)> =
            nights.iter().filter_map(|night| rates(night, event)).collect();
        let occurs = rates.iter().any(|(scored, _)| *scored > 0.0);
        if rates.len() >= MIN_NIGHTS && occurs {
            rankings.insert(event.label.name.clone(), agreement(rates));
        }
    }
    rankings
}

/// Correlates the rates; the nights are the units of the bootstrap.
fn agreement(rates: Vec<(f64, f64)>) -> NightAgreement {
    let drawn = |weights: &[u32]| {
        let repeated = rates.iter().zip(weights);
        let repeated = repeated.flat_map(|(pair, n)| std::iter::repeat_n(*pair, *n as usize));
        spearman(&repeated.collect::<Vec<_>>())
    };
    let interval = Bootstrap::draw(rates.len(), DRAWS, SEED).interval(drawn);
    NightAgreement {
        spearman: spearman(&rates),
        nights: rates.len(),
        ci95: Intervals::from([("spearman", interval)]),
        rates,
    }
}

/// Returns the scored rate of a night and the mean probability of the event in its sleep; `None` unless both are known.
fn rates(night: &ScoredNight, event: &EncodedLabel) -> Option<(f64, f64)> {
    let EncodedLabel { label, all_prompts, model, .. } = event;
    let asleep: Vec<_> =
        night.epochs.iter().filter(|epoch| epoch.stage.is_some_and(Stage::is_sleep)).collect();
    let sleep = Scope::of_onsets(asleep.iter().map(|epoch| epoch.onset_s));
    let kinds: EventSet = EventKind::ALL.into_iter().filter(|it| label.covers(*it)).collect();
    let scored = ScoredEvents::new(night.events.as_ref()?, EventKind::ALL.into_iter().collect());
    let scored = scored.rate(kinds, &sleep).ok()?.per_hour();
    // Without a calibration, the margin ranks epochs as its probability would.
    let strength = |epoch: &&ScoredEpoch| match model {
        Some(model) => model.probability(epoch.embedding.as_slice()),
        None => f64::from(all_prompts.margin(&epoch.embedding)),
    };
    let judged: Vec<f64> =
        asleep.iter().filter(|epoch| label.is_visible_in(epoch.mask)).map(strength).collect();
    // The mean probability ranks nights as a monotone estimate of the rate does.
    let found: f64 = judged.iter().sum();
    (!judged.is_empty()).then(|| (scored, found / judged.len() as f64))
}
