//! One epoch without its samples: number, channel mask, quality, stage and events.

use crate::sleep::{ChannelMask, EPOCH_S, EpochNumber, Event, EventSet, Stage};

/// One 30-second epoch of a night.
#[derive(Debug, Clone, PartialEq)]
pub struct Epoch {
    /// Number of the 30-second step at which it starts.
    pub number: EpochNumber,
    /// Onset in seconds from the start of the recording.
    pub onset_s: f64,
    /// Channels that carry a usable signal in this epoch.
    pub mask: ChannelMask,
    /// Problems of each channel.
    pub quality: Quality,
    /// The scored stage, or `None` if the epoch is not scored.
    pub stage: Option<Stage>,
    /// The scored events that belong to the epoch ([`Event::belongs_to`]), by onset.
    pub events: Vec<Event>,
}

impl Epoch {
    /// Returns the end in seconds from the start of the recording (exclusive).
    pub fn end_s(&self) -> f64 {
        self.onset_s + EPOCH_S
    }

    /// Returns the kinds of the events that belong to the epoch.
    pub fn event_set(&self) -> EventSet {
        self.events.iter().map(|event| event.kind).collect()
    }
}

/// Signal quality of an epoch: the channels with each kind of problem.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Quality {
    /// Channels without a signal.
    pub missing: ChannelMask,
    /// Channels that are constant for at least half of the epoch: a disconnected lead or an amplifier that is off.
    pub flat: ChannelMask,
    /// Channels with at least 1 % of their samples at the limit of the digital range.
    pub clipped: ChannelMask,
}
