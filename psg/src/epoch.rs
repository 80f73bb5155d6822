//! What is known of one epoch beside its samples.

use crate::montage::ChannelMask;
use crate::{EPOCH_S, EpochNumber, Event, EventSet, Stage};

/// One 30-second epoch of a night.
#[derive(Debug, Clone, PartialEq)]
pub struct Epoch {
    /// Its place on the recording's grid.
    pub number: EpochNumber,
    /// Begin in seconds from the start of the recording.
    pub onset_s: f64,
    /// The channels that a signal feeds and that carried something in this epoch.
    pub mask: ChannelMask,
    /// What is wrong with which channel.
    pub quality: Quality,
    /// The scored stage, where there is one.
    pub stage: Option<Stage>,
    /// The scored events that belong to the epoch, in order of onset.
    pub events: Vec<Event>,
}

impl Epoch {
    /// Returns the end in seconds from the start of the recording, excluded.
    pub fn end_s(&self) -> f64 {
        self.onset_s + EPOCH_S
    }

    /// Returns the kinds of event that belong to the epoch.
    pub fn event_set(&self) -> EventSet {
        self.events.iter().map(|event| event.kind).collect()
    }
}

/// Flags of an epoch, a set of channels for each kind of trouble.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Quality {
    /// Channels of the montage that no signal feeds.
    pub missing: ChannelMask,
    /// Channels that hardly move: a lead that is off, or a switched-off amplifier.
    pub flat: ChannelMask,
    /// Channels that stand at the end of their range for more than a moment.
    pub clipped: ChannelMask,
}
