//! Findings about the signals of an epoch that are not stored in collections.

use crate::sleep::{Channel, ChannelMask};

/// Findings of an epoch: the channels with each kind. They affect neither samples nor masks.
///
/// Unlike [`Quality`](crate::sleep::Quality) they are not stored in collections.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct SignalFindings {
    /// Channels with a disconnected lead although the signal is not flat: it is almost entirely mains hum, its amplitude
    /// is far beyond physiology for most of the epoch, or an EEG, EOG or ECG is steady white noise.
    pub disconnected: ChannelMask,
    /// Channels with at least a quarter of their power at 50 or 60 Hz; not checked if the sampling rate is too low.
    pub mains: ChannelMask,
    /// Channels with a value outside the digital range in the header, or above half a volt, which is impossible between
    /// electrodes on skin.
    pub out_of_range: ChannelMask,
}

impl SignalFindings {
    pub(super) fn add(
        &mut self,
        channel: Channel,
        SignalFinding { disconnected, mains }: SignalFinding,
    ) {
        if disconnected {
            self.disconnected.insert(channel);
        }
        if mains {
            self.mains.insert(channel);
        }
    }
}

/// The findings about one channel in one epoch.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct SignalFinding {
    pub(super) disconnected: bool,
    pub(super) mains: bool,
}
