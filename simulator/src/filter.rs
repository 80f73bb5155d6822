//! Second-order recursive filters and their gain for white noise.

use std::f64::consts::TAU;

/// Coefficients of a second-order section, normalised so that a0 is 1 (Bristow-Johnson, Audio EQ Cookbook).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct Biquad {
    pub(super) b: [f64; 3],
    pub(super) a: [f64; 2],
}

impl Biquad {
    /// Band-pass around `hz` with peak gain 1 and bandwidth `hz / q`.
    pub(super) fn band_pass(hz: f64, q: f64, rate_hz: f64) -> Self {
        let (cos, alpha) = angle(hz, q, rate_hz);
        Self::normalised([alpha, 0.0, -alpha], cos, alpha)
    }

    /// Low-pass at `hz`; a `q` of 0.707 is maximally flat (Butterworth).
    pub(super) fn low_pass(hz: f64, q: f64, rate_hz: f64) -> Self {
        let (cos, alpha) = angle(hz, q, rate_hz);
        let b = (1.0 - cos) / 2.0;
        Self::normalised([b, 2.0 * b, b], cos, alpha)
    }

    /// High-pass at `hz`; a `q` of 0.707 is maximally flat (Butterworth).
    pub(super) fn high_pass(hz: f64, q: f64, rate_hz: f64) -> Self {
        let (cos, alpha) = angle(hz, q, rate_hz);
        let b = f64::midpoint(1.0, cos);
        Self::normalised([b, -2.0 * b, b], cos, alpha)
    }

    /// Notch at `hz` with bandwidth `hz / q`.
    pub(super) fn notch(hz: f64, q: f64, rate_hz: f64) -> Self {
        let (cos, alpha) = angle(hz, q, rate_hz);
        Self::normalised([1.0, -2.0 * cos, 1.0], cos, alpha)
    }

    /// First-order high-pass at `hz`, as an RC coupling.
    pub(super) fn coupling(hz: f64, rate_hz: f64) -> Self {
        let k = (TAU * hz / rate_hz / 2.0).tan();
        let b = 1.0 / (1.0 + k);
        Self { b: [b, -b, 0.0], a: [(k - 1.0) / (k + 1.0), 0.0] }
    }

    fn normalised(b: [f64; 3], cos: f64, alpha: f64) -> Self {
        let a0 = 1.0 + alpha;
        Self { b: b.map(|b| b / a0), a: [-2.0 * cos / a0, (1.0 - alpha) / a0] }
    }
}

/// Returns the cosine of the angular frequency, limited to below the Nyquist frequency, and the bandwidth term.
fn angle(hz: f64, q: f64, rate_hz: f64) -> (f64, f64) {
    let angle = TAU * hz.min(0.48 * rate_hz) / rate_hz;
    (angle.cos(), angle.sin() / (2.0 * q))
}

/// A cascade of sections with their state.
#[derive(Debug, Clone)]
pub(super) struct BiquadFilter {
    sections: Vec<(Biquad, [f64; 2])>,
}

impl BiquadFilter {
    /// Creates a filter with zero state.
    pub(super) fn new(sections: Vec<Biquad>) -> Self {
        Self { sections: sections.into_iter().map(|section| (section, [0.0; 2])).collect() }
    }

    /// Filters the next sample (transposed direct form II).
    pub(super) fn run(&mut self, sample: f64) -> f64 {
        let mut value = sample;
        for (section, state) in &mut self.sections {
            let out = section.b[0] * value + state[0];
            state[0] = section.b[1] * value - section.a[0] * out + state[1];
            state[1] = section.b[2] * value - section.a[1] * out;
            value = out;
        }
        value
    }

    /// Returns the standard deviation of the output for white noise of standard deviation 1.
    pub(super) fn noise_gain(&self) -> f64 {
        let mut copy = Self { sections: self.sections.clone() };
        for (_, state) in &mut copy.sections {
            *state = [0.0; 2];
        }
        let (mut energy, mut n, mut quiet) = (0.0_f64, 0_u32, 0_u32);
        // The energy of the impulse response; it has decayed once 4000 samples in a row add nothing.
        while quiet < 4000 && n < 1_000_000 {
            let value = copy.run(if n == 0 { 1.0 } else { 0.0 });
            quiet = if value * value < 1e-9 * energy { quiet + 1 } else { 0 };
            energy += value * value;
            n += 1;
        }
        energy.sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Returns the gain for a sine, measured after the filter has settled.
    fn gain(section: Biquad, hz: f64, rate_hz: f64) -> f64 {
        let mut filter = BiquadFilter::new(vec![section]);
        let n = (200.0 * rate_hz) as usize;
        let out: Vec<f64> =
            (0..n).map(|i| filter.run((TAU * hz * i as f64 / rate_hz).sin())).collect();
        let tail = &out[n / 2..];
        (2.0 * tail.iter().map(|v| v * v).sum::<f64>() / tail.len() as f64).sqrt()
    }

    #[test]
    fn filters_have_the_designed_gains() {
        let check = |section, hz, expected: f64| {
            let found = gain(section, hz, 128.0);
            assert!((found - expected).abs() < 0.03, "{hz} Hz: {found}, expected {expected}");
        };
        check(Biquad::band_pass(10.0, 2.0, 128.0), 10.0, 1.0);
        check(Biquad::band_pass(10.0, 2.0, 128.0), 1.0, 0.05);
        check(Biquad::low_pass(30.0, 0.707, 128.0), 3.0, 1.0);
        check(Biquad::low_pass(30.0, 0.707, 128.0), 30.0, 0.707);
        check(Biquad::high_pass(10.0, 0.707, 128.0), 40.0, 1.0);
        check(Biquad::notch(50.0, 10.0, 128.0), 50.0, 0.0);
        check(Biquad::coupling(0.3, 128.0), 0.3, 0.707);
    }

    #[test]
    fn noise_gain_is_the_standard_deviation_of_filtered_noise() {
        let mut random = crate::random::Random::new(1, 1, "noise");
        let mut filter = BiquadFilter::new(vec![Biquad::band_pass(10.0, 1.0, 128.0)]);
        let expected = filter.noise_gain();
        let n = 100_000;
        let energy: f64 = (0..n).map(|_| filter.run(random.normal()).powi(2)).sum();
        assert!(((energy / f64::from(n)).sqrt() / expected - 1.0).abs() < 0.02);
    }
}
