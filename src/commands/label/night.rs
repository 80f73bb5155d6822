//! The labels of one night, from the engine.

use anyhow::Result;
use nocturne_engine::{Engine, EpochLabels};
use nocturne_index::{Filter, RecordingEntry};
use nocturne_psg::annotation::ScoredAnnotation;
use nocturne_psg::annotation::names::EPOCH_WITH;
use nocturne_psg::{EPOCH_S, Stage};
use serde::Serialize;
use serde_json::{Map, Value};

use crate::args::LabelSet;

/// The labels of one night.
pub(super) struct LabelledNight {
    pub(super) entry: RecordingEntry,
    pub(super) epochs: Vec<LabelledEpoch>,
}

/// The labels of one epoch.
#[derive(Debug, Clone, Serialize)]
pub(super) struct LabelledEpoch {
    /// Number of the epoch, from 0.
    pub(super) epoch: u32,
    /// Onset in seconds from the start of the recording.
    pub(super) onset_s: f64,
    /// The most probable stage; `None` if the epoch was not judged.
    pub(super) stage: Option<&'static str>,
    /// The probability of each stage.
    pub(super) stage_probabilities: Vec<(&'static str, f32)>,
    /// The events whose probability reaches their threshold.
    pub(super) events: Vec<&'static str>,
    /// The probability of each event that was judged.
    pub(super) event_probabilities: Vec<(&'static str, f32)>,
    /// Why a stage, or the events, were not judged.
    pub(super) not_judged: Vec<String>,
    /// The scored stage, for comparison.
    pub(super) scored_stage: Option<Stage>,
}

impl LabelledNight {
    /// Labels the epochs of a recording that a filter allows.
    pub(super) fn of(
        engine: &Engine,
        entry: RecordingEntry,
        filter: &Filter,
        sets: &[LabelSet],
    ) -> Result<Self> {
        let filter = Filter { recordings: Some([entry.id.clone()].into()), ..filter.clone() };
        let mut night = Self { entry, epochs: Vec::new() };
        if sets.contains(&LabelSet::Stages) {
            engine.label_epochs(&filter, LabelSet::Stages.name(), |labels| {
                let epoch = night.epoch(&labels);
                epoch.stage = labels.labels.first().copied();
                epoch.stage_probabilities = labels.probabilities;
                epoch.not_judged.extend(labels.skipped.map(|why| format!("stages: {why}")));
                true
            })?;
        }
        if sets.contains(&LabelSet::Events) {
            engine.label_epochs(&filter, LabelSet::Events.name(), |labels| {
                let epoch = night.epoch(&labels);
                epoch.events = labels.labels;
                epoch.event_probabilities = labels.probabilities;
                epoch.not_judged.extend(labels.skipped.map(|why| format!("events: {why}")));
                true
            })?;
        }
        Ok(night)
    }

    /// Returns the epoch of labels, which come in the order of the epochs.
    fn epoch(&mut self, labels: &EpochLabels) -> &mut LabelledEpoch {
        let at = self.epochs.partition_point(|epoch| epoch.epoch < labels.epoch);
        if self.epochs.get(at).is_none_or(|epoch| epoch.epoch != labels.epoch) {
            self.epochs.insert(
                at,
                LabelledEpoch {
                    epoch: labels.epoch,
                    onset_s: labels.onset_s,
                    stage: None,
                    stage_probabilities: Vec::new(),
                    events: Vec::new(),
                    event_probabilities: Vec::new(),
                    not_judged: Vec::new(),
                    scored_stage: labels.scored_stage,
                },
            );
        }
        &mut self.epochs[at]
    }

    /// Returns the labels as annotations of 30 s. An event is somewhere in its epoch, so it is written as `epoch with …`, which
    /// no program counts as an event.
    pub(super) fn annotations(&self) -> Vec<ScoredAnnotation> {
        let annotation = |epoch: &LabelledEpoch, text: String| ScoredAnnotation {
            scorer: Some(SCORER.to_owned()),
            ..ScoredAnnotation::new(epoch.onset_s, Some(EPOCH_S), text)
        };
        let of_epoch = |epoch: &LabelledEpoch| {
            let stage = epoch.stage.map(|stage| annotation(epoch, format!("Sleep stage {stage}")));
            let events = epoch
                .events
                .iter()
                .map(|event| annotation(epoch, format!("{EPOCH_WITH}{}", event.replace('_', " "))));
            stage.into_iter().chain(events).collect::<Vec<_>>()
        };
        self.epochs.iter().flat_map(of_epoch).collect()
    }

    /// Returns the stage of each 30 s from the start of the recording; `None` in gaps and where none was judged.
    pub(super) fn stages(&self) -> Vec<Option<Stage>> {
        let at = |epoch: &LabelledEpoch| (epoch.onset_s / EPOCH_S).round() as usize;
        let n = self.epochs.last().map_or(0, |last| at(last) + 1);
        let mut stages = vec![None; n];
        for epoch in &self.epochs {
            stages[at(epoch)] = epoch.stage.and_then(|stage| stage.parse().ok());
        }
        stages
    }

    /// Returns the number of epochs for each reason why something was not judged.
    pub(super) fn abstentions(&self) -> Map<String, Value> {
        let mut counts = std::collections::BTreeMap::<&String, usize>::new();
        for why in self.epochs.iter().flat_map(|epoch| &epoch.not_judged) {
            *counts.entry(why).or_default() += 1;
        }
        counts.into_iter().map(|(why, n)| (why.clone(), n.into())).collect()
    }
}

/// The scorer in formats that name one; Nocturne's own reader knows the word.
const SCORER: &str = "Nocturne automatic";
