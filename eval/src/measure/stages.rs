//! Measures the agreement of zero-shot stages with the scored stages.

use std::collections::BTreeMap;

use nocturne_encoder::PromptSet;
use nocturne_encoder::metrics::{Bootstrap, Ranking, Reliability};
use nocturne_psg::Stage;
use serde::Serialize;

use crate::encoded_labels::{ByPrompt, EncodedLabel, EncodedLabels};
use crate::intervals::Intervals;
use crate::neighbours::mean_of_neighbours;
use crate::scored_night::{ScoredEpoch, ScoredNight};
use crate::stage_guesses::{Agreement, StageGuesses, argmax};

/// Zero-shot stages against the scored ones.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct StageAgreement {
    /// Agreement with each epoch by itself.
    #[serde(flatten)]
    pub agreement: Agreement,
    /// F1 of each stage that occurs.
    pub f1: BTreeMap<&'static str, f64>,
    /// Codes of the stages, in the order of the rows and columns of `confusion`.
    pub labels: Vec<&'static str>,
    /// Number of epochs by scored stage (rows) and guess (columns).
    pub confusion: Vec<Vec<usize>>,
    /// The same by the mean log-probability over an epoch and two neighbours on each side.
    pub with_neighbours: Option<Agreement>,
    /// Calibration of the probabilities.
    pub calibration: CalibrationError,
    /// Balanced accuracy with one prompt per stage: the first of each, the second of each, and so on.
    pub by_prompt: Option<ByPrompt>,
}

/// Calibration errors of probabilities.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CalibrationError {
    /// Expected calibration error (ECE) in 15 bins of equal width; 0 is best.
    pub ece: Option<f64>,
    /// Brier score: mean squared error of the probabilities, summed over exclusive labels; 0 is best.
    pub brier: Option<f64>,
    /// 95 % intervals of both.
    pub ci95: Intervals,
}

impl CalibrationError {
    pub(crate) fn of(reliability: &Reliability, bootstrap: &Bootstrap) -> Self {
        let once = bootstrap.once();
        Self {
            ece: reliability.ece(&once),
            brier: reliability.brier(&once),
            ci95: Intervals::from([
                ("ece", bootstrap.interval(|weights| reliability.ece(weights))),
                ("brier", bootstrap.interval(|weights| reliability.brier(weights))),
            ]),
        }
    }
}

/// Returns whether an epoch has a channel that shows stages.
pub(crate) fn shows_stages(epoch: &ScoredEpoch) -> bool {
    PromptSet::stages().labels.iter().all(|label| label.is_visible_in(epoch.mask))
}

/// Returns every scored epoch with a channel that shows stages, with the index of its stage in [`Stage::ALL`].
pub(crate) fn staged(nights: &[ScoredNight]) -> impl Iterator<Item = (&ScoredEpoch, usize)> {
    nights
        .iter()
        .flat_map(|night| &night.epochs)
        .filter(|epoch| shows_stages(epoch))
        .filter_map(|epoch| Some((epoch, epoch.stage?.index())))
}

/// Judges every scored epoch with a channel that shows stages.
pub(crate) fn evaluate(
    nights: &[ScoredNight],
    labels: &EncodedLabels,
    bootstrap: &Bootstrap,
) -> Option<StageAgreement> {
    let mut guesses = StageGuesses::new(bootstrap.n_units());
    let mut reliability = Reliability::new(bootstrap.n_units());
    for (epoch, truth) in staged(nights) {
        let probabilities = softmax(&labels.stage_logits(&epoch.embedding));
        guesses.add(epoch.unit, truth, argmax(&probabilities));
        let probabilities: Vec<f64> = probabilities.into_iter().map(f64::from).collect();
        reliability.add_exclusive(epoch.unit, &probabilities, truth);
    }
    let confusion = guesses.confusion(&bootstrap.once());
    let row =
        |truth: Stage| Stage::ALL.map(|guess| confusion.get(truth.index(), guess.index())).to_vec();
    let f1 = |stage: Stage| Some((stage.code(), confusion.f1(stage.index())?));
    Some(StageAgreement {
        agreement: guesses.agreement(bootstrap)?,
        f1: Stage::ALL.into_iter().filter_map(f1).collect(),
        labels: Stage::ALL.map(Stage::code).to_vec(),
        confusion: Stage::ALL.map(row).to_vec(),
        with_neighbours: with_neighbours(nights, labels, bootstrap.n_units()).agreement(bootstrap),
        calibration: CalibrationError::of(&reliability, bootstrap),
        by_prompt: by_prompt(nights, labels),
    })
}

/// Guesses stages by the mean log-probabilities over epochs and their neighbours.
fn with_neighbours(nights: &[ScoredNight], labels: &EncodedLabels, n_units: usize) -> StageGuesses {
    let mut guesses = StageGuesses::new(n_units);
    for night in nights {
        let log_probabilities = |epoch: &ScoredEpoch| {
            let probabilities = softmax(&labels.stage_logits(&epoch.embedding));
            shows_stages(epoch)
                .then(|| probabilities.iter().map(|p| p.max(f32::MIN_POSITIVE).ln()).collect())
        };
        let alone: Vec<Option<Vec<f32>>> = night.epochs.iter().map(log_probabilities).collect();
        for (epoch, mean) in night.epochs.iter().zip(mean_of_neighbours(night, &alone)) {
            if let (Some(stage), Some(mean)) = (epoch.stage, mean) {
                guesses.add(epoch.unit, stage.index(), argmax(&mean));
            }
        }
    }
    guesses
}

fn by_prompt(nights: &[ScoredNight], labels: &EncodedLabels) -> Option<ByPrompt> {
    let n_prompts = labels.stages.iter().map(|stage| stage.each_prompt.len()).min()?;
    ByPrompt::of((0..n_prompts).map(|i| {
        let mut guesses = StageGuesses::new(1);
        for (epoch, truth) in staged(nights) {
            let margin = |stage: &EncodedLabel| stage.each_prompt[i].margin(&epoch.embedding);
            let margins: Vec<f32> = labels.stages.iter().map(margin).collect();
            guesses.add(0, truth, argmax(&margins));
        }
        // The combination of prompts is named by that of wake.
        let name = labels.stages[0].label.prompts[i].clone();
        (name, guesses.confusion(&[1]).balanced_accuracy())
    }))
}

/// Returns the AUROC of N3 against wake: epochs are ranked by how much nearer they are to the prompts of N3 than to those
/// of wake.
pub(crate) fn wake_vs_deep(
    nights: &[ScoredNight],
    labels: &EncodedLabels,
    bootstrap: &Bootstrap,
) -> (Option<f64>, Option<[f64; 2]>) {
    let margin = |stage: Stage, epoch: &ScoredEpoch| {
        labels.stages[stage.index()].all_prompts.margin(&epoch.embedding)
    };
    let extremes = nights
        .iter()
        .flat_map(|night| &night.epochs)
        .filter(|epoch| matches!(epoch.stage, Some(Stage::Wake | Stage::N3)));
    let ranking = Ranking::new(extremes.map(|epoch| {
        let depth = margin(Stage::N3, epoch) - margin(Stage::Wake, epoch);
        (depth, epoch.stage == Some(Stage::N3), epoch.unit)
    }));
    let auroc = |weights: &[u32]| ranking.auroc(weights);
    (auroc(&bootstrap.once()), bootstrap.interval(auroc))
}

/// Returns probabilities with the sum 1 and the ratios `exp(logit)`.
fn softmax(logits: &[f32]) -> Vec<f32> {
    // Subtracting the largest keeps the exponentials finite and changes no ratio.
    let largest = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let exponentials: Vec<f32> = logits.iter().map(|logit| (logit - largest).exp()).collect();
    let sum: f32 = exponentials.iter().sum();
    exponentials.iter().map(|exponential| exponential / sum).collect()
}
