//! Measures how well the prompts of an event find the epochs in which it was scored.

use std::collections::BTreeMap;

use nocturne_encoder::metrics::{Bootstrap, Ranking, Reliability, mean, percentiles95};
use nocturne_encoder::{Embedding, Label};
use nocturne_psg::Stage;
use serde::Serialize;

use crate::encoded_labels::{ByPrompt, EncodedLabel};
use crate::intervals::Intervals;
use crate::measure::stages::CalibrationError;
use crate::scored_night::{ScoredEpoch, ScoredNight};

/// Events whose AUROC is averaged: those that the ten channels show best.
const IN_THE_MEAN: [&str; 7] = [
    "arousal",
    "obstructive_apnea",
    "central_apnea",
    "hypopnea",
    "spindle",
    "rapid_eye_movement",
    "slow_wave",
];

/// Agreement of an event's prompts with the scored events.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EventAgreement {
    /// Probability that an epoch with the event scores higher than one without.
    pub auroc: f64,
    /// Average precision; a random ranking gives the prevalence.
    pub auprc: Option<f64>,
    /// Share of the epochs with the event.
    pub prevalence: f64,
    /// Number of epochs that were judged.
    pub epochs: usize,
    /// Errors of the probabilities; `None` if the calibration of the bundle does not have the event.
    pub calibration: Option<CalibrationError>,
    /// AUROC of each prompt alone.
    pub by_prompt: Option<ByPrompt>,
    /// 95 % intervals of the figures.
    pub ci95: Intervals,
}

/// The mean AUROC over the events that the ten channels show best.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct MeanOverEvents {
    /// The mean.
    pub auroc: f64,
    /// The events in the mean.
    pub over: Vec<&'static str>,
    /// Events that could not be judged.
    pub without: Vec<&'static str>,
    /// 95 % interval of the mean.
    pub ci95: Intervals,
}

/// Returns the epochs in which an event can be judged, and whether they have it: epochs of sleep with its channels, of
/// nights whose events were scored.
fn judged<'a>(
    nights: &'a [ScoredNight],
    label: &'static Label,
) -> impl Iterator<Item = (&'a ScoredEpoch, bool)> {
    nights
        .iter()
        .filter(|night| night.events.is_some())
        .flat_map(|night| &night.epochs)
        .filter(|epoch| label.is_visible_in(epoch.mask) && epoch.stage.is_some_and(Stage::is_sleep))
        .map(|epoch| (epoch, epoch.events.iter().any(|kind| label.covers(kind))))
}

/// Ranks the judged epochs by the margin of their embeddings.
fn ranking(
    nights: &[ScoredNight],
    label: &'static Label,
    margin: impl Fn(&Embedding) -> f32,
) -> Ranking {
    let scored = judged(nights, label);
    Ranking::new(scored.map(|(epoch, has_it)| (margin(&epoch.embedding), has_it, epoch.unit)))
}

/// Judges each event that occurs, and their mean.
pub(crate) fn evaluate(
    nights: &[ScoredNight],
    events: &[EncodedLabel],
    bootstrap: &Bootstrap,
) -> (BTreeMap<String, EventAgreement>, Option<MeanOverEvents>) {
    let mut agreements = BTreeMap::new();
    // The AUROC in each draw, of the events in the mean.
    let mut draws: Vec<(&'static str, Vec<Option<f64>>)> = Vec::new();
    for event in events {
        let ranking = ranking(nights, event.label, |epoch| event.all_prompts.margin(epoch));
        let once = bootstrap.once();
        let (Some(auroc), Some(prevalence)) = (ranking.auroc(&once), ranking.prevalence(&once))
        else {
            continue;
        };
        let drawn = bootstrap.values(|weights| ranking.auroc(weights));
        let has_units = bootstrap.n_units() > 1;
        let ci95 = Intervals::from([
            ("auroc", percentiles95(&drawn).filter(|_| has_units)),
            ("auprc", bootstrap.interval(|weights| ranking.average_precision(weights))),
            ("prevalence", bootstrap.interval(|weights| ranking.prevalence(weights))),
        ]);
        let agreement = EventAgreement {
            auroc,
            auprc: ranking.average_precision(&once),
            prevalence,
            epochs: ranking.len(),
            calibration: calibration_error(nights, event, bootstrap),
            by_prompt: by_prompt(nights, event),
            ci95,
        };
        agreements.insert(event.label.name.clone(), agreement);
        if let Some(name) = IN_THE_MEAN.iter().find(|name| **name == event.label.name) {
            draws.push((name, drawn));
        }
    }
    let mean = mean_over(&agreements, &draws, bootstrap.n_units() > 1);
    (agreements, mean)
}

fn calibration_error(
    nights: &[ScoredNight],
    event: &EncodedLabel,
    bootstrap: &Bootstrap,
) -> Option<CalibrationError> {
    let model = event.model.as_ref()?;
    let mut reliability = Reliability::new(bootstrap.n_units());
    for (epoch, has_it) in judged(nights, event.label) {
        reliability.add(epoch.unit, model.probability(epoch.embedding.as_slice()), has_it);
    }
    Some(CalibrationError::of(&reliability, bootstrap))
}

fn by_prompt(nights: &[ScoredNight], event: &EncodedLabel) -> Option<ByPrompt> {
    let all: Vec<(&ScoredEpoch, bool)> = judged(nights, event.label).collect();
    ByPrompt::of(event.label.prompts.iter().zip(&event.each_prompt).map(|(prompt, directions)| {
        let scored =
            all.iter().map(|(epoch, has_it)| (directions.margin(&epoch.embedding), *has_it, 0));
        (prompt.clone(), Ranking::new(scored).auroc(&[1]))
    }))
}

fn mean_over(
    agreements: &BTreeMap<String, EventAgreement>,
    draws: &[(&'static str, Vec<Option<f64>>)],
    has_units: bool,
) -> Option<MeanOverEvents> {
    let over: Vec<&'static str> = draws.iter().map(|(name, _)| *name).collect();
    let n_draws = draws.first()?.1.len();
    // Only draws with all of the events count, so that every draw averages the same ones.
    let of_draw = |i: usize| {
        let values: Option<Vec<f64>> = draws.iter().map(|(_, values)| values[i]).collect();
        mean(values?)
    };
    let drawn: Vec<Option<f64>> = (0..n_draws).map(of_draw).collect();
    Some(MeanOverEvents {
        auroc: mean(over.iter().map(|name| agreements[*name].auroc))?,
        without: IN_THE_MEAN.into_iter().filter(|name| !over.contains(name)).collect(),
        over,
        ci95: Intervals::from([("auroc", percentiles95(&drawn).filter(|_| has_units))]),
    })
}
