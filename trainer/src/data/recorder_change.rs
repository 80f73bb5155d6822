//! Filters EEG and EOG as another recorder would: other filters and another electrode drift.

use std::f32::consts::TAU;

use nocturne_psg::RATE_HZ;
use rand::RngExt;
use rand_distr::{Distribution, StandardNormal};
use rand_pcg::Pcg64Mcg;

use super::augment::{Augmentation, uniform};

/// Corner frequencies of the shelving filters in hertz.
const SHELF_HZ: (f64, f64) = (0.7, 20.0);
/// Lowest corner frequency of the high-pass filter in hertz.
const LOWEST_HIGH_PASS_HZ: f64 = 0.05;
/// Highest corner frequency of the low-pass filter in hertz, just below half the sampling rate.
const HIGHEST_LOW_PASS_HZ: f64 = 30.0;
/// Corner frequencies of the electrode drift in hertz.
const DRIFT_HZ: (f64, f64) = (0.05, 0.4);

/// One random recorder, the same for all electrodes of an epoch; their drifts are independent.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct RecorderChange {
    /// Corner frequency in hertz and gain above it, for two shelving filters.
    shelves: [(f32, f32); 2],
    high_pass_hz: Option<f32>,
    low_pass_hz: Option<f32>,
    drift: f32,
    drift_hz: f32,
}

impl RecorderChange {
    /// Draws a recorder within the limits of an augmentation; each filter is present in half of the recorders.
    pub(super) fn draw(limits: &Augmentation, random: &mut Pcg64Mcg) -> Self {
        let mut shelf = || {
            let decibels = uniform(-limits.shelf_db..limits.shelf_db, random);
            (log_uniform(SHELF_HZ, random), 10.0_f64.powf(decibels / 20.0) as f32)
        };
        let shelves = [shelf(), shelf()];
        let mut corner = |limit_hz: f64, range: (f64, f64)| {
            let hz = log_uniform(range, random);
            (random.random_bool(0.5) && limit_hz > 0.0).then_some(hz)
        };
        let highest = limits.high_pass_hz.max(LOWEST_HIGH_PASS_HZ);
        let lowest = limits.low_pass_hz.clamp(1.0, HIGHEST_LOW_PASS_HZ);
        Self {
            shelves,
            high_pass_hz: corner(limits.high_pass_hz, (LOWEST_HIGH_PASS_HZ, highest)),
            low_pass_hz: corner(limits.low_pass_hz, (lowest, HIGHEST_LOW_PASS_HZ)),
            drift: uniform(0.0..limits.drift, random) as f32,
            drift_hz: log_uniform(DRIFT_HZ, random),
        }
    }

    /// Filters the 64-Hz samples of one electrode.
    pub(super) fn apply(&self, samples: &mut [f32], random: &mut Pcg64Mcg) {
        for (hz, gain) in self.shelves {
            first_order(samples, hz, |sample, low| low + gain * (sample - low));
        }
        if let Some(hz) = self.low_pass_hz {
            for _ in 0..2 {
                first_order(samples, hz, |_, low| low);
            }
        }
        self.add_drift(samples, random);
        if let Some(hz) = self.high_pass_hz {
            first_order(samples, hz, |sample, low| sample - low);
        }
    }

    /// Adds an Ornstein-Uhlenbeck process (a random walk pulled back to 0) with standard deviation `drift`.
    fn add_drift(&self, samples: &mut [f32], random: &mut Pcg64Mcg) {
        if self.drift <= 0.0 {
            return;
        }
        let keep = 1.0 - share(self.drift_hz);
        let push = self.drift * (1.0 - keep * keep).sqrt();
        let first: f32 = StandardNormal.sample(random);
        let mut potential = self.drift * first;
        for sample in samples {
            let white: f32 = StandardNormal.sample(random);
            potential = keep * potential + push * white;
            *sample += potential;
        }
    }
}

/// Applies a first-order filter: `output` computes a sample from the input and its low-pass part.
///
/// The filter starts as if the first sample had always been present.
fn first_order(samples: &mut [f32], hz: f32, output: impl Fn(f32, f32) -> f32) {
    let share = share(hz);
    let mut low = samples.first().copied().unwrap_or_default();
    for sample in samples {
        low += share * (*sample - low);
        *sample = output(*sample, low);
    }
}

/// Returns the smoothing factor of a first-order filter at the sampling rate.
fn share(hz: f32) -> f32 {
    1.0 - (-TAU * hz / RATE_HZ as f32).exp()
}

fn log_uniform((low, high): (f64, f64), random: &mut Pcg64Mcg) -> f32 {
    uniform(low.ln()..high.ln(), random).exp() as f32
}

#[cfg(test)]
mod tests {
    use rand::SeedableRng;

    use super::*;

    const PLAIN: RecorderChange = RecorderChange {
        shelves: [(1.0, 1.0), (10.0, 1.0)],
        high_pass_hz: None,
        low_pass_hz: None,
        drift: 0.0,
        drift_hz: 0.1,
    };

    /// Returns the gain at a frequency, measured on the last ten seconds of a sine.
    fn gain(recorder: RecorderChange, hz: f64) -> f64 {
        let sine = |i: usize| (std::f64::consts::TAU * hz * i as f64 / RATE_HZ).sin() as f32;
        let mut samples: Vec<f32> = (0..1920).map(sine).collect();
        let before = rms(&samples[1280..]);
        recorder.apply(&mut samples, &mut Pcg64Mcg::seed_from_u64(1));
        rms(&samples[1280..]) / before
    }

    fn rms(samples: &[f32]) -> f64 {
        let sum: f64 = samples.iter().map(|sample| f64::from(*sample).powi(2)).sum();
        (sum / samples.len() as f64).sqrt()
    }

    #[test]
    fn shelves_raise_frequencies_above_their_corner() {
        let recorder = RecorderChange { shelves: [(2.0, 2.0), (20.0, 1.0)], ..PLAIN };
        let gains = [gain(recorder, 0.1), gain(recorder, 16.0)];
        // At a quarter of the rate the filter's response is a / (1 + (1 - a) i), with a = 1 - exp(-2 pi 2 / 64).
        assert!((gains[0] - 1.0).abs() < 0.05 && (gains[1] - 1.8956).abs() < 0.001, "{gains:?}");
    }

    #[test]
    fn filters_attenuate_low_and_high_frequencies() {
        let recorder = RecorderChange { high_pass_hz: Some(0.5), low_pass_hz: Some(15.0), ..PLAIN };
        let gains = [0.1, 4.0, 28.0].map(|hz| gain(recorder, hz));
        assert!(gains[0] < 0.3 && gains[1] > 0.8 && gains[2] < 0.4, "{gains:?}");
    }

    #[test]
    fn drift_has_its_standard_deviation() {
        let mut random = Pcg64Mcg::seed_from_u64(2);
        let recorder = RecorderChange { drift: 0.5, ..PLAIN };
        let deviations = (0..200).map(|_| {
            let mut samples = vec![0.0; 1920];
            recorder.apply(&mut samples, &mut random);
            rms(&samples).powi(2)
        });
        let deviation = (deviations.sum::<f64>() / 200.0).sqrt();
        assert!((deviation - 0.5).abs() < 0.05, "{deviation}");
    }

    #[test]
    fn disabled_filters_are_never_drawn() {
        let mut random = Pcg64Mcg::seed_from_u64(3);
        for _ in 0..50 {
            let drawn = RecorderChange::draw(&Augmentation::none(), &mut random);
            assert_eq!((drawn.high_pass_hz, drawn.low_pass_hz, drawn.drift), (None, None, 0.0));
            assert!(drawn.shelves.iter().all(|(_, gain)| *gain == 1.0));
        }
    }
}
