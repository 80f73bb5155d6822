//! What a caption may speak of.

use serde::{Deserialize, Serialize};

use crate::features::{FeatureExtractor, Features};
use crate::montage::{Channel, ChannelMask};
use crate::{Epoch, Event, EventKind, Night, Stage};

/// Everything that is known of an epoch: measured and scored.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct EpochFacts {
    /// What was measured.
    pub features: Features,
    /// The scored stage.
    pub stage: Option<Stage>,
    /// The scored events that belong to the epoch; onsets in seconds from the start of the epoch, within `[0, 30]`.
    pub events: Vec<Event>,
    /// Whether somebody looked for events: only then does their absence say anything.
    pub events_scored: bool,
}

impl EpochFacts {
    /// Gathers the facts of an epoch of a night. `events_scored` says whether the night's events were scored at all.
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

    /// Returns what an encoder can know that sees these channels alone.
    pub fn visible_in(&self, mask: ChannelMask) -> Self {
        let features = &self.features;
        let sees = |channel| mask.contains(channel);
        Self {
            features: Features {
                eog_left: features.eog_left.filter(|_| sees(Channel::EogLeft)),
                eog_right: features.eog_right.filter(|_| sees(Channel::EogRight)),
                eeg_c3: features.eeg_c3.filter(|_| sees(Channel::EegC3A2)),
                eeg_c4: features.eeg_c4.filter(|_| sees(Channel::EegC4A1)),
                heart: features.heart.clone().filter(|_| sees(Channel::Ecg)),
                // What breathing shows of it is all that can be seen.
                saturation: features
                    .saturation
                    .clone()
                    .filter(|_| EventKind::Desaturation.is_visible_in(mask)),
                abdomen: features.abdomen.filter(|_| sees(Channel::Abdomen)),
                thorax: features.thorax.filter(|_| sees(Channel::Thorax)),
                airflow: features.airflow.filter(|_| sees(Channel::Airflow)),
                chin: features.chin.filter(|_| sees(Channel::EmgChin)),
                position: features.position.filter(|_| sees(Channel::Position)),
            },
            stage: self.stage,
            events: self
                .events
                .iter()
                .filter(|event| event.kind.is_visible_in(mask))
                .cloned()
                .collect(),
            // Where some events are out of sight, their absence cannot be told.
            events_scored: self.events_scored
                && EventKind::ALL.iter().all(|kind| kind.is_visible_in(mask)),
        }
    }
}

/// Returns the part of an event that lies in the epoch, counted from the epoch's start.
fn within(epoch: &Epoch, event: &Event) -> Event {
    let onset_s = event.onset_s.max(epoch.onset_s);
    let end_s = event.end_s().min(epoch.end_s());
    Event::new(event.kind, onset_s - epoch.onset_s, (end_s - onset_s).max(0.0))
}
