//! Z-scores a channel: mean 0 and standard deviation 1.

use crate::dsp::with_vectors;

/// Number of partial sums.
const LANES: usize = 8;

/// Mean and standard deviation of a channel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct ChannelScale {
    mean: f64,
    deviation: f64,
}

impl ChannelScale {
    /// The scale of a channel without a usable signal.
    pub(super) const EMPTY: Self = Self { mean: 0.0, deviation: 0.0 };

    /// Returns the mean and the population standard deviation of several slices of samples together.
    pub(super) fn of<'a>(slices: impl IntoIterator<Item = &'a [f32]>) -> Self {
        let (mut n, mut sums, mut squares) = (0usize, [0.0; LANES], [0.0; LANES]);
        for slice in slices {
            n += slice.len();
            // Sums of squares in f64 are precise enough, because the traces have almost no offset.
            let (rows, rest) = slice.as_chunks::<LANES>();
            let mut add = |lane: usize, x: f32| {
                sums[lane] += f64::from(x);
                squares[lane] += f64::from(x) * f64::from(x);
            };
            with_vectors(|| {
                rows.iter().for_each(|row| (0..LANES).for_each(|lane| add(lane, row[lane])));
                rest.iter().enumerate().for_each(|(lane, x)| add(lane, *x));
            });
        }
        let (sum, squares) = (sums.iter().sum::<f64>(), squares.iter().sum::<f64>());
        if n == 0 {
            return Self::EMPTY;
        }
        let mean = sum / n as f64;
        let variance = (squares / n as f64 - mean * mean).max(0.0);
        Self { mean, deviation: variance.sqrt() }
    }

    /// Returns whether the channel is constant.
    pub(super) fn is_empty(&self) -> bool {
        self.deviation == 0.0
    }

    /// Returns the standard deviation.
    pub(super) fn deviation(&self) -> f64 {
        self.deviation
    }

    /// Writes the scaled samples; those of a constant channel become zero.
    pub(super) fn apply(&self, samples: &[f32], scaled: &mut [f32]) {
        if self.is_empty() {
            return scaled.fill(0.0);
        }
        let (mean, factor) = (self.mean as f32, (1.0 / self.deviation) as f32);
        scaled
            .iter_mut()
            .zip(samples)
            .for_each(|(scaled, sample)| *scaled = (sample - mean) * factor);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scaled_samples_have_mean_0_and_deviation_1() {
        let samples = [1.0, 2.0, 3.0, 6.0];
        let mut scaled = [0.0; 4];
        ChannelScale::of([&samples[..2], &samples[2..]]).apply(&samples, &mut scaled);
        assert!(scaled.iter().sum::<f32>().abs() < 1e-6);
        assert!((scaled.iter().map(|x| x * x).sum::<f32>() / 4.0 - 1.0).abs() < 1e-6);
    }

    #[test]
    fn constant_channels_become_zero() {
        let mut scaled = [9.0; 3];
        ChannelScale::of([[5.0; 3].as_slice()]).apply(&[5.0; 3], &mut scaled);
        assert_eq!(scaled, [0.0; 3]);
    }
}
