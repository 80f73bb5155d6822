//! Encodes sampled epochs again with some channels hidden.

use nocturne_encoder::{Embedding, SignalEncoder};
use nocturne_psg::montage::{Channel, ChannelMask};
use nocturne_psg::night::INPUT_LEN;
use nocturne_psg::{EPOCH_SAMPLES, Night};

use crate::error::Result;

/// Epochs encoded in one batch.
const BATCH: usize = 16;

/// A subset of the channels, as recorders with fewer channels have them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum ChannelSubset {
    All,
    EegEogEmg,
    OneEeg,
    CardioRespiratory,
}

impl ChannelSubset {
    pub(crate) const ALL: [Self; 4] =
        [Self::All, Self::EegEogEmg, Self::OneEeg, Self::CardioRespiratory];

    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::All => "all",
            Self::EegEogEmg => "eeg_eog_emg",
            Self::OneEeg => "one_eeg",
            Self::CardioRespiratory => "cardio_respiratory",
        }
    }

    pub(crate) const fn channels(self) -> &'static [Channel] {
        match self {
            Self::All => &Channel::ALL,
            Self::EegEogEmg => &[
                Channel::EogLeft,
                Channel::EogRight,
                Channel::EegC3A2,
                Channel::EegC4A1,
                Channel::EmgChin,
            ],
            Self::OneEeg => &[Channel::EegC3A2, Channel::EegC4A1],
            Self::CardioRespiratory => {
                &[Channel::Ecg, Channel::Abdomen, Channel::Thorax, Channel::Airflow]
            }
        }
    }

    /// Returns the channels of an epoch that are in the subset; of the two EEG channels, `OneEeg` takes the first.
    fn left_of(self, mask: ChannelMask) -> ChannelMask {
        let left = self.channels().iter().copied().filter(|channel| mask.contains(*channel));
        match self {
            Self::OneEeg => left.take(1).collect(),
            Self::All | Self::EegEogEmg | Self::CardioRespiratory => left.collect(),
        }
    }
}

/// A sampled epoch, encoded with some channels hidden.
pub(crate) struct HiddenEpoch {
    pub(crate) epoch_idx: usize,
    pub(crate) subset: ChannelSubset,
    /// Channels that are not hidden.
    pub(crate) left: ChannelMask,
    /// `None` if nothing is hidden.
    embedding: Option<Embedding>,
}

impl HiddenEpoch {
    /// Returns the embedding, given the one with all channels.
    pub(crate) fn embedding<'a>(&'a self, whole: &'a Embedding) -> &'a Embedding {
        self.embedding.as_ref().unwrap_or(whole)
    }
}

/// Encodes `n` scored epochs, spread evenly over a night, with each subset of channels.
pub(crate) fn encode(
    night: &Night,
    encoder: &mut SignalEncoder,
    n: usize,
) -> Result<Vec<HiddenEpoch>> {
    let scored: Vec<usize> =
        (0..night.epochs().len()).filter(|i| night.epochs()[*i].stage.is_some()).collect();
    let n = n.min(scored.len());
    let (mut hidden, mut to_encode) = (Vec::new(), Vec::new());
    for subset in ChannelSubset::ALL {
        for i in 0..n {
            let epoch_idx = scored[i * scored.len() / n];
            let mask = night.epochs()[epoch_idx].mask;
            let left = subset.left_of(mask);
            let epoch = HiddenEpoch { epoch_idx, subset, left, embedding: None };
            if left == mask {
                hidden.push(epoch);
            } else if !left.is_empty() {
                to_encode.push(epoch);
            }
        }
    }
    for batch in to_encode.chunks_mut(BATCH) {
        let mut inputs = vec![0.0; batch.len() * INPUT_LEN];
        for (epoch, input) in batch.iter().zip(inputs.chunks_exact_mut(INPUT_LEN)) {
            night.write_input(epoch.epoch_idx, input);
            hide(input, epoch.left);
        }
        for (epoch, embedding) in batch.iter_mut().zip(encoder.encode_inputs(&inputs)?) {
            epoch.embedding = Some(embedding);
        }
    }
    hidden.extend(to_encode);
    Ok(hidden)
}

/// Sets every other channel to zero, as a missing channel is.
fn hide(input: &mut [f32], left: ChannelMask) {
    for (channel, row) in Channel::ALL.iter().zip(input.chunks_exact_mut(EPOCH_SAMPLES)) {
        if !left.contains(*channel) {
            row.fill(0.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn subset_is_limited_to_the_channels_of_the_epoch() {
        let names = |subset: ChannelSubset, mask: ChannelMask| -> Vec<&str> {
            subset.left_of(mask).iter().map(Channel::name).collect()
        };
        assert_eq!(names(ChannelSubset::OneEeg, ChannelMask::ALL), ["EEG_C3_A2"]);
        let without_c3 = ChannelMask::ALL.without([Channel::EegC3A2].into_iter().collect());
        assert_eq!(names(ChannelSubset::OneEeg, without_c3), ["EEG_C4_A1"]);
        let heart: ChannelMask = [Channel::Ecg, Channel::EmgChin].into_iter().collect();
        assert_eq!(names(ChannelSubset::CardioRespiratory, heart), ["ECG"]);
        assert_eq!(ChannelSubset::All.left_of(ChannelMask::ALL), ChannelMask::ALL);
    }

    #[test]
    fn hidden_channels_are_zero() {
        let mut input = vec![1.0; INPUT_LEN];
        hide(&mut input, [Channel::Abdomen].into_iter().collect());
        let sums: Vec<f32> =
            input.chunks_exact(EPOCH_SAMPLES).map(|row| row.iter().sum()).collect();
        assert_eq!(sums[Channel::Abdomen.index()], EPOCH_SAMPLES as f32);
        assert_eq!(sums.iter().sum::<f32>(), EPOCH_SAMPLES as f32);
    }
}
