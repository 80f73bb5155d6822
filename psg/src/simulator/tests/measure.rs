//! Measures signals, for tests that ask whether what a truth claims was really rendered.

use crate::simulator::filter::{Filter, Section};
use crate::simulator::{SimulatedNight, Truth};
use crate::{Event, EventKind};

/// A signal of a night with its rate.
pub(super) struct Measured {
    pub(super) samples: Vec<f64>,
    pub(super) rate_hz: f64,
}

impl Measured {
    /// Takes the signal of that label.
    pub(super) fn of(night: &SimulatedNight, label: &str) -> Self {
        let (signal, samples) = night
            .signals
            .iter()
            .find(|(signal, _)| signal.label == label)
            .unwrap_or_else(|| panic!("the night has no `{label}`"));
        let rate_hz = signal.samples_per_record as f64 / f64::from(night.site.record_duration_s());
        Self { samples: samples.iter().map(|sample| f64::from(*sample)).collect(), rate_hz }
    }

    /// Passes a band in hertz, forwards and backwards so that nothing moves in time.
    pub(super) fn band(&self, low_hz: f64, high_hz: f64) -> Self {
        let sections = || {
            Filter::new(vec![
                Section::high_pass(low_hz, 0.707, self.rate_hz),
                Section::low_pass(high_hz, 0.707, self.rate_hz),
            ])
        };
        let mut samples = self.samples.clone();
        for _ in 0..2 {
            let mut filter = sections();
            samples.iter_mut().for_each(|sample| *sample = filter.run(*sample));
            samples.reverse();
        }
        Self { samples, rate_hz: self.rate_hz }
    }

    /// Returns the samples in `[start_s, end_s)`.
    pub(super) fn during(&self, start_s: f64, end_s: f64) -> &[f64] {
        let place = |time_s: f64| {
            ((time_s.max(0.0) * self.rate_hz).round() as usize).min(self.samples.len())
        };
        &self.samples[place(start_s)..place(end_s).max(place(start_s))]
    }

    /// Returns the root mean square in `[start_s, end_s)`.
    pub(super) fn rms(&self, start_s: f64, end_s: f64) -> f64 {
        let samples = self.during(start_s, end_s);
        (samples.iter().map(|sample| sample * sample).sum::<f64>() / samples.len() as f64).sqrt()
    }

    /// Returns the difference of the highest and the lowest sample in `[start_s, end_s)`.
    pub(super) fn peak_to_peak(&self, start_s: f64, end_s: f64) -> f64 {
        let samples = self.during(start_s, end_s);
        let highest = samples.iter().copied().fold(f64::MIN, f64::max);
        let lowest = samples.iter().copied().fold(f64::MAX, f64::min);
        highest - lowest
    }

    /// Returns the correlation with another signal in `[start_s, end_s)`.
    pub(super) fn correlation(&self, other: &Self, start_s: f64, end_s: f64) -> f64 {
        let (a, b) = (self.during(start_s, end_s), other.during(start_s, end_s));
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let (mean_a, mean_b) = (mean(a), mean(b));
        let sum = |f: &dyn Fn(f64, f64) -> f64| {
            a.iter().zip(b).map(|(x, y)| f(x - mean_a, y - mean_b)).sum::<f64>()
        };
        sum(&|x, y| x * y) / (sum(&|x, _| x * x) * sum(&|_, y| y * y)).sqrt()
    }
}

/// Returns the events of a kind that keep away from movements, which hide everything else.
pub(super) fn undisturbed(truth: &Truth, kind: EventKind) -> Vec<&Event> {
    let artifacts: Vec<&Event> =
        truth.events.iter().filter(|event| event.kind == EventKind::Artifact).collect();
    let is_clear = |event: &&Event| {
        !artifacts.iter().any(|a| a.overlap_s(event.onset_s - 3.0, event.end_s() + 3.0) > 0.0)
    };
    truth.events.iter().filter(|event| event.kind == kind).filter(is_clear).collect()
}

/// Returns the middle one of the values.
pub(super) fn median(mut values: Vec<f64>) -> f64 {
    assert!(!values.is_empty(), "there is nothing to measure");
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Returns the share of the values that fulfil a condition.
pub(super) fn share(values: &[f64], condition: impl Fn(f64) -> bool) -> f64 {
    values.iter().filter(|value| condition(**value)).count() as f64 / values.len() as f64
}
