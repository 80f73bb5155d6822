//! Measures rendered signals, to compare them with the truth.

use nocturne_psg::montage::Channel;
use nocturne_psg::{Event, EventKind};

use crate::filter::{Biquad, BiquadFilter};
use crate::site::{Electrode, SignalSource};
use crate::{SimulatedNight, Truth};

/// A signal of a night and its rate.
pub(super) struct MeasuredSignal {
    pub(super) samples: Vec<f64>,
    pub(super) rate_hz: f64,
}

impl MeasuredSignal {
    /// Returns a channel of the montage; at a site that records electrodes, the difference of two.
    pub(super) fn of(night: &SimulatedNight, channel: Channel) -> Self {
        let label = |source: SignalSource| {
            let signal = night.site.signals().iter().find(|signal| signal.source == source);
            signal.map(|signal| signal.label)
        };
        if let Some(label) = label(SignalSource::Channel(channel)) {
            return Self::labelled(night, label);
        }
        let [mut plus, minus] = electrodes(channel).map(|electrode| {
            let label = label(SignalSource::Electrode(electrode));
            Self::labelled(night, label.expect("a site records channels or their electrodes"))
        });
        plus.samples.iter_mut().zip(&minus.samples).for_each(|(plus, minus)| *plus -= minus);
        plus
    }

    /// Returns the signal with a label.
    pub(super) fn labelled(night: &SimulatedNight, label: &str) -> Self {
        let (signal, samples) = night
            .signals
            .iter()
            .find(|(signal, _)| signal.label == label)
            .unwrap_or_else(|| panic!("the night has no `{label}`"));
        let rate_hz = signal.samples_per_record as f64 / f64::from(night.site.record_duration_s());
        Self { samples: samples.iter().map(|sample| f64::from(*sample)).collect(), rate_hz }
    }

    /// Band-passes the signal forwards and backwards, which leaves no phase shift.
    pub(super) fn band(&self, low_hz: f64, high_hz: f64) -> Self {
        let sections = || {
            BiquadFilter::new(vec![
                Biquad::high_pass(low_hz, 0.707, self.rate_hz),
                Biquad::low_pass(high_hz, 0.707, self.rate_hz),
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

/// Returns the two electrodes whose difference is a channel.
fn electrodes(channel: Channel) -> [Electrode; 2] {
    match channel {
        Channel::Ecg => [Electrode::EcgPlus, Electrode::EcgMinus],
        Channel::EogLeft => [Electrode::EyeLeft, Electrode::A2],
        Channel::EogRight => [Electrode::EyeRight, Electrode::A2],
        Channel::EegC3A2 => [Electrode::C3, Electrode::A2],
        Channel::EegC4A1 => [Electrode::C4, Electrode::A1],
        Channel::EmgChin => [Electrode::ChinLeft, Electrode::ChinRight],
        Channel::Abdomen | Channel::Thorax | Channel::Airflow | Channel::Position => {
            panic!("{channel} is not a difference of electrodes")
        }
    }
}

/// Returns the events of a kind that are at least 3 s away from movement artefacts.
pub(super) fn undisturbed(truth: &Truth, kind: EventKind) -> Vec<&Event> {
    let artifacts: Vec<&Event> =
        truth.events.iter().filter(|event| event.kind == EventKind::Artifact).collect();
    let is_clear = |event: &&Event| {
        !artifacts.iter().any(|a| a.overlap_s(event.onset_s - 3.0, event.end_s() + 3.0) > 0.0)
    };
    truth.events.iter().filter(|event| event.kind == kind).filter(is_clear).collect()
}

/// Returns the median (the upper one for an even number of values).
pub(super) fn median(mut values: Vec<f64>) -> f64 {
    assert!(!values.is_empty(), "no values");
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

/// Asserts that at least a share of the values, of which there must be four, satisfies a condition.
pub(super) fn assert_mostly(
    what: &str,
    values: &[f64],
    least_share: f64,
    holds: impl Fn(f64) -> bool,
) {
    assert!(values.len() >= 4, "{what}: only {} values", values.len());
    let share = values.iter().filter(|value| holds(**value)).count() as f64 / values.len() as f64;
    let middle = median(values.to_vec());
    assert!(share >= least_share, "{what}: {share:.3} of {}, median {middle:.3}", values.len());
}
