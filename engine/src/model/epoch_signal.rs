//! The signals of an epoch that a request carries, checked before an encoder reads them.

use nocturne_psg::EPOCH_SAMPLES;
use nocturne_psg::montage::{Channel, ChannelMask};
use nocturne_psg::night::INPUT_LEN;

use crate::error::{Error, Result};

/// Largest plausible magnitude of a z-scored sample.
const LARGEST_SAMPLE: f32 = 1e4;

/// The signals of one epoch as the encoder reads them: `[10, 1920]`, finite, zeros for missing channels.
#[derive(Debug, Clone, PartialEq)]
pub struct EpochSignal(Vec<f32>);

impl EpochSignal {
    /// Takes the samples of ten channels, one channel after the other; channels missing from `mask` become zeros.
    ///
    /// # Errors
    ///
    /// [`Error::Field`] if there are not 19,200 samples, if one is not a number from −10,000 to 10,000, or if all are zero.
    pub fn new(mut samples: Vec<f32>, mask: ChannelMask) -> Result<Self> {
        let refuse =
            |value: String, expected: String| Err(Error::field("signal.samples", value, expected));
        if samples.len() != INPUT_LEN {
            let expected = format!("{INPUT_LEN}: {} channels of {EPOCH_SAMPLES}", Channel::COUNT);
            return refuse(format!("{} samples long", samples.len()), expected);
        }
        // `contains` is false for NaN too.
        let range = -LARGEST_SAMPLE..=LARGEST_SAMPLE;
        let odd = samples.iter().position(|sample| !range.contains(sample));
        if let Some(place) = odd {
            let channel = Channel::ALL[place / EPOCH_SAMPLES];
            let value =
                format!("{} in {channel} at sample {}", samples[place], place % EPOCH_SAMPLES);
            return refuse(value, format!("numbers from -{LARGEST_SAMPLE} to {LARGEST_SAMPLE}"));
        }
        for (channel, row) in Channel::ALL.iter().zip(samples.chunks_exact_mut(EPOCH_SAMPLES)) {
            if !mask.contains(*channel) {
                row.fill(0.0);
            }
        }
        if samples.iter().all(|sample| *sample == 0.0) {
            return refuse(
                "zero throughout".to_owned(),
                "at least one channel with a signal".to_owned(),
            );
        }
        Ok(Self(samples))
    }

    /// Returns the samples, one channel after the other.
    pub fn as_slice(&self) -> &[f32] {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signal(change: impl Fn(&mut Vec<f32>), mask: ChannelMask) -> Result<EpochSignal> {
        let mut samples: Vec<f32> = (0..INPUT_LEN).map(|i| (i % 7) as f32 - 3.0).collect();
        change(&mut samples);
        EpochSignal::new(samples, mask)
    }

    #[test]
    fn unusable_samples_are_refused() {
        let check = |change: fn(&mut Vec<f32>), expected: &str| {
            let error = signal(change, ChannelMask::ALL).unwrap_err();
            assert_eq!(error.to_string(), format!("`signal.samples` is {expected}"));
        };
        check(Vec::clear, "0 samples long; expected 19200: 10 channels of 1920");
        check(|it| it.push(0.0), "19201 samples long; expected 19200: 10 channels of 1920");
        let range = "expected numbers from -10000 to 10000";
        check(|it| it[1925] = f32::NAN, &format!("NaN in ABD at sample 5; {range}"));
        check(|it| it[0] = f32::INFINITY, &format!("inf in ECG at sample 0; {range}"));
        check(
            |it| it[0] = -1e30,
            &format!("-1000000000000000000000000000000 in ECG at sample 0; {range}"),
        );
        check(|it| it.fill(0.0), "zero throughout; expected at least one channel with a signal");
    }

    #[test]
    fn missing_channels_are_read_as_zeros() {
        let mask: ChannelMask = [Channel::Abdomen].into_iter().collect();
        let EpochSignal(samples) = signal(|_| {}, mask).unwrap();
        assert!(samples[..EPOCH_SAMPLES].iter().all(|sample| *sample == 0.0));
        assert!(samples[EPOCH_SAMPLES..2 * EPOCH_SAMPLES].iter().any(|sample| *sample != 0.0));
        assert!(signal(|_| {}, ChannelMask::NONE).is_err());
    }
}
