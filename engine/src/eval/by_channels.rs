//! How much do the answers need of the channels? The same epochs are encoded with some of them hidden.

use std::collections::BTreeMap;

use nocturne_encoder::metrics::{Bootstrap, Ranking};
use nocturne_encoder::{Embedding, SignalEncoder};
use nocturne_psg::montage::{Channel, ChannelMask};
use nocturne_psg::night::INPUT_LEN;
use nocturne_psg::{EPOCH_SAMPLES, Night, Stage};
use serde::Serialize;

use super::agreement::{Agreement, Guesses, best};
use super::directions::Concepts;
use super::scored_night::{ScoredEpoch, ScoredNight};
use super::units::Intervals;
use crate::Result;

/// Epochs that are encoded at a time.
const BATCH: usize = 16;

/// What a choice of channels leaves of the answers.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ByChannels {
    /// The channels that were left, where the recording has them; of two EEG channels `one_eeg` leaves the first.
    pub channels: Vec<&'static str>,
    /// Epochs that were judged: an even sample.
    pub epochs: usize,
    /// Zero-shot stages; judged here even where no channel shows them.
    pub stages: Option<Agreement>,
    /// Events that the channels that are left can show.
    pub events: BTreeMap<String, EventByChannels>,
}

/// An event with some channels hidden.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct EventByChannels {
    /// Chance that an epoch with the event scores above one without.
    pub auroc: f64,
    /// Share of epochs with the event.
    pub prevalence: f64,
    /// Epochs that were judged.
    pub epochs: usize,
    /// 95 % interval of the AUROC.
    pub ci95: Intervals,
}

/// A choice of channels.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Choice {
    All,
    EegEogEmg,
    OneEeg,
    CardioRespiratory,
}

impl Choice {
    const ALL: [Self; 4] = [Self::All, Self::EegEogEmg, Self::OneEeg, Self::CardioRespiratory];

    const fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::EegEogEmg => "eeg_eog_emg",
            Self::OneEeg => "one_eeg",
            Self::CardioRespiratory => "cardio_respiratory",
        }
    }

    const fn channels(self) -> &'static [Channel] {
        match self {
            Self::All => &Channel::ALL,
            Self::EegEogEmg => &[
                Channel::EogLeft,
                Channel::EogRight,
                Channel::EegC3A2,
                Channel::EegC4A1,
                Channel::EmgChin,
            ],
            Self::OneEeg => &[Channel::EegC3A2, Channel::EegC4A1],
            Self::CardioRespiratory => {
                &[Channel::Ecg, Channel::Abdomen, Channel::Thorax, Channel::Airflow]
            }
        }
    }

    /// Returns what it leaves of an epoch's channels.
    fn left_of(self, mask: ChannelMask) -> ChannelMask {
        let left = self.channels().iter().copied().filter(|channel| mask.contains(*channel));
        match self {
            Self::OneEeg => left.take(1).collect(),
            Self::All | Self::EegEogEmg | Self::CardioRespiratory => left.collect(),
        }
    }
}

/// A sampled epoch, encoded with some channels hidden.
pub(super) struct HiddenEpoch {
    epoch_idx: usize,
    choice: Choice,
    left: ChannelMask,
    embedding: Embedding,
}

/// Encodes an even sample of a night's scored epochs with each choice of channels.
pub(super) fn encode(
    night: &Night,
    encoder: &mut SignalEncoder,
    n: usize,
) -> Result<Vec<HiddenEpoch>> {
    let scored: Vec<usize> =
        (0..night.epochs().len()).filter(|i| night.epochs()[*i].stage.is_some()).collect();
    let n = n.min(scored.len());
    let mut wanted = Vec::new();
    for choice in Choice::ALL {
        for place in 0..n {
            let epoch_idx = scored[place * scored.len() / n];
            let left = choice.left_of(night.epochs()[epoch_idx].mask);
            if !left.is_empty() {
                wanted.push((epoch_idx, choice, left));
            }
        }
    }
    let mut hidden = Vec::with_capacity(wanted.len());
    for some in wanted.chunks(BATCH) {
        let mut inputs = vec![0.0; some.len() * INPUT_LEN];
        for ((epoch_idx, _, left), input) in some.iter().zip(inputs.chunks_exact_mut(INPUT_LEN)) {
            night.write_input(*epoch_idx, input);
            hide(input, *left);
        }
        let embeddings = encoder.encode_inputs(&inputs)?;
        hidden.extend(some.iter().zip(embeddings).map(|((epoch_idx, choice, left), embedding)| {
            HiddenEpoch { epoch_idx: *epoch_idx, choice: *choice, left: *left, embedding }
        }));
    }
    Ok(hidden)
}

/// Makes all channels look missing but those that are left.
fn hide(input: &mut [f32], left: ChannelMask) {
    for (channel, row) in Channel::ALL.iter().zip(input.chunks_exact_mut(EPOCH_SAMPLES)) {
        if !left.contains(*channel) {
            row.fill(0.0);
        }
    }
}

/// Judges the sample by each choice; one that hides nothing, or everything, is left out.
pub(super) fn evaluate(
    nights: &[ScoredNight],
    concepts: &Concepts,
    bootstrap: &Bootstrap,
) -> BTreeMap<&'static str, ByChannels> {
    let mut judged = BTreeMap::new();
    for choice in Choice::ALL {
        let epochs: Vec<(&ScoredNight, &ScoredEpoch, &HiddenEpoch)> = nights
            .iter()
            .flat_map(|night| night.hidden.iter().map(move |hidden| (night, hidden)))
            .filter(|(_, hidden)| hidden.choice == choice)
            .map(|(night, hidden)| (night, &night.epochs[hidden.epoch_idx], hidden))
            .collect();
        let hides = epochs.iter().any(|(_, epoch, hidden)| epoch.mask != hidden.left);
        if epochs.is_empty() || (choice != Choice::All && !hides) {
            continue;
        }
        let by_channels = ByChannels {
            channels: choice.channels().iter().map(|channel| channel.name()).collect(),
            epochs: epochs.len(),
            stages: stages(&epochs, concepts, bootstrap),
            events: events(&epochs, concepts, bootstrap),
        };
        judged.insert(choice.name(), by_channels);
    }
    judged
}

type Sampled<'a> = (&'a ScoredNight, &'a ScoredEpoch, &'a HiddenEpoch);

fn stages(epochs: &[Sampled<'_>], concepts: &Concepts, bootstrap: &Bootstrap) -> Option<Agreement> {
    let mut guesses = Guesses::new(bootstrap.n_units());
    for (_, epoch, hidden) in epochs {
        if let Some(stage) = epoch.stage {
            guesses.add(epoch.unit, stage.index(), best(&concepts.stage_logits(&hidden.embedding)));
        }
    }
    guesses.agreement(bootstrap)
}

fn events(
    epochs: &[Sampled<'_>],
    concepts: &Concepts,
    bootstrap: &Bootstrap,
) -> BTreeMap<String, EventByChannels> {
    let mut events = BTreeMap::new();
    for concept in &concepts.events {
        let judged = epochs.iter().filter(|(night, epoch, hidden)| {
            night.events.is_some()
                && concept.label.is_visible_in(hidden.left)
                && epoch.stage.is_some_and(Stage::is_sleep)
        });
        let ranking = Ranking::new(judged.map(|(_, epoch, hidden)| {
            let has_it = epoch.events.iter().any(|kind| concept.label.covers(kind));
            (concept.whole.margin(&hidden.embedding), has_it, epoch.unit)
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
