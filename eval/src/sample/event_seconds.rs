//! The seconds of an epoch in which an event was scored.

use nocturne_encoder::{Label, PromptSet};
use nocturne_psg::{EPOCH_S, Epoch, Stage};

/// Seconds of an epoch.
pub(crate) const SECONDS: usize = EPOCH_S as usize;

/// The seconds in which an event was scored that fills an epoch of sleep in part.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct EventSeconds {
    pub(crate) epoch_idx: usize,
    /// Index of the label in the prompt set of events.
    pub(crate) label: usize,
    pub(crate) is_scored: [bool; SECONDS],
}

impl EventSeconds {
    /// Returns the number of seconds.
    pub(crate) fn count(&self) -> usize {
        self.is_scored.iter().filter(|is_scored| **is_scored).count()
    }
}

/// Returns the seconds of each event that an epoch of sleep shows and that does not fill it.
pub(crate) fn of_epoch(epoch_idx: usize, epoch: &Epoch) -> Vec<EventSeconds> {
    if !epoch.stage.is_some_and(Stage::is_sleep) {
        return Vec::new();
    }
    let labels = PromptSet::events().labels.iter().enumerate();
    let shown = labels.filter(|(_, label)| !label.indirect && label.is_visible_in(epoch.mask));
    shown
        .map(|(i, label)| EventSeconds {
            epoch_idx,
            label: i,
            is_scored: scored_seconds(epoch, label),
        })
        // If the event fills the epoch, every second is a hit.
        .filter(|seconds| (1..SECONDS).contains(&seconds.count()))
        .collect()
}

/// Returns the seconds in which an event of the label was scored: those that it overlaps by half a second, and the one
/// that contains its midpoint.
fn scored_seconds(epoch: &Epoch, label: &Label) -> [bool; SECONDS] {
    let mut is_scored = [false; SECONDS];
    for event in epoch.events.iter().filter(|event| label.covers(event.kind)) {
        let middle_s = event.onset_s + event.duration_s / 2.0 - epoch.onset_s;
        for (second, is_scored) in is_scored.iter_mut().enumerate() {
            let start_s = second as f64;
            let shared_s = event.overlap_s(epoch.onset_s + start_s, epoch.onset_s + start_s + 1.0);
            *is_scored |= shared_s >= 0.5 || (start_s..start_s + 1.0).contains(&middle_s);
        }
    }
    is_scored
}
