//! Detects impossible values in the digital samples of a signal.

use nocturne_edf::SignalHeader;

use crate::sleep::EPOCH_S;

/// Maximum voltage between electrodes on skin in microvolts; half-cell potentials are below it, and amplifiers saturate.
const MAX_UV: f64 = 500_000.0;

/// Checks a signal epoch by epoch as its digital samples arrive.
#[derive(Debug)]
pub(super) struct RangeMonitor {
    samples_per_epoch: f64,
    lowest: i32,
    highest: i32,
    /// Number of samples processed.
    n: usize,
    is_outside: bool,
    epochs: Vec<bool>,
}

impl RangeMonitor {
    /// Starts checking a signal of `rate_hz`; `microvolts` is the size of its physical unit if it is a voltage.
    pub(super) fn new(rate_hz: f64, signal: &SignalHeader, microvolts: Option<f64>) -> Self {
        let mut lowest = signal.digital_min.min(signal.digital_max);
        let mut highest = signal.digital_min.max(signal.digital_max);
        if let (Some((gain, offset)), Some(microvolts)) = (signal.scaling(), microvolts)
            && gain != 0.0
        {
            let digital = |uv: f64| (uv / microvolts - offset) / gain;
            let (a, b) = (digital(-MAX_UV), digital(MAX_UV));
            // Conversions saturate, so a limit beyond all digital values has no effect.
            lowest = lowest.max(a.min(b).ceil() as i32);
            highest = highest.min(a.max(b).floor() as i32);
        }
        let samples_per_epoch = EPOCH_S * rate_hz;
        Self { samples_per_epoch, lowest, highest, n: 0, is_outside: false, epochs: Vec::new() }
    }

    /// Processes the next samples.
    pub(super) fn push(&mut self, mut samples: &[i32]) {
        while !samples.is_empty() {
            let epoch_end =
                ((self.epochs.len() + 1) as f64 * self.samples_per_epoch).round() as usize;
            let n = samples.len().min(epoch_end.saturating_sub(self.n).max(1));
            let (now, later) = samples.split_at(n);
            let start = (i32::MAX, i32::MIN);
            let (least, most) =
                now.iter().fold(start, |(least, most), x| (least.min(*x), most.max(*x)));
            self.is_outside |= least < self.lowest || most > self.highest;
            self.n += n;
            if self.n >= epoch_end {
                self.epochs.push(std::mem::take(&mut self.is_outside));
            }
            samples = later;
        }
    }

    /// Returns whether each complete epoch contains an impossible value.
    pub(super) fn finish(self) -> Vec<bool> {
        self.epochs
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(physical_max: f64, microvolts: Option<f64>, sample: i32, expected: bool) {
        let signal = SignalHeader {
            label: "EEG".to_owned(),
            unit: String::new(),
            physical_min: -physical_max,
            physical_max,
            digital_min: -1000,
            digital_max: 1000,
            samples_per_record: 100,
            is_annotations: false,
        };
        let mut monitor = RangeMonitor::new(100.0, &signal, microvolts);
        let mut samples = vec![3; 6000];
        samples[4000] = sample;
        samples.chunks(777).for_each(|piece| monitor.push(piece));
        assert_eq!(monitor.finish(), [false, expected], "{physical_max}, {microvolts:?}, {sample}");
    }

    #[test]
    fn detects_values_outside_the_range_in_the_header() {
        check(250.0, Some(1.0), 1000, false);
        check(250.0, Some(1.0), 1001, true);
        check(250.0, None, -1001, true);
    }

    #[test]
    fn detects_voltages_that_no_electrode_has() {
        // Steps of 1 mV.
        check(1.0, Some(1e6), 500, false);
        check(1.0, Some(1e6), 501, true);
        check(-1.0, Some(1e6), 501, true);
        check(1.0, None, 501, false);
    }
}
