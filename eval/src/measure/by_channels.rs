//! Dependence on channels: evaluates the same epochs with some channels hidden.

use std::collections::BTreeMap;

use nocturne_encoder::metrics::{Bootstrap, Ranking};
use nocturne_psg::Stage;
use serde::Serialize;

use crate::encoded_labels::EncodedLabels;
use crate::intervals::Intervals;
use crate::sample::channel_subset::{ChannelSubset, HiddenEpoch};
use crate::scored_night::{ScoredEpoch, ScoredNight};
use crate::stage_guesses::{Agreement, StageGuesses, argmax};

/// The answers from a subset of the channels.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ByChannels {
    /// The channels of the subset; of the two EEG channels, `one_eeg` uses the first that the recording has.
    pub channels: Vec<&'static str>,
    /// Number of epochs that were judged, spread evenly over the recordings.
    pub epochs: usize,
    /// Zero-shot stages; judged even if no channel of the subset shows them.
    pub stages: Option<Agreement>,
    /// Events that the channels of the subset can show, by name.
    pub events: BTreeMap<String, EventByChannels>,
}

/// An event with some channels hidden.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EventByChannels {
    /// Probability that an epoch with the event scores higher than one without.
    pub auroc: f64,
    /// Share of the epochs with the event.
    pub prevalence: f64,
    /// Number of epochs that were judged.
    pub epochs: usize,
    /// 95 % interval of the AUROC.
    pub ci95: Intervals,
}

/// A sampled epoch with all channels and with some hidden, and its night.
type Sampled<'a> = (&'a ScoredNight, &'a ScoredEpoch, &'a HiddenEpoch);

/// Judges the sample by each subset. A subset that hides nothing, or leaves nothing, is omitted.
pub(crate) fn evaluate(
    nights: &[ScoredNight],
    labels: &EncodedLabels,
    bootstrap: &Bootstrap,
) -> BTreeMap<&'static str, ByChannels> {
    let mut judged = BTreeMap::new();
    for subset in ChannelSubset::ALL {
        let epochs: Vec<Sampled<'_>> = nights
            .iter()
            .flat_map(|night| night.hidden.iter().map(move |hidden| (night, hidden)))
            .filter(|(_, hidden)| hidden.subset == subset)
            .map(|(night, hidden)| (night, &night.epochs[hidden.epoch_idx], hidden))
            .collect();
        let hides = epochs.iter().any(|(_, epoch, hidden)| epoch.mask != hidden.left);
        if epochs.is_empty() || (subset != ChannelSubset::All && !hides) {
            continue;
        }
        let by_channels = ByChannels {
            channels: subset.channels().iter().map(|channel| channel.name()).collect(),
            epochs: epochs.len(),
            stages: stages(&epochs, labels, bootstrap),
            events: events(&epochs, labels, bootstrap),
        };
        judged.insert(subset.name(), by_channels);
    }
    judged
}

fn stages(
    epochs: &[Sampled<'_>],
    labels: &EncodedLabels,
    bootstrap: &Bootstrap,
) -> Option<Agreement> {
    let mut guesses = StageGuesses::new(bootstrap.n_units());
    for (_, epoch, hidden) in epochs {
        if let Some(stage) = epoch.stage {
            guesses.add(
                epoch.unit,
                stage.index(),
                argmax(&labels.stage_logits(hidden.embedding(&epoch.embedding))),
            );
        }
    }
    guesses.agreement(bootstrap)
}

fn events(
    epochs: &[Sampled<'_>],
    labels: &EncodedLabels,
    bootstrap: &Bootstrap,
) -> BTreeMap<String, EventByChannels> {
    let mut events = BTreeMap::new();
    for concept in &labels.events {
        let judged = epochs.iter().filter(|(night, epoch, hidden)| {
            night.events.is_some()
                && concept.label.is_visible_in(hidden.left)
                && epoch.stage.is_some_and(Stage::is_sleep)
        });
        let ranking = Ranking::new(judged.map(|(_, epoch, hidden)| {
            let has_it = epoch.events.iter().any(|kind| concept.label.covers(kind));
            (concept.all_prompts.margin(hidden.embedding(&epoch.embedding)), has_it, epoch.unit)
        }));
        let once = bootstrap.once();
        let (Some(auroc), Some(prevalence)) = (ranking.auroc(&once), ranking.prevalence(&once))
        else {
            continue;
        };
        let interval = bootstrap.interval(|weights| ranking.auroc(weights));
        let ci95 = Intervals::from([("auroc", interval)]);
        let event = EventByChannels { auroc, prevalence, epochs: ranking.len(), ci95 };
        events.insert(concept.label.name.clone(), event);
    }
    events
}
