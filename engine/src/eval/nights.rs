//! Rankings of nights by the rate of a concept against the scored rate.

use std::collections::BTreeMap;

use nocturne_encoder::metrics::{Bootstrap, spearman};
use nocturne_psg::Stage;
use serde::Serialize;

use super::directions::Concept;
use super::scored_night::ScoredNight;
use super::units::Intervals;
use crate::night::rate::{Rate, scored_rate};

/// Fewest nights from which a ranking is judged.
const FEWEST_NIGHTS: usize = 3;
/// Draws of the bootstrap, and their seed.
const DRAWS: usize = 1000;
const SEED: u64 = 20_260_104;

/// Found rates of a concept against scored ones, night by night.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NightAgreement {
    /// Rank correlation of found and scored rates; `None` where one of them is the same in every night.
    pub spearman: Option<f64>,
    /// Nights that were compared.
    pub nights: usize,
    /// Scored and found rate per hour of sleep of each night.
    pub rates: Vec<(f64, f64)>,
    /// 95 % interval of the correlation; the nights are drawn again.
    pub ci95: Intervals,
}

/// Compares the rates of every concept that occurs.
pub(super) fn rankings(
    nights: &[ScoredNight],
    concepts: &[Concept],
) -> BTreeMap<String, NightAgreement> {
    let mut rankings = BTreeMap::new();
    for concept in concepts {
        let rates: Vec<(f64, f64)> =
            nights.iter().filter_map(|night| rates(night, concept)).collect();
        let occurs = rates.iter().any(|(scored, _)| *scored > 0.0);
        if rates.len() >= FEWEST_NIGHTS && occurs {
            rankings.insert(concept.label.name.clone(), agreement(rates));
        }
    }
    rankings
}

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

/// Returns the scored and the found rate of a night, where both can be told.
fn rates(night: &ScoredNight, concept: &Concept) -> Option<(f64, f64)> {
    let Concept { label, whole, calibration, .. } = concept;
    let asleep: Vec<_> =
        night.epochs.iter().filter(|epoch| epoch.stage.is_some_and(Stage::is_sleep)).collect();
    let asleep_s: Vec<f64> = asleep.iter().map(|epoch| epoch.onset_s).collect();
    let events = night.events.as_ref()?.iter().filter(|event| label.covers(event.kind));
    let scored = scored_rate(&asleep_s, events.map(|event| event.onset_s))?;
    let judged: Vec<f32> = asleep
        .iter()
        .filter(|epoch| label.is_visible_in(epoch.mask))
        .map(|epoch| calibration.probability(whole.margin(&epoch.embedding)))
        .collect();
    let found = judged.iter().filter(|probability| **probability >= calibration.threshold).count();
    Some((scored, Rate::estimate(found, judged.len(), calibration)?.per_hour))
}
