//! Power spectra by Welch's method.

use std::sync::Arc;

use realfft::num_complex::Complex;
use realfft::{RealFftPlanner, RealToComplex};

/// A frequency band in hertz, `[low, high)`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Band(pub f64, pub f64);

impl Band {
    /// Delta, 0.5–4 Hz.
    pub const DELTA: Self = Self(0.5, 4.0);
    /// Theta, 4–8 Hz.
    pub const THETA: Self = Self(4.0, 8.0);
    /// Alpha, 8–13 Hz.
    pub const ALPHA: Self = Self(8.0, 13.0);
    /// Sigma, 11–16 Hz.
    pub const SIGMA: Self = Self(11.0, 16.0);
    /// Beta, 13–30 Hz.
    pub const BETA: Self = Self(13.0, 30.0);
}

/// Estimates power spectra by Welch's method: half-overlapping Hann windows without their means.
#[expect(missing_debug_implementations, reason = "the transform in it has none")]
pub struct Spectrum {
    fft: Arc<dyn RealToComplex<f32>>,
    window: Vec<f32>,
    rate_hz: f64,
    input: Vec<f32>,
    output: Vec<Complex<f32>>,
    scratch: Vec<Complex<f32>>,
}

impl Spectrum {
    /// Plans spectra with windows of `window_s` seconds at `rate_hz`.
    pub fn new(window_s: f64, rate_hz: f64) -> Self {
        let n = (window_s * rate_hz).round() as usize;
        let fft = RealFftPlanner::new().plan_fft_forward(n);
        let turn = std::f64::consts::TAU / n as f64;
        let window = (0..n).map(|i| (0.5 - 0.5 * (turn * i as f64).cos()) as f32).collect();
        let (input, output, scratch) =
            (fft.make_input_vec(), fft.make_output_vec(), fft.make_scratch_vec());
        Self { fft, window, rate_hz, input, output, scratch }
    }

    /// Returns the width of a bin in hertz.
    pub fn bin_hz(&self) -> f64 {
        self.rate_hz / self.window.len() as f64
    }

    /// Returns the mean power of each bin from 0 Hz, up to a factor that is equal for all bins.
    ///
    /// The power of a signal shorter than a window is zero.
    pub fn power(&mut self, signal: &[f32]) -> Vec<f64> {
        let n = self.window.len();
        let mut power = vec![0.0; self.output.len()];
        let mut n_windows = 0;
        for segment in signal.windows(n).step_by(n / 2) {
            let mean = segment.iter().sum::<f32>() / n as f32;
            for ((input, sample), window) in self.input.iter_mut().zip(segment).zip(&self.window) {
                *input = (sample - mean) * window;
            }
            self.fft
                .process_with_scratch(&mut self.input, &mut self.output, &mut self.scratch)
                .expect("the buffers have the lengths of this transform");
            for (power, bin) in power.iter_mut().zip(&self.output) {
                *power += f64::from(bin.norm_sqr());
            }
            n_windows += 1;
        }
        power.iter_mut().for_each(|power| *power /= f64::from(n_windows.max(1)));
        power
    }

    /// Returns the power of a band: the sum over its bins.
    pub fn band_power(&self, power: &[f64], Band(low_hz, high_hz): Band) -> f64 {
        let bin = |hz: f64| (hz / self.bin_hz()).ceil() as usize;
        power[bin(low_hz).min(power.len())..bin(high_hz).min(power.len())].iter().sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tone_has_its_power_in_its_band() {
        let tone: Vec<f32> =
            (0..1920).map(|i| (std::f32::consts::TAU * 10.0 * i as f32 / 64.0).sin()).collect();
        let mut spectrum = Spectrum::new(4.0, 64.0);
        let power = spectrum.power(&tone);
        let total = spectrum.band_power(&power, Band(0.5, 30.0));
        assert!(spectrum.band_power(&power, Band::ALPHA) > 0.999 * total);
        assert!(spectrum.band_power(&power, Band::DELTA) < 1e-6 * total);
    }
}
