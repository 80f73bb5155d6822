//! The facts about an epoch that a caption may mention.

use serde::{Deserialize, Serialize};

use crate::features::{FeatureExtractor, Features};
use crate::night::Night;
use crate::sleep::{Channel, ChannelMask, Epoch, Event, EventKind, Stage};

/// Measures and scoring of an epoch.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct EpochFacts {
    /// The measures.
    pub features: Features,
    /// The scored stage.
    pub stage: Option<Stage>,
    /// The scored events that belong to the epoch, with onsets in seconds from the start of the epoch, clipped to it.
    pub events: Vec<Event>,
    /// Whether events were scored, so that their absence is meaningful.
    pub events_scored: bool,
}

impl EpochFacts {
    /// Collects the facts about an epoch of a night; `events_scored` is whether the night has scored events.
    pub fn gather(
        extractor: &mut FeatureExtractor,
        night: &Night,
        epoch_idx: usize,
        events_scored: bool,
    ) -> Self {
        let epoch = &night.epochs()[epoch_idx];
        Self {
            features: extractor.measure(night, epoch_idx),
            stage: epoch.stage,
            events: epoch.events.iter().map(|event| within(epoch, event)).collect(),
            events_scored,
        }
    }

    /// Returns the facts that are visible in these channels.
    pub fn visible_in(&self, mask: ChannelMask) -> Self {
        let features = &self.features;
        let is_visible = |channel| mask.contains(channel);
        Self {
            features: Features {
                eog_left: features.eog_left.filter(|_| is_visible(Channel::EogLeft)),
                eog_right: features.eog_right.filter(|_| is_visible(Channel::EogRight)),
                eeg_c3: features.eeg_c3.filter(|_| is_visible(Channel::EegC3A2)),
                eeg_c4: features.eeg_c4.filter(|_| is_visible(Channel::EegC4A1)),
                heart: features.heart.clone().filter(|_| is_visible(Channel::Ecg)),
                // Desaturations are visible through breathing.
                saturation: features
                    .saturation
                    .clone()
                    .filter(|_| EventKind::Desaturation.is_visible_in(mask)),
                abdomen: features.abdomen.filter(|_| is_visible(Channel::Abdomen)),
                thorax: features.thorax.filter(|_| is_visible(Channel::Thorax)),
                airflow: features.airflow.filter(|_| is_visible(Channel::Airflow)),
                chin: features.chin.filter(|_| is_visible(Channel::EmgChin)),
                position: features.position.filter(|_| is_visible(Channel::Position)),
            },
            stage: self.stage,
            events: self
                .events
                .iter()
                .filter(|event| event.kind.is_visible_in(mask))
                .cloned()
                .collect(),
            // If some kinds of events are not visible, their absence is not either.
            events_scored: self.events_scored
                && EventKind::ALL.iter().all(|kind| kind.is_visible_in(mask)),
        }
    }
}

/// Returns the part of an event within the epoch, relative to the start of the epoch.
fn within(epoch: &Epoch, event: &Event) -> Event {
    let onset_s = event.onset_s.max(epoch.onset_s);
    let end_s = event.end_s().min(epoch.end_s());
    Event::new(event.kind, onset_s - epoch.onset_s, (end_s - onset_s).max(0.0))
}
