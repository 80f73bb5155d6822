//! Counts the epochs with each quality problem by channel, and warns if most of a night is affected.

use serde::Serialize;

use super::Night;
use crate::sleep::{Channel, ChannelMask};
use crate::warning::{Warning, WarningCode};

/// Minimum number of epochs for a warning: ten minutes.
const MIN_EPOCHS: usize = 20;
/// Share of affected epochs above which there is a warning.
const MAX_SHARE: f64 = 0.5;
/// The same for clipping: amplifiers with a narrow range regularly clip muscle activity in wake and waves of deep sleep.
const MAX_CLIPPED_SHARE: f64 = 0.9;

/// Number of epochs of a night with each problem in one channel; an epoch may have several problems.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ChannelQuality {
    /// The channel.
    pub channel: &'static str,
    /// Number of epochs; 0 if the channel has no signal.
    pub epochs: usize,
    /// Epochs in which it is flat.
    pub flat: usize,
    /// Epochs in which it is clipped.
    pub clipped: usize,
    /// Epochs in which its lead is disconnected although the signal is not flat.
    pub disconnected: usize,
    /// Epochs with at least a quarter of the power at 50 or 60 Hz.
    pub mains: usize,
    /// Epochs with an impossible value.
    pub out_of_range: usize,
}

impl Night {
    /// Counts the epochs with each problem, for each channel of the montage.
    pub fn channel_quality(&self) -> Vec<ChannelQuality> {
        Channel::ALL.into_iter().map(|channel| self.quality_of(channel)).collect()
    }

    fn quality_of(&self, channel: Channel) -> ChannelQuality {
        let quality = self.epochs.iter().map(|epoch| epoch.quality);
        let findings = self.findings.iter();
        let n_epochs = quality.clone().filter(|quality| !quality.missing.contains(channel)).count();
        let count = |masks: &mut dyn Iterator<Item = ChannelMask>| {
            masks.filter(|mask| mask.contains(channel)).count()
        };
        ChannelQuality {
            channel: channel.name(),
            epochs: n_epochs,
            flat: count(&mut quality.clone().map(|quality| quality.flat)),
            clipped: count(&mut quality.map(|quality| quality.clipped)),
            disconnected: count(&mut findings.clone().map(|findings| findings.disconnected)),
            mains: count(&mut findings.clone().map(|findings| findings.mains)),
            out_of_range: count(&mut findings.map(|findings| findings.out_of_range)),
        }
    }

    /// Returns a warning for each channel with a problem in most of the night.
    pub(super) fn quality_warnings(&self) -> Vec<Warning> {
        let quality = self.channel_quality();
        quality.iter().filter_map(ChannelQuality::warning).collect()
    }
}

impl ChannelQuality {
    fn warning(&self) -> Option<Warning> {
        let Self { channel, epochs, .. } = self;
        if *epochs < MIN_EPOCHS {
            return None;
        }
        let problems = [
            (self.flat, MAX_SHARE, "is flat"),
            (self.clipped, MAX_CLIPPED_SHARE, "is clipped"),
            (self.disconnected, MAX_SHARE, "seems to be disconnected"),
            (self.mains, MAX_SHARE, "is full of mains hum"),
            (self.out_of_range, MAX_SHARE, "is out of range"),
        ];
        let is_frequent = |n: usize, share: f64| n as f64 > share * *epochs as f64;
        let frequent = problems.into_iter().filter(|(n, share, _)| is_frequent(*n, *share));
        let words: Vec<String> = frequent.map(|(n, _, words)| format!("{words} in {n}")).collect();
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
    fn only_problems_in_most_of_a_night_give_a_warning() {
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
