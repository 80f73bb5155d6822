//! Brings a channel to mean 0 and standard deviation 1.

use crate::dsp::with_vectors;

/// Sums that are added up side by side.
const LANES: usize = 8;

/// Mean and standard deviation of a channel.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Scale {
    mean: f64,
    deviation: f64,
}

impl Scale {
    /// The scale of a channel that carries nothing.
    pub(super) const EMPTY: Self = Self { mean: 0.0, deviation: 0.0 };

    /// Returns the scale of stretches of samples taken together; the deviation is that of the population.
    pub(super) fn of<'a>(stretches: impl IntoIterator<Item = &'a [f32]>) -> Self {
        let (mut n, mut sums, mut squares) = (0usize, [0.0; LANES], [0.0; LANES]);
        for stretch in stretches {
            n += stretch.len();
            // Sums over a stretch stay exact enough in f64; the traces have no offset worth speaking of.
            let (rows, rest) = stretch.as_chunks::<LANES>();
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

    /// Returns whether the channel does not move.
    pub(super) fn is_empty(&self) -> bool {
        self.deviation == 0.0
    }

    /// Returns the standard deviation.
    pub(super) fn deviation(&self) -> f64 {
        self.deviation
    }

    /// Writes the scaled samples; those of a channel that does not move become zero.
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
        Scale::of([&samples[..2], &samples[2..]]).apply(&samples, &mut scaled);
        assert!(scaled.iter().sum::<f32>().abs() < 1e-6);
        assert!((scaled.iter().map(|x| x * x).sum::<f32>() / 4.0 - 1.0).abs() < 1e-6);
    }

    #[test]
    fn still_channel_becomes_zero() {
        let mut scaled = [9.0; 3];
        Scale::of([[5.0; 3].as_slice()]).apply(&[5.0; 3], &mut scaled);
        assert_eq!(scaled, [0.0; 3]);
    }
}
