//! Augmentation of epochs, so that the encoder does not rely on what some archives do not record.

use std::ops::Range;

use nocturne_psg::EPOCH_SAMPLES;
use nocturne_psg::montage::{Channel, ChannelMask};
use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};
use rand_pcg::Pcg64Mcg;
use serde::{Deserialize, Serialize};

use super::recorder_change::RecorderChange;

/// Random changes of epochs before training.
///
/// Archives differ in polarity: in some, negative is up. The channels of a group are inverted together, so eye
/// movements in opposite directions stay opposite. Archives also differ in filters and electrodes: an epoch may be
/// filtered as another recorder would.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Augmentation {
    /// Share of epochs in which channels are hidden.
    pub hide_share: f64,
    /// Share of those in which each channel is hidden independently; the others lose a whole group.
    pub single_share: f64,
    /// Probability that a channel is hidden, if channels are hidden independently.
    pub single_probability: f64,
    /// Each channel is multiplied by a factor between `1 / gain` and `gain`, log-uniformly distributed.
    pub gain: f64,
    /// Probability that a group of channels with a common polarity is inverted.
    pub invert_share: f64,
    /// Maximum standard deviation of the added white noise, in standard deviations of the channel.
    pub noise: f64,
    /// Share of epochs in which only one EEG channel is shown, if there is one; drawn before any other hiding.
    pub one_eeg_share: f64,
    /// Share of epochs whose channels are scaled to mean 0 and standard deviation 1 within the epoch instead of by
    /// `gain`, as with `prepare --z-score epoch`. Above 0, the towers can be exported for either scope.
    pub epoch_scale_share: f64,
    /// Share of epochs whose EEG and EOG are filtered as by another recorder, within the limits below. 0 by default: no
    /// measurement has shown a gain yet.
    pub recorder_share: f64,
    /// Maximum gain or loss, in decibels, of each of two first-order shelving filters with corners of 0.7 to 20 Hz.
    pub shelf_db: f64,
    /// Maximum corner frequency in hertz of a first-order high-pass filter; 0 for no filter.
    pub high_pass_hz: f64,
    /// Minimum corner frequency in hertz of a second-order low-pass filter (two first-order stages), 1 to 30; 0 for no
    /// filter.
    pub low_pass_hz: f64,
    /// Maximum standard deviation of the electrode drift below 0.4 Hz, in standard deviations of the channel.
    pub drift: f64,
}

impl Default for Augmentation {
    fn default() -> Self {
        Self {
            hide_share: 0.5,
            single_share: 0.5,
            single_probability: 0.3,
            gain: 2.0,
            invert_share: 0.3,
            noise: 0.05,
            one_eeg_share: 0.12,
            epoch_scale_share: 0.0,
            recorder_share: 0.0,
            shelf_db: 4.0,
            high_pass_hz: 0.5,
            low_pass_hz: 15.0,
            drift: 0.5,
        }
    }
}

/// Sets of channels found in real archives.
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

/// Channels that are filtered together.
const HEAD: [Channel; 4] =
    [Channel::EegC3A2, Channel::EegC4A1, Channel::EogLeft, Channel::EogRight];

/// Groups of channels with a common polarity.
const POLARITY_GROUPS: [&[Channel]; 3] = [
    &[Channel::EegC3A2, Channel::EegC4A1, Channel::EogLeft, Channel::EogRight],
    &[Channel::Ecg],
    &[Channel::Airflow, Channel::Abdomen, Channel::Thorax],
];

impl Augmentation {
    /// Returns the augmentation that leaves epochs unchanged.
    pub const fn none() -> Self {
        Self {
            hide_share: 0.0,
            single_share: 0.0,
            single_probability: 0.0,
            gain: 1.0,
            invert_share: 0.0,
            noise: 0.0,
            one_eeg_share: 0.0,
            epoch_scale_share: 0.0,
            recorder_share: 0.0,
            shelf_db: 0.0,
            high_pass_hz: 0.0,
            low_pass_hz: 0.0,
            drift: 0.0,
        }
    }

    /// Draws the shown channels from those that carry a signal; at least one besides the position.
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

    /// Zeroes the hidden channels and distorts the others.
    pub(super) fn apply(&self, shown: ChannelMask, samples: &mut [f32], random: &mut Pcg64Mcg) {
        let inverted: ChannelMask = POLARITY_GROUPS
            .into_iter()
            .filter(|_| random.random_bool(self.invert_share))
            .flatten()
            .copied()
            .collect();
        let is_changed = self.recorder_share > 0.0 && random.random_bool(self.recorder_share);
        let recorder = is_changed.then(|| RecorderChange::draw(self, random));
        let by_epoch = self.epoch_scale_share > 0.0 && random.random_bool(self.epoch_scale_share);
        let gain = if by_epoch { 1.0 } else { self.gain };
        for (channel, row) in Channel::ALL.into_iter().zip(samples.chunks_exact_mut(EPOCH_SAMPLES))
        {
            if !shown.contains(channel) {
                row.fill(0.0);
            } else if channel != Channel::Position {
                if let Some(recorder) = recorder.filter(|_| HEAD.contains(&channel)) {
                    recorder.apply(row, random);
                }
                if by_epoch {
                    standardise(row);
                }
                self.distort(row, inverted.contains(channel), gain, random);
            }
        }
    }

    fn distort(&self, row: &mut [f32], is_inverted: bool, gain: f64, random: &mut Pcg64Mcg) {
        let limit = gain.ln();
        let sign = if is_inverted { -1.0 } else { 1.0 };
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

/// Scales a channel to mean 0 and standard deviation 1 within the epoch; a constant becomes 0.
fn standardise(row: &mut [f32]) {
    let count = row.len() as f64;
    let mean = row.iter().map(|sample| f64::from(*sample)).sum::<f64>() / count;
    let square = |sample: &f32| (f64::from(*sample) - mean).powi(2);
    let deviation = (row.iter().map(square).sum::<f64>() / count).sqrt();
    let factor = if deviation > 0.0 { 1.0 / deviation } else { 0.0 };
    for sample in row {
        *sample = ((f64::from(*sample) - mean) * factor) as f32;
    }
}

/// Returns a uniform number in the range, or its start if it is empty.
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
    fn every_archive_and_the_full_montage_occur() {
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
    fn hidden_channels_are_zero_and_the_position_is_unchanged() {
        let mut random = Pcg64Mcg::seed_from_u64(3);
        let mut samples = vec![2.0; 10 * EPOCH_SAMPLES];
        let shown = ChannelMask::from_iter([Channel::Ecg, Channel::Position]);
        let augmentation = Augmentation { invert_share: 0.0, ..Augmentation::default() };
        augmentation.apply(shown, &mut samples, &mut random);
        let row = |channel: Channel| &samples[channel.index() * EPOCH_SAMPLES..][..EPOCH_SAMPLES];
        assert!(row(Channel::EegC3A2).iter().all(|sample| *sample == 0.0));
        assert!(row(Channel::Position).iter().all(|sample| *sample == 2.0));
        assert!(row(Channel::Ecg).iter().all(|sample| (0.7..4.4).contains(sample)));
    }

    #[test]
    fn channels_of_a_group_are_inverted_together() {
        let mut random = Pcg64Mcg::seed_from_u64(4);
        let augmentation = Augmentation { invert_share: 0.5, ..Augmentation::none() };
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
    fn one_eeg_channel_is_shown_in_its_share_of_epochs() {
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
    fn epochs_are_scaled_within_themselves_in_their_share() {
        let mut random = Pcg64Mcg::seed_from_u64(8);
        let augmentation = Augmentation { epoch_scale_share: 0.5, ..Augmentation::none() };
        let before: Vec<f32> =
            (0..10 * EPOCH_SAMPLES).map(|i| 3.0 + 5.0 * (0.1 * i as f32).sin()).collect();
        let mut n_scaled = 0;
        for _ in 0..200 {
            let mut samples = before.clone();
            augmentation.apply(ChannelMask::ALL, &mut samples, &mut random);
            if samples == before {
                continue;
            }
            n_scaled += 1;
            let eeg = &samples[..EPOCH_SAMPLES];
            let mean = eeg.iter().sum::<f32>() / EPOCH_SAMPLES as f32;
            let variance =
                eeg.iter().map(|x| (x - mean).powi(2)).sum::<f32>() / EPOCH_SAMPLES as f32;
            assert!(mean.abs() < 1e-3 && (variance - 1.0).abs() < 1e-3, "{mean} {variance}");
            let position = Channel::Position.index() * EPOCH_SAMPLES;
            assert_eq!(samples[position..], before[position..]);
        }
        assert!((70..130).contains(&n_scaled), "{n_scaled}");
    }

    #[test]
    fn another_recorder_changes_only_eeg_and_eog() {
        let mut random = Pcg64Mcg::seed_from_u64(7);
        let all = Augmentation::default();
        let augmentation =
            Augmentation { gain: 1.0, invert_share: 0.0, noise: 0.0, recorder_share: 1.0, ..all };
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
