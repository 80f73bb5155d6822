//! What is done to epochs so that the encoder does not rely on what other archives lack.

use std::ops::Range;

use nocturne_psg::EPOCH_SAMPLES;
use nocturne_psg::montage::{Channel, ChannelMask};
use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};
use rand_pcg::Pcg64Mcg;
use serde::{Deserialize, Serialize};

use super::retake::Retake;

/// How epochs are changed before they are shown.
///
/// Archives do not agree on polarity: in some, negative is up. The channels of a group are turned over together, so that
/// eye movements in opposite directions stay so. Nor do they agree on filters and electrodes: an epoch may be shown as
/// another recorder would have it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Augmentation {
    /// Share of epochs of which channels are hidden.
    pub hide_share: f64,
    /// Of those, the share in which each channel is hidden by itself; the others lose a whole group.
    pub single_share: f64,
    /// Probability of each channel to be hidden by itself.
    pub single_probability: f64,
    /// Factor by which each channel is multiplied is between `1 / gain` and `gain`, its logarithm uniform.
    pub gain: f64,
    /// Probability that a group of channels with one polarity is turned over.
    pub turn_share: f64,
    /// Largest deviation of the white noise that is added, in deviations of the channel.
    pub noise: f64,
    /// Share of epochs of which one EEG channel alone is shown, where there is one, before anything else is hidden.
    pub one_eeg_share: f64,
    /// Share of epochs whose EEG and EOG are recorded again, within the limits of the fields below. None by default: no
    /// measurement has shown yet that an encoder gains by it.
    pub retake_share: f64,
    /// Largest gain or loss, in decibels, of each of two shelves of first order with corners of 0.7 to 20 Hz.
    pub shelf_db: f64,
    /// Highest corner in hertz of a high-pass filter of first order; 0 for no filter.
    pub high_pass_hz: f64,
    /// Lowest corner in hertz of a low-pass filter of two first orders, 1 to 30; 0 for no filter.
    pub low_pass_hz: f64,
    /// Largest deviation of the electrodes' drift below 0.4 Hz, in deviations of the channel.
    pub drift: f64,
}

impl Default for Augmentation {
    fn default() -> Self {
        Self {
            hide_share: 0.5,
            single_share: 0.5,
            single_probability: 0.3,
            gain: 2.0,
            turn_share: 0.3,
            noise: 0.05,
            one_eeg_share: 0.12,
            retake_share: 0.0,
            shelf_db: 4.0,
            high_pass_hz: 0.5,
            low_pass_hz: 15.0,
            drift: 0.5,
        }
    }
}

/// Sets of channels as real archives have them.
const ARCHIVES: [&[Channel]; 8] = [
    &[Channel::EegC3A2, Channel::EegC4A1],
    &[Channel::EegC3A2],
    &[Channel::EegC4A1],
    &[Channel::EegC4A1, Channel::EogLeft, Channel::EogRight, Channel::EmgChin],
    &[Channel::EegC3A2, Channel::EegC4A1, Channel::EogLeft, Channel::EogRight, Channel::EmgChin],
    // A home sleep apnea test.
    &[Channel::Ecg, Channel::Abdomen, Channel::Thorax, Channel::Airflow, Channel::Position],
    &[Channel::EegC4A1, Channel::Ecg],
    &[Channel::Ecg, Channel::Thorax],
];

const EEGS: [Channel; 2] = [Channel::EegC3A2, Channel::EegC4A1];

/// Channels that are recorded again together.
const HEAD: [Channel; 4] =
    [Channel::EegC3A2, Channel::EegC4A1, Channel::EogLeft, Channel::EogRight];

/// Groups of channels that have one polarity.
const TURNED: [&[Channel]; 3] = [
    &[Channel::EegC3A2, Channel::EegC4A1, Channel::EogLeft, Channel::EogRight],
    &[Channel::Ecg],
    &[Channel::Airflow, Channel::Abdomen, Channel::Thorax],
];

impl Augmentation {
    /// Leaves epochs as they are.
    pub const fn none() -> Self {
        Self {
            hide_share: 0.0,
            single_share: 0.0,
            single_probability: 0.0,
            gain: 1.0,
            turn_share: 0.0,
            noise: 0.0,
            one_eeg_share: 0.0,
            retake_share: 0.0,
            shelf_db: 0.0,
            high_pass_hz: 0.0,
            low_pass_hz: 0.0,
            drift: 0.0,
        }
    }

    /// Chooses the channels that are shown, of those that carry something; at least one beside the position is.
    pub(super) fn shown(&self, real: ChannelMask, random: &mut Pcg64Mcg) -> ChannelMask {
        if self.one_eeg_share > 0.0 && random.random_bool(self.one_eeg_share) {
            let eegs: Vec<Channel> = real.iter().filter(|channel| EEGS.contains(channel)).collect();
            if !eegs.is_empty() {
                return ChannelMask::from_iter([eegs[random.random_range(0..eegs.len())]]);
            }
        }
        if !random.random_bool(self.hide_share) {
            return real;
        }
        let shown: ChannelMask = if random.random_bool(self.single_share) {
            real.iter().filter(|_| !random.random_bool(self.single_probability)).collect()
        } else {
            let archive = ARCHIVES[random.random_range(0..ARCHIVES.len())];
            real.iter().filter(|channel| archive.contains(channel)).collect()
        };
        let position = ChannelMask::from_iter([Channel::Position]);
        if shown.without(position).is_empty() { real } else { shown }
    }

    /// Zeroes the channels that are not shown, and changes the others.
    pub(super) fn apply(&self, shown: ChannelMask, samples: &mut [f32], random: &mut Pcg64Mcg) {
        let turned: ChannelMask = TURNED
            .into_iter()
            .filter(|_| random.random_bool(self.turn_share))
            .flatten()
            .copied()
            .collect();
        let is_retaken = self.retake_share > 0.0 && random.random_bool(self.retake_share);
        let retake = is_retaken.then(|| Retake::draw(self, random));
        for (channel, row) in Channel::ALL.into_iter().zip(samples.chunks_exact_mut(EPOCH_SAMPLES))
        {
            if !shown.contains(channel) {
                row.fill(0.0);
            } else if channel != Channel::Position {
                if let Some(retake) = retake.filter(|_| HEAD.contains(&channel)) {
                    retake.apply(row, random);
                }
                self.distort(row, turned.contains(channel), random);
            }
        }
    }

    fn distort(&self, row: &mut [f32], is_turned: bool, random: &mut Pcg64Mcg) {
        let limit = self.gain.ln();
        let sign = if is_turned { -1.0 } else { 1.0 };
        let gain = sign * uniform(-limit..limit, random).exp() as f32;
        let noise = uniform(0.0..self.noise, random) as f32;
        for sample in row {
            *sample *= gain;
            if noise > 0.0 {
                let white: f32 = StandardNormal.sample(random);
                *sample += noise * white;
            }
        }
    }
}

/// Returns a number in the range, or its start where it is empty.
pub(super) fn uniform(range: Range<f64>, random: &mut Pcg64Mcg) -> f64 {
    range.start + (range.end - range.start) * random.random::<f64>()
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    #[test]
    fn at_least_one_signal_is_shown() {
        let mut random = Pcg64Mcg::seed_from_u64(1);
        let real = ChannelMask::from_iter([Channel::EmgChin, Channel::Position]);
        for _ in 0..200 {
            let shown = Augmentation::default().shown(real, &mut random);
            assert!(shown.contains(Channel::EmgChin) && real.contains_all(shown));
        }
    }

    #[test]
    fn every_archive_and_the_whole_are_shown() {
        let mut random = Pcg64Mcg::seed_from_u64(2);
        let mut seen = std::collections::BTreeSet::new();
        for _ in 0..2000 {
            seen.insert(Augmentation::default().shown(ChannelMask::ALL, &mut random).bits());
        }
        assert!(seen.contains(&ChannelMask::ALL.bits()));
        for archive in ARCHIVES {
            assert!(seen.contains(&archive.iter().copied().collect::<ChannelMask>().bits()));
        }
    }

    #[test]
    fn hidden_channels_are_zero_and_the_position_is_kept() {
        let mut random = Pcg64Mcg::seed_from_u64(3);
        let mut samples = vec![2.0; 10 * EPOCH_SAMPLES];
        let shown = ChannelMask::from_iter([Channel::Ecg, Channel::Position]);
        let augmentation = Augmentation { turn_share: 0.0, ..Augmentation::default() };
        augmentation.apply(shown, &mut samples, &mut random);
        let row = |channel: Channel| &samples[channel.index() * EPOCH_SAMPLES..][..EPOCH_SAMPLES];
        assert!(row(Channel::EegC3A2).iter().all(|sample| *sample == 0.0));
        assert!(row(Channel::Position).iter().all(|sample| *sample == 2.0));
        assert!(row(Channel::Ecg).iter().all(|sample| (0.7..4.4).contains(sample)));
    }

    #[test]
    fn channels_of_a_group_are_turned_over_together() {
        let mut random = Pcg64Mcg::seed_from_u64(4);
        let augmentation = Augmentation { turn_share: 0.5, ..Augmentation::none() };
        let mut signs = std::collections::BTreeSet::new();
        for _ in 0..64 {
            let mut samples = vec![1.0; 10 * EPOCH_SAMPLES];
            augmentation.apply(ChannelMask::ALL, &mut samples, &mut random);
            let sign = |channel: Channel| samples[channel.index() * EPOCH_SAMPLES] as i8;
            assert_eq!(sign(Channel::EogLeft), sign(Channel::EogRight));
            assert_eq!(sign(Channel::Position), 1);
            signs.insert((sign(Channel::EegC3A2), sign(Channel::Ecg), sign(Channel::Thorax)));
        }
        assert_eq!(signs.len(), 8);
    }

    #[test]
    fn one_eeg_alone_is_shown_in_its_share_of_epochs() {
        let mut random = Pcg64Mcg::seed_from_u64(5);
        let augmentation = Augmentation { one_eeg_share: 0.25, ..Augmentation::none() };
        let mut counts = [0; 2];
        for _ in 0..2000 {
            let shown = augmentation.shown(ChannelMask::ALL, &mut random);
            for (count, channel) in counts.iter_mut().zip(EEGS) {
                *count += i32::from(shown == ChannelMask::from_iter([channel]));
            }
        }
        assert!(counts.iter().all(|count| (200..300).contains(count)), "{counts:?}");
        let belts = ChannelMask::from_iter([Channel::Thorax, Channel::Abdomen]);
        let all = Augmentation { one_eeg_share: 1.0, ..augmentation };
        assert_eq!(all.shown(belts, &mut random), belts);
    }

    #[test]
    fn nothing_is_changed_without_augmentation() {
        let mut random = Pcg64Mcg::seed_from_u64(6);
        let before: Vec<f32> = (0..10 * EPOCH_SAMPLES).map(|i| (i as f32).sin()).collect();
        let mut samples = before.clone();
        Augmentation::none().apply(ChannelMask::ALL, &mut samples, &mut random);
        assert_eq!(samples, before);
    }

    #[test]
    fn another_recorder_changes_the_head_alone() {
        let mut random = Pcg64Mcg::seed_from_u64(7);
        let all = Augmentation::default();
        let augmentation =
            Augmentation { gain: 1.0, turn_share: 0.0, noise: 0.0, retake_share: 1.0, ..all };
        let before: Vec<f32> = (0..10 * EPOCH_SAMPLES).map(|i| (0.1 * i as f32).sin()).collect();
        let mut samples = before.clone();
        augmentation.apply(ChannelMask::ALL, &mut samples, &mut random);
        for channel in Channel::ALL {
            let span = channel.index() * EPOCH_SAMPLES..(channel.index() + 1) * EPOCH_SAMPLES;
            let is_same = samples[span.clone()] == before[span];
            assert_eq!(is_same, !HEAD.contains(&channel), "{channel}");
        }
    }
}
