//! Converts the digital samples of one signal to physical values at 64 Hz and checks them on the way.

use nocturne_edf::{EdfHeader, SignalHeader};

use super::flat_and_clipped::{FlatClipMonitor, SignalProblem};
use super::out_of_range::RangeMonitor;
use super::repeated_records::RecordDigester;
use crate::dsp::{Ratio, Resampler, with_vectors};
use crate::error::{Error, Result};
use crate::montage::VoltageUnit;
use crate::sleep::RATE_HZ;

/// Resamples one signal over one run of contiguous data records.
pub(super) struct SignalResampler {
    resampler: Resampler,
    gain: f32,
    /// The first sample, which is subtracted from all, because an offset causes artefacts at the ends of the filter.
    origin: Option<i32>,
    flat_and_clipped: FlatClipMonitor,
    out_of_range: RangeMonitor,
    records: RecordDigester,
    physical: Vec<f32>,
    outputs: Vec<f32>,
}

/// A signal at 64 Hz over one run of contiguous data records.
pub(super) struct ResampledSignal {
    /// Physical values minus a constant; microvolts for voltages.
    pub(super) samples: Vec<f32>,
    /// Problems of each complete epoch.
    pub(super) problems: Vec<SignalProblem>,
    /// Whether each complete epoch contains an impossible value.
    pub(super) out_of_range: Vec<bool>,
}

impl SignalResampler {
    /// Starts with a signal of the file that has `n_samples` in the run and the given unit.
    pub(super) fn new(
        path: &std::path::Path,
        header: &EdfHeader,
        (signal, n_samples): (&SignalHeader, usize),
        unit: &str,
    ) -> Result<Self> {
        let rate_hz = header.rate_hz(signal);
        let ratio = Ratio::of_rates(rate_hz, RATE_HZ).ok_or_else(|| Error::SamplingRate {
            path: path.to_owned(),
            label: signal.label.clone(),
            samples_per_record: signal.samples_per_record,
            record_duration_s: header.record_duration_s,
        })?;
        let voltage = VoltageUnit::of(unit);
        let (gain, _) = signal.scaling().expect("montages only use signals with a range");
        let (low, high) = (
            signal.digital_min.min(signal.digital_max),
            signal.digital_min.max(signal.digital_max),
        );
        Ok(Self {
            resampler: Resampler::new(ratio),
            gain: (gain * voltage.map_or(1.0, VoltageUnit::microvolts)) as f32,
            origin: None,
            flat_and_clipped: FlatClipMonitor::new(rate_hz, (low, high)),
            out_of_range: RangeMonitor::new(rate_hz, signal, voltage.map(VoltageUnit::microvolts)),
            records: RecordDigester::new(signal.samples_per_record),
            physical: Vec::new(),
            outputs: Vec::with_capacity(ratio.output_len(n_samples)),
        })
    }

    /// Processes the next digital samples and returns their physical values minus a constant.
    pub(super) fn push(&mut self, samples: &[i32]) -> &[f32] {
        let Some(first) = samples.first() else { return &[] };
        let origin = *self.origin.get_or_insert(*first);
        self.flat_and_clipped.push(samples);
        self.out_of_range.push(samples);
        self.records.push(samples);
        self.physical.resize(samples.len(), 0.0);
        // Differences of 24-bit values are exact in f32 up to 2^24, far below any amplifier's noise.
        with_vectors(|| {
            for (physical, sample) in self.physical.iter_mut().zip(samples) {
                *physical = (sample - origin) as f32 * self.gain;
            }
        });
        self.resampler.push(&self.physical, &mut self.outputs);
        &self.physical
    }

    /// Ends the run.
    pub(super) fn finish(mut self) -> (ResampledSignal, RecordDigester) {
        self.resampler.finish(&mut self.outputs);
        let (problems, out_of_range) = (self.flat_and_clipped.finish(), self.out_of_range.finish());
        (ResampledSignal { samples: self.outputs, problems, out_of_range }, self.records)
    }
}
