//! How many epochs of each channel are in trouble, and a warning where it is most of them.

use serde::Serialize;

use super::Night;
use crate::montage::{Channel, ChannelMask};
use crate::{Warning, WarningCode};

/// Ten minutes: of less, nothing is said of a night.
const FEWEST_EPOCHS: usize = 20;
/// A channel in trouble for more than this share of the epochs is worth a warning.
const MOST_SHARE: f64 = 0.5;
/// Amplifiers with a narrow range clip the muscle of waking and the waves of deep sleep night by night; only a channel
/// that is clipped for more than this share of the epochs is set wrong.
const MOST_CLIPPED_SHARE: f64 = 0.9;

/// How many epochs of a night show which trouble in one channel; an epoch may count for several.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChannelQuality {
    /// The channel.
    pub channel: &'static str,
    /// Epochs of the night; 0 where no signal feeds the channel.
    pub epochs: usize,
    /// Epochs in which it hardly moves.
    pub flat: usize,
    /// Epochs in which it stands at the end of its range for more than a moment.
    pub clipped: usize,
    /// Epochs in which its lead is off though it moves.
    pub disconnected: usize,
    /// Epochs of which a quarter of the power or more is mains hum.
    pub mains: usize,
    /// Epochs with a value that the header, or an electrode on skin, does not allow.
    pub out_of_range: usize,
}

impl Night {
    /// Counts the epochs in trouble, one entry for each channel of the montage.
    pub fn channel_quality(&self) -> Vec<ChannelQuality> {
        Channel::ALL.into_iter().map(|channel| self.quality_of(channel)).collect()
    }

    fn quality_of(&self, channel: Channel) -> ChannelQuality {
        let quality = self.epochs.iter().map(|epoch| epoch.quality);
        let findings = self.findings.iter();
        let fed = quality.clone().filter(|quality| !quality.missing.contains(channel)).count();
        let count = |masks: &mut dyn Iterator<Item = ChannelMask>| {
            masks.filter(|mask| mask.contains(channel)).count()
        };
        ChannelQuality {
            channel: channel.name(),
            epochs: fed,
            flat: count(&mut quality.clone().map(|quality| quality.flat)),
            clipped: count(&mut quality.map(|quality| quality.clipped)),
            disconnected: count(&mut findings.clone().map(|findings| findings.disconnected)),
            mains: count(&mut findings.clone().map(|findings| findings.mains)),
            out_of_range: count(&mut findings.map(|findings| findings.out_of_range)),
        }
    }

    /// Returns a warning for each channel that is in trouble for most of the night.
    pub(super) fn quality_warnings(&self) -> Vec<Warning> {
        let quality = self.channel_quality();
        quality.iter().filter_map(ChannelQuality::warning).collect()
    }
}

impl ChannelQuality {
    fn warning(&self) -> Option<Warning> {
        let Self { channel, epochs, .. } = self;
        if *epochs < FEWEST_EPOCHS {
            return None;
        }
        let troubles = [
            (self.flat, MOST_SHARE, "is flat"),
            (self.clipped, MOST_CLIPPED_SHARE, "is clipped"),
            (self.disconnected, MOST_SHARE, "seems to be disconnected"),
            (self.mains, MOST_SHARE, "is full of mains hum"),
            (self.out_of_range, MOST_SHARE, "leaves its range"),
        ];
        let is_much = |n: usize, share: f64| n as f64 > share * *epochs as f64;
        let much = troubles.into_iter().filter(|(n, share, _)| is_much(*n, *share));
        let words: Vec<String> = much.map(|(n, _, words)| format!("{words} in {n}")).collect();
        (!words.is_empty()).then(|| {
            let message = format!("{channel} {} of {epochs} epochs", words.join(" and "));
            Warning::new(WarningCode::SignalQuality, message)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_trouble_for_most_of_a_night_is_a_warning() {
        let sound = ChannelQuality {
            channel: "ECG",
            epochs: 100,
            flat: 0,
            clipped: 90,
            disconnected: 0,
            mains: 0,
            out_of_range: 0,
        };
        assert_eq!(sound.warning(), None);
        let message = |quality: ChannelQuality| quality.warning().map(|it| it.message);
        let off = ChannelQuality { disconnected: 51, mains: 80, ..sound.clone() };
        assert_eq!(
            message(off).as_deref(),
            Some("ECG seems to be disconnected in 51 and is full of mains hum in 80 of 100 epochs")
        );
        assert_eq!(message(ChannelQuality { epochs: 19, flat: 19, ..sound }), None);
    }
}
