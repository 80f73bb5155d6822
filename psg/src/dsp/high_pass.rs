//! A high-pass filter.

use std::f64::consts::{SQRT_2, TAU};

/// A Butterworth high-pass filter of second order (bilinear transform), sample by sample.
#[derive(Debug, Clone)]
pub struct HighPass {
    b: [f64; 3],
    a: [f64; 2],
    /// The first sample, which is subtracted from all, so that an offset does not ring.
    origin: Option<f64>,
    state: [f64; 2],
}

impl HighPass {
    /// Creates a filter with the frequency at which the gain is -3 dB.
    ///
    /// # Panics
    ///
    /// Panics if the frequency is not between 0 and half of the sampling rate.
    pub fn new(cutoff_hz: f64, rate_hz: f64) -> Self {
        assert!(
            cutoff_hz > 0.0 && cutoff_hz < rate_hz / 2.0,
            "{cutoff_hz} Hz is not between 0 and half of {rate_hz} Hz"
        );
        let k = (TAU / 2.0 * cutoff_hz / rate_hz).tan();
        let norm = 1.0 / (1.0 + SQRT_2 * k + k * k);
        Self {
            b: [norm, -2.0 * norm, norm],
            a: [2.0 * (k * k - 1.0) * norm, (1.0 - SQRT_2 * k + k * k) * norm],
            origin: None,
            state: [0.0; 2],
        }
    }

    /// Returns the filtered next sample.
    pub fn apply(&mut self, sample: f64) -> f64 {
        let x = sample - *self.origin.get_or_insert(sample);
        let y = self.b[0] * x + self.state[0];
        self.state = [self.b[1] * x - self.a[0] * y + self.state[1], self.b[2] * x - self.a[1] * y];
        y
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gain_is_that_of_a_second_order_butterworth_filter() {
        for hz in [1.0, 5.0, 10.0, 30.0, 80.0] {
            let mut filter = HighPass::new(10.0, 500.0);
            let wave = |i: u32| (TAU * hz * f64::from(i) / 500.0).sin() + 1000.0;
            let filtered: Vec<f64> = (0..5000).map(|i| filter.apply(wave(i))).collect();
            let power = filtered[2500..].iter().map(|y| y * y).sum::<f64>() / 2500.0;
            // The bilinear transform warps the frequency.
            let warped = |hz: f64| (TAU / 2.0 * hz / 500.0).tan();
            let ratio = (warped(10.0) / warped(hz)).powi(4);
            assert!((power - 0.5 / (1.0 + ratio)).abs() < 0.005, "{hz} Hz: {power}");
        }
    }
}
