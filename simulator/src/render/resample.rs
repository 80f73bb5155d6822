//! Downsamples a signal with an anti-aliasing filter.

use std::f64::consts::PI;

/// Half length of the filter, in samples of the lower rate.
const HALF_LENGTH: f64 = 8.0;

/// Resamples from `from_hz` to `to_hz` (at most `from_hz`) with a polyphase windowed-sinc filter.
pub(super) fn downsample(samples: &[f32], from_hz: u32, to_hz: u32) -> Vec<f32> {
    if from_hz == to_hz {
        return samples.to_vec();
    }
    let divisor = gcd(from_hz, to_hz);
    let (n_phases, advance) = ((to_hz / divisor) as usize, (from_hz / divisor) as usize);
    let phases: Vec<Vec<f32>> = (0..n_phases)
        .map(|phase| taps(phase as f64 * advance as f64 / n_phases as f64, from_hz, to_hz))
        .collect();
    let n = samples.len() * n_phases / advance;
    let half = phases[0].len() / 2;
    (0..n)
        .map(|i| {
            let centre = i * advance / n_phases;
            convolve(samples, centre as isize - half as isize + 1, &phases[i % n_phases])
        })
        .collect()
}

fn convolve(samples: &[f32], start: isize, taps: &[f32]) -> f32 {
    if let Some(window) = usize::try_from(start).ok().and_then(|s| samples.get(s..s + taps.len())) {
        return window.iter().zip(taps).map(|(sample, tap)| sample * tap).sum();
    }
    // The first and last samples extend beyond the ends.
    let last = samples.len() as isize - 1;
    let at = |i: usize| samples[(start + i as isize).clamp(0, last) as usize];
    taps.iter().enumerate().map(|(i, tap)| at(i) * tap).sum()
}

/// Returns the filter for an output sample that is `offset` (modulo 1) input samples after an input sample.
fn taps(offset: f64, from_hz: u32, to_hz: u32) -> Vec<f32> {
    let ratio = f64::from(to_hz) / f64::from(from_hz);
    let half = (HALF_LENGTH / ratio).ceil() as i32;
    let fraction = offset.fract();
    // The pass band ends slightly below the new Nyquist frequency.
    let cutoff = 0.92 * ratio;
    let tap = |i: i32| {
        let distance = f64::from(i) - fraction;
        let window = (0.5 + 0.5 * (PI * distance / f64::from(half)).cos()).max(0.0);
        cutoff * sinc(cutoff * distance) * window
    };
    let taps: Vec<f64> = (1 - half..=half).map(tap).collect();
    let sum: f64 = taps.iter().sum();
    taps.iter().map(|tap| (tap / sum) as f32).collect()
}

fn sinc(x: f64) -> f64 {
    if x.abs() < 1e-9 { 1.0 } else { (PI * x).sin() / (PI * x) }
}

fn gcd(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { gcd(b, a % b) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sine(hz: f64, rate_hz: f64, n: usize) -> Vec<f32> {
        (0..n).map(|i| (2.0 * PI * hz * i as f64 / rate_hz).sin() as f32).collect()
    }

    #[test]
    fn preserves_the_pass_band_and_suppresses_aliases() {
        let passed = downsample(&sine(5.0, 125.0, 12_500), 125, 50);
        let expected = sine(5.0, 50.0, 5000);
        for i in 100..4900 {
            assert!((passed[i] - expected[i]).abs() < 0.01, "{i}");
        }
        let aliased = downsample(&sine(38.0, 125.0, 12_500), 125, 50);
        assert!(aliased[100..4900].iter().all(|value| value.abs() < 0.02));
    }

    #[test]
    fn output_length_follows_the_ratio_of_rates() {
        assert_eq!(downsample(&vec![0.0; 12_500], 125, 50).len(), 5000);
        assert_eq!(downsample(&vec![0.0; 20_000], 200, 100).len(), 10_000);
    }
}
