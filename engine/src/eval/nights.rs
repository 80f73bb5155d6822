//! Rankings of nights by the rate of a concept against the scored rate.

use std::collections::BTreeMap;

use nocturne_encoder::bundle::{Calibration, Manifest};
use nocturne_encoder::metrics::spearman;
use nocturne_encoder::{Label, LabelDirections, PromptSet};
use nocturne_psg::Stage;
use serde::Serialize;

use super::scored_night::ScoredNight;
use crate::concept::calibration;
use crate::night::rate::{Rate, scored_rate};

/// Fewest nights from which a ranking is judged.
const FEWEST_NIGHTS: usize = 3;

/// Found rates of a concept against scored ones, night by night.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct NightAgreement {
    /// Rank correlation of found and scored rates; `None` where one of them is the same in every night.
    pub spearman: Option<f64>,
    /// Nights that were compared.
    pub nights: usize,
    /// Scored and found rate per hour of sleep of each night.
    pub rates: Vec<(f64, f64)>,
}

/// Compares the rates of every concept that occurs.
pub(super) fn rankings(
    nights: &[ScoredNight],
    directions: &[LabelDirections],
    manifest: &Manifest,
) -> BTreeMap<String, NightAgreement> {
    let mut rankings = BTreeMap::new();
    for (label, directions) in PromptSet::events().labels.iter().zip(directions) {
        let calibration = calibration(manifest, &label.name);
        let rates: Vec<(f64, f64)> = nights
            .iter()
            .filter_map(|night| rates(night, label, directions, &calibration))
            .collect();
        let occurs = rates.iter().any(|(scored, _)| *scored > 0.0);
        if rates.len() >= FEWEST_NIGHTS && occurs {
            let agreement =
                NightAgreement { spearman: spearman(&rates), nights: rates.len(), rates };
            rankings.insert(label.name.clone(), agreement);
        }
    }
    rankings
}

/// Returns the scored and the found rate of a night, where both can be told.
fn rates(
    night: &ScoredNight,
    label: &Label,
    directions: &LabelDirections,
    calibration: &Calibration,
) -> Option<(f64, f64)> {
    let asleep: Vec<_> =
        night.epochs.iter().filter(|epoch| epoch.stage.is_some_and(Stage::is_sleep)).collect();
    let asleep_s: Vec<f64> = asleep.iter().map(|epoch| epoch.onset_s).collect();
    let events = night.events.as_ref()?.iter().filter(|event| label.covers(event.kind));
    let scored = scored_rate(&asleep_s, events.map(|event| event.onset_s))?;
    let judged: Vec<f32> = asleep
        .iter()
        .filter(|epoch| label.is_visible_in(epoch.mask))
        .map(|epoch| calibration.probability(directions.margin(&epoch.embedding)))
        .collect();
    let found = judged.iter().filter(|probability| **probability >= calibration.threshold).count();
    Some((scored, Rate::estimate(found, judged.len(), calibration)?.per_hour))
}
