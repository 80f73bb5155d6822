//! What an epoch's channels look like, beyond what is kept of every epoch in an index.

use crate::montage::{Channel, ChannelMask};

/// Findings of an epoch, a set of channels for each kind; they change neither samples nor masks.
///
/// They are no part of [`Quality`](crate::Quality), which is written into every index: they are there for whoever reads
/// a night, and an index that was written before there were findings says the same as one written after.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Findings {
    /// Channels whose lead is off though they move: nearly all of it is mains hum, a voltage at the skin is far beyond
    /// what a body makes for most of the epoch, or an EEG, EOG or ECG is nothing but steady white noise.
    pub disconnected: ChannelMask,
    /// Channels of which a quarter of the power or more lies at 50 Hz or at 60 Hz; never told of channels that are
    /// sampled too slowly to show it.
    pub mains: ChannelMask,
    /// Channels with a value beyond the range that the header announces, or with a voltage beyond half a volt, which no
    /// electrode on skin has.
    pub out_of_range: ChannelMask,
}

impl Findings {
    pub(super) fn note(&mut self, channel: Channel, Finding { disconnected, mains }: Finding) {
        if disconnected {
            self.disconnected.insert(channel);
        }
        if mains {
            self.mains.insert(channel);
        }
    }
}

/// What was found of one channel in one epoch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Finding {
    pub(super) disconnected: bool,
    pub(super) mains: bool,
}
