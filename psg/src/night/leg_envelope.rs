//! Reads a leg EMG as its envelope, at the rate of the file.

use nocturne_edf::EdfHeader;

use crate::dsp::HighPass;
use crate::montage::{LegSignal, VoltageUnit};
use crate::sleep::EPOCH_S;

/// Values of the envelope in a second.
pub const ENVELOPE_HZ: usize = 20;
/// Values of the envelope in an epoch.
pub const ENVELOPE_LEN: usize = EPOCH_S as usize * ENVELOPE_HZ;

/// Minimum sampling rate in hertz: half of it must leave room for muscle activity above [`HIGH_PASS_HZ`].
const MIN_RATE_HZ: f64 = 100.0;
/// The high-pass filter of the AASM manual for leg EMG, in hertz.
const HIGH_PASS_HZ: f64 = 10.0;

/// Computes the envelope of a leg EMG over one run of contiguous data records, as its digital samples arrive.
#[derive(Debug)]
pub(super) struct EnvelopeReader {
    plus: Lead,
    minus: Option<Lead>,
    rate_hz: f64,
    filter: HighPass,
    /// Number of samples processed.
    n: usize,
    sum: f64,
    n_in_bin: usize,
    bins: Vec<f32>,
}

/// A signal of the file, with the samples for which those of the other one have not arrived.
#[derive(Debug)]
struct Lead {
    signal: usize,
    /// Microvolts in a digital step.
    gain_uv: f64,
    pending: Vec<f64>,
}

impl EnvelopeReader {
    /// Starts with a leg EMG; returns `None` if it is sampled too slowly or is not a voltage.
    pub(super) fn new(header: &EdfHeader, leg: LegSignal) -> Option<Self> {
        let rate_hz = header.rate_hz(&header.signals[leg.plus]);
        let minus = match leg.minus {
            None => None,
            Some(minus) => Some(Lead::new(header, minus)?),
        };
        let plus = Lead::new(header, leg.plus)?;
        (rate_hz >= MIN_RATE_HZ).then(|| Self {
            plus,
            minus,
            rate_hz,
            filter: HighPass::new(HIGH_PASS_HZ, rate_hz),
            n: 0,
            sum: 0.0,
            n_in_bin: 0,
            bins: Vec::new(),
        })
    }

    /// Processes the next digital samples of a signal; ignores other signals.
    pub(super) fn push(&mut self, signal: usize, samples: &[i32]) {
        let Some(minus) = &mut self.minus else {
            if signal == self.plus.signal {
                let gain_uv = self.plus.gain_uv;
                samples.iter().for_each(|sample| self.add(gain_uv * f64::from(*sample)));
            }
            return;
        };
        self.plus.push(signal, samples);
        minus.push(signal, samples);
        let n = self.plus.pending.len().min(minus.pending.len());
        let pairs = self.plus.pending.drain(..n).zip(minus.pending.drain(..n));
        let differences: Vec<f64> = pairs.map(|(plus, minus)| plus - minus).collect();
        differences.into_iter().for_each(|uv| self.add(uv));
    }

    /// Returns the mean of the rectified signal in each bin of `n_epochs` epochs, in microvolts.
    pub(super) fn finish(mut self, n_epochs: usize) -> Vec<f32> {
        self.end_bin();
        // A rate slightly below the nominal one may leave the last bins without a sample.
        self.bins.resize(n_epochs * ENVELOPE_LEN, f32::NAN);
        self.bins
    }

    fn add(&mut self, uv: f64) {
        let bin = (self.n as f64 * ENVELOPE_HZ as f64 / self.rate_hz) as usize;
        if bin > self.bins.len() {
            self.end_bin();
        }
        self.sum += self.filter.apply(uv).abs();
        self.n_in_bin += 1;
        self.n += 1;
    }

    fn end_bin(&mut self) {
        self.bins.push((self.sum / self.n_in_bin as f64) as f32);
        (self.sum, self.n_in_bin) = (0.0, 0);
    }
}

impl Lead {
    /// Returns the lead of a signal, or `None` if it is not a voltage; without a unit it is in microvolts.
    fn new(header: &EdfHeader, signal: usize) -> Option<Self> {
        let of_file = &header.signals[signal];
        let unit = match of_file.unit.as_str() {
            "" => VoltageUnit::Microvolt,
            unit => VoltageUnit::of(unit)?,
        };
        let (gain, _) = of_file.scaling()?;
        Some(Self { signal, gain_uv: gain * unit.microvolts(), pending: Vec::new() })
    }

    fn push(&mut self, signal: usize, samples: &[i32]) {
        if signal == self.signal {
            self.pending.extend(samples.iter().map(|sample| self.gain_uv * f64::from(*sample)));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::f64::consts::{PI, TAU};

    use super::*;
    use crate::montage::tests::header_with_units;

    /// The envelope over 2 s of waves of `uv` microvolts at `hz`, of signals at 100 Hz with a range of ±100 units.
    fn envelope(unit: &str, waves: &[(f64, f64)]) -> Option<Vec<f32>> {
        let labels = ["Leg L", "Leg R"];
        let units: Vec<(&str, &str)> = labels.iter().map(|label| (*label, unit)).collect();
        let header = header_with_units(&units);
        let minus = (waves.len() > 1).then_some(1);
        let mut reader = EnvelopeReader::new(&header, LegSignal { plus: 0, minus })?;
        let step = 65535.0 / 200.0;
        for (signal, (hz, uv)) in waves.iter().enumerate() {
            let wave = |i: u32| (step * uv * (TAU * hz * f64::from(i) / 100.0).sin()).round();
            let samples: Vec<i32> = (0..200).map(|i| wave(i) as i32).collect();
            samples.chunks(33).for_each(|piece| reader.push(signal, piece));
        }
        Some(reader.finish(1))
    }

    #[test]
    fn envelope_is_the_mean_of_the_rectified_signal() {
        let bins = envelope("uV", &[(33.0, 20.0)]).unwrap();
        assert_eq!(bins.len(), ENVELOPE_LEN);
        let mean = bins[10..40].iter().sum::<f32>() / 30.0;
        // The mean of a rectified sine is 2/π of its amplitude.
        assert!((f64::from(mean) - 40.0 / PI).abs() < 0.5, "{mean}");
        assert!(bins[40..].iter().all(|bin| bin.is_nan()));
    }

    #[test]
    fn slow_waves_and_what_both_electrodes_have_are_removed() {
        let slow = envelope("uV", &[(1.0, 50.0)]).unwrap();
        assert!(slow[10..40].iter().all(|bin| *bin < 1.0), "{slow:?}");
        let common = envelope("uV", &[(33.0, 50.0), (33.0, 50.0)]).unwrap();
        assert!(common[..40].iter().all(|bin| *bin < 0.01), "{common:?}");
    }

    #[test]
    fn units_are_converted_and_other_quantities_refused() {
        let bins = envelope("mV", &[(33.0, 0.02)]).unwrap();
        let mean = bins[10..40].iter().sum::<f32>() / 30.0;
        assert!((f64::from(mean) - 40.0 / PI).abs() < 2.0, "{mean}");
        assert!(envelope("%", &[(33.0, 20.0)]).is_none());
    }
}
