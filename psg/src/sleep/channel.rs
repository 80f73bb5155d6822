//! The ten input channels of the encoder.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One of the ten input channels, in the order of SleepLM (arXiv 2602.23605).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Channel {
    /// Electrocardiogram.
    #[serde(rename = "ECG")]
    Ecg,
    /// Abdominal breathing effort.
    #[serde(rename = "ABD")]
    Abdomen,
    /// Thoracic breathing effort.
    #[serde(rename = "THX")]
    Thorax,
    /// Airflow (thermistor or nasal pressure).
    #[serde(rename = "AF")]
    Airflow,
    /// Left EOG, E1 against the right mastoid.
    #[serde(rename = "EOG_L")]
    EogLeft,
    /// Right EOG, E2 against a mastoid.
    #[serde(rename = "EOG_R")]
    EogRight,
    /// Left central EEG against the right mastoid.
    #[serde(rename = "EEG_C3_A2")]
    EegC3A2,
    /// Right central EEG against the left mastoid.
    #[serde(rename = "EEG_C4_A1")]
    EegC4A1,
    /// Chin electromyogram.
    #[serde(rename = "EMG_CHIN")]
    EmgChin,
    /// Body position as a code ([`Position`](super::Position)).
    #[serde(rename = "POS")]
    Position,
}

impl Channel {
    /// Number of channels.
    pub const COUNT: usize = 10;

    /// Every channel, in the order of the encoder's input.
    pub const ALL: [Self; Self::COUNT] = [
        Self::Ecg,
        Self::Abdomen,
        Self::Thorax,
        Self::Airflow,
        Self::EogLeft,
        Self::EogRight,
        Self::EegC3A2,
        Self::EegC4A1,
        Self::EmgChin,
        Self::Position,
    ];

    /// Returns the name used in reports, filters and profiles.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Ecg => "ECG",
            Self::Abdomen => "ABD",
            Self::Thorax => "THX",
            Self::Airflow => "AF",
            Self::EogLeft => "EOG_L",
            Self::EogRight => "EOG_R",
            Self::EegC3A2 => "EEG_C3_A2",
            Self::EegC4A1 => "EEG_C4_A1",
            Self::EmgChin => "EMG_CHIN",
            Self::Position => "POS",
        }
    }

    /// Returns the channel with a [`name`](Self::name).
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|channel| channel.name() == name)
    }

    /// Returns the row in the encoder's input, 0 to 9.
    pub const fn index(self) -> usize {
        self as usize
    }
}

impl fmt::Display for Channel {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

/// A set of channels, one bit each, in the order of [`Channel::ALL`].
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct ChannelMask(u16);

impl ChannelMask {
    /// No channel.
    pub const NONE: Self = Self(0);
    /// All ten channels.
    pub const ALL: Self = Self((1 << Channel::COUNT) - 1);

    /// Creates a mask from its bits; bits beyond the tenth are dropped.
    pub const fn from_bits(bits: u16) -> Self {
        Self(bits & Self::ALL.0)
    }

    /// Returns the mask as bits.
    pub const fn bits(self) -> u16 {
        self.0
    }

    /// Adds a channel.
    pub fn insert(&mut self, channel: Channel) {
        self.0 |= 1 << channel.index();
    }

    /// Returns whether a channel is in the set.
    pub const fn contains(self, channel: Channel) -> bool {
        self.0 & (1 << channel.index()) != 0
    }

    /// Returns whether all channels of `other` are in the set.
    pub const fn contains_all(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Returns the union of both sets.
    pub const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// Returns this set without the channels of `other`.
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Returns whether the set is empty.
    pub const fn is_empty(self) -> bool {
        self.0 == 0
    }

    /// Returns the channels in order.
    pub fn iter(self) -> impl Iterator<Item = Channel> {
        Channel::ALL.into_iter().filter(move |channel| self.contains(*channel))
    }
}

impl FromIterator<Channel> for ChannelMask {
    fn from_iter<I: IntoIterator<Item = Channel>>(channels: I) -> Self {
        let mut mask = Self::NONE;
        channels.into_iter().for_each(|channel| mask.insert(channel));
        mask
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn channels_have_fixed_rows() {
        for (row, channel) in Channel::ALL.into_iter().enumerate() {
            assert_eq!(channel.index(), row);
            assert_eq!(Channel::from_name(channel.name()), Some(channel));
        }
    }

    #[test]
    fn masks_are_sets() {
        let eeg = ChannelMask::from_iter([Channel::EegC3A2, Channel::EegC4A1]);
        assert!(ChannelMask::ALL.contains_all(eeg));
        assert!(!ChannelMask::ALL.without(eeg).contains(Channel::EegC3A2));
        assert_eq!(ChannelMask::from_bits(u16::MAX), ChannelMask::ALL);
        assert_eq!(eeg.iter().map(Channel::name).collect::<Vec<_>>(), ["EEG_C3_A2", "EEG_C4_A1"]);
    }
}
