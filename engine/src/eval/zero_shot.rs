//! Labels by nearest prompt against the scored ones.

use std::collections::BTreeMap;

use nocturne_encoder::metrics::{Confusion, auroc};
use nocturne_encoder::{LabelDirections, PromptSet};
use nocturne_psg::Stage;
use serde::Serialize;

use super::scored_night::{ScoredEpoch, ScoredNight};

/// Zero-shot stages against the scored ones.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StageAgreement {
    /// Mean share of the epochs of a stage that were recognised, over the stages that occur.
    pub balanced_accuracy: Option<f64>,
    /// Mean F1 over the stages that occur.
    pub macro_f1: Option<f64>,
    /// Cohen's kappa.
    pub kappa: Option<f64>,
    /// Epochs that were judged.
    pub epochs: usize,
    /// Names of the stages, in the order of the table.
    pub labels: Vec<&'static str>,
    /// Epochs by scored stage (rows) and guess (columns).
    pub confusion: Vec<Vec<usize>>,
}

/// Scores of an event's prompts against the scored events.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EventAgreement {
    /// Chance that an epoch with the event scores above one without.
    pub auroc: f64,
    /// Share of epochs with the event.
    pub prevalence: f64,
    /// Epochs that were judged.
    pub epochs: usize,
}

fn epochs(nights: &[ScoredNight]) -> impl Iterator<Item = &ScoredEpoch> {
    nights.iter().flat_map(|night| &night.epochs)
}

/// Judges every scored epoch that shows stages at all.
pub(super) fn stages(
    nights: &[ScoredNight],
    directions: &[LabelDirections],
) -> Option<StageAgreement> {
    let visible = |epoch: &&ScoredEpoch| {
        PromptSet::stages().labels.iter().all(|label| label.is_visible_in(epoch.mask))
    };
    let judged = epochs(nights)
        .filter(visible)
        .filter_map(|epoch| Some((epoch.stage?.index(), guess(epoch, directions))));
    let confusion = Confusion::count(Stage::ALL.len(), judged);
    if confusion.total() == 0 {
        return None;
    }
    let row =
        |truth: Stage| Stage::ALL.map(|guess| confusion.get(truth.index(), guess.index())).to_vec();
    Some(StageAgreement {
        balanced_accuracy: confusion.balanced_accuracy(),
        macro_f1: confusion.macro_f1(),
        kappa: confusion.kappa(),
        epochs: confusion.total(),
        labels: Stage::ALL.map(Stage::code).to_vec(),
        confusion: Stage::ALL.map(row).to_vec(),
    })
}

/// Returns the place of the nearest stage; the prompts are in the order of [`Stage::ALL`].
fn guess(epoch: &ScoredEpoch, directions: &[LabelDirections]) -> usize {
    let margins: Vec<f32> = directions.iter().map(|label| label.margin(&epoch.embedding)).collect();
    (0..margins.len()).max_by(|a, b| margins[*a].total_cmp(&margins[*b])).unwrap_or(0)
}

pub(super) fn wake_vs_deep(nights: &[ScoredNight], directions: &[LabelDirections]) -> Option<f64> {
    let margin =
        |stage: Stage, epoch: &ScoredEpoch| directions[stage.index()].margin(&epoch.embedding);
    let scored: Vec<(f32, bool)> = epochs(nights)
        .filter(|epoch| matches!(epoch.stage, Some(Stage::Wake | Stage::N3)))
        .map(|epoch| {
            (margin(Stage::N3, epoch) - margin(Stage::Wake, epoch), epoch.stage == Some(Stage::N3))
        })
        .collect();
    auroc(&scored)
}

/// Judges events over the sleep of the nights whose events were scored, where at least one epoch has the event.
pub(super) fn events(
    nights: &[ScoredNight],
    directions: &[LabelDirections],
) -> BTreeMap<String, EventAgreement> {
    let mut agreements = BTreeMap::new();
    for (label, directions) in PromptSet::events().labels.iter().zip(directions) {
        // Events count in sleep; where nobody looked for them, their absence says nothing.
        let scored: Vec<(f32, bool)> = nights
            .iter()
            .filter(|night| night.events.is_some())
            .flat_map(|night| &night.epochs)
            .filter(|epoch| {
                label.is_visible_in(epoch.mask) && epoch.stage.is_some_and(Stage::is_sleep)
            })
            .map(|epoch| {
                let has_it = epoch.events.iter().any(|kind| label.covers(kind));
                (directions.margin(&epoch.embedding), has_it)
            })
            .collect();
        if let Some(auroc) = auroc(&scored) {
            let n = scored.iter().filter(|(_, has_it)| *has_it).count();
            let prevalence = n as f64 / scored.len() as f64;
            agreements.insert(
                label.name.clone(),
                EventAgreement { auroc, prevalence, epochs: scored.len() },
            );
        }
    }
    agreements
}
