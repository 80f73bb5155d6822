//! Turns the digital samples of one signal into physical values at 64 Hz.

use nocturne_edf::{EdfHeader, SignalHeader};

use super::quality::{QualityWatch, Trouble};
use super::range::RangeWatch;
use super::repeats::RecordWatch;
use crate::dsp::{Ratio, Resampler, with_vectors};
use crate::montage::VoltageUnit;
use crate::{Error, RATE_HZ, Result};

/// A signal on its way to 64 Hz, over one run of contiguous data records.
pub(super) struct Source {
    resampler: Resampler,
    gain: f32,
    /// The first sample, taken off all others: an offset carries nothing but trouble at the ends of the filter.
    origin: Option<i32>,
    watch: QualityWatch,
    range: RangeWatch,
    records: RecordWatch,
    physical: Vec<f32>,
    outputs: Vec<f32>,
}

/// A signal at 64 Hz, over one run of contiguous data records.
pub(super) struct Resampled {
    /// Physical values less a constant; microvolts where the file gives a voltage.
    pub(super) samples: Vec<f32>,
    /// What is wrong with each complete epoch.
    pub(super) trouble: Vec<Trouble>,
    /// For each complete epoch, whether there was a value that cannot be.
    pub(super) out_of_range: Vec<bool>,
}

impl Source {
    /// Prepares for a signal of the file, of which so many samples will come, that is in a unit.
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
        let (gain, _) = signal.scaling().expect("a montage is fed by signals with a range");
        let (low, high) = (
            signal.digital_min.min(signal.digital_max),
            signal.digital_min.max(signal.digital_max),
        );
        Ok(Self {
            resampler: Resampler::new(ratio),
            gain: (gain * voltage.map_or(1.0, VoltageUnit::microvolts)) as f32,
            origin: None,
            watch: QualityWatch::new(rate_hz, (low, high)),
            range: RangeWatch::new(rate_hz, signal, voltage.map(VoltageUnit::microvolts)),
            records: RecordWatch::new(signal.samples_per_record),
            physical: Vec::new(),
            outputs: Vec::with_capacity(ratio.output_len(n_samples)),
        })
    }

    /// Takes the next digital samples and returns their physical values less a constant.
    pub(super) fn push(&mut self, samples: &[i32]) -> &[f32] {
        let Some(first) = samples.first() else { return &[] };
        let origin = *self.origin.get_or_insert(*first);
        self.watch.push(samples);
        self.range.push(samples);
        self.records.push(samples);
        self.physical.resize(samples.len(), 0.0);
        // 24-bit values and their differences are exact in f32 up to 2^24, far above any amplifier's noise floor.
        with_vectors(|| {
            for (physical, sample) in self.physical.iter_mut().zip(samples) {
                *physical = (sample - origin) as f32 * self.gain;
            }
        });
        self.resampler.push(&self.physical, &mut self.outputs);
        &self.physical
    }

    /// Ends the run.
    pub(super) fn finish(mut self) -> (Resampled, RecordWatch) {
        self.resampler.finish(&mut self.outputs);
        let (trouble, out_of_range) = (self.watch.finish(), self.range.finish());
        (Resampled { samples: self.outputs, trouble, out_of_range }, self.records)
    }
}
