//! What a caption may speak of.

use serde::{Deserialize, Serialize};

use crate::features::{FeatureExtractor, Features};
use crate::{Epoch, Event, Night, Stage};

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
}

/// Returns the part of an event that lies in the epoch, counted from the epoch's start.
fn within(epoch: &Epoch, event: &Event) -> Event {
    let onset_s = event.onset_s.max(epoch.onset_s);
    let end_s = event.end_s().min(epoch.end_s());
    Event {
        kind: event.kind,
        onset_s: onset_s - epoch.onset_s,
        duration_s: (end_s - onset_s).max(0.0),
    }
}
