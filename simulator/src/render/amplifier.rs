//! The amplifier: input range, filters, and quantisation by the converter.

use crate::filter::{Biquad, BiquadFilter};
use crate::recorder::Recorder;

/// Input range and filters of the amplifier of one signal.
#[derive(Debug, Clone)]
pub(super) struct Amplifier {
    /// Largest input magnitude; larger inputs are clipped. Infinite if clipping is not simulated.
    input_limit: f64,
    filter: BiquadFilter,
}

impl Amplifier {
    /// Returns the amplifier of an EEG or EOG signal in microvolts.
    ///
    /// Clipping precedes the high-pass, so that a detached lead appears as a jump to the limit and an exponential return
    /// to zero, as in real recordings.
    pub(super) fn of_head(recorder: &Recorder, rate_hz: f64) -> Self {
        let mut sections = vec![Biquad::coupling(recorder.high_pass_hz, rate_hz)];
        if recorder.low_pass_hz < 0.45 * rate_hz {
            sections.push(Biquad::low_pass(recorder.low_pass_hz, 0.707, rate_hz));
        }
        sections.extend(notch(recorder, rate_hz));
        Self { input_limit: recorder.input_rail_uv, filter: BiquadFilter::new(sections) }
    }

    /// Returns the amplifier of the chin EMG in microvolts.
    pub(super) fn of_chin(recorder: &Recorder, rate_hz: f64) -> Self {
        let mut sections = vec![Biquad::high_pass(10.0, 0.707, rate_hz)];
        sections.extend(notch(recorder, rate_hz));
        Self { input_limit: f64::INFINITY, filter: BiquadFilter::new(sections) }
    }

    /// Returns the amplifier of the ECG in millivolts.
    pub(super) fn of_ecg(recorder: &Recorder, rate_hz: f64) -> Self {
        let mut sections = vec![Biquad::coupling(0.3, rate_hz)];
        sections.extend(notch(recorder, rate_hz));
        Self { input_limit: f64::INFINITY, filter: BiquadFilter::new(sections) }
    }

    /// Amplifies a signal in place.
    pub(super) fn run(mut self, samples: &mut [f32]) {
        for sample in samples {
            let input = f64::from(*sample).clamp(-self.input_limit, self.input_limit);
            *sample = self.filter.run(input) as f32;
        }
    }
}

fn notch(recorder: &Recorder, rate_hz: f64) -> Option<Biquad> {
    let fits = recorder.notch && recorder.mains_hz < 0.45 * rate_hz;
    fits.then(|| Biquad::notch(recorder.mains_hz, 8.0, rate_hz))
}

/// Clips values to the range and rounds them to the nearest of `levels` evenly spaced levels.
pub(super) fn quantise(samples: &mut [f32], (low, high): (f64, f64), levels: u32) {
    let step = (high - low) / f64::from(levels - 1);
    for sample in samples {
        let level = ((f64::from(*sample).clamp(low, high) - low) / step).round();
        *sample = (low + level * step) as f32;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn converters_round_and_clip() {
        let mut samples = [-200.0, 0.2, 0.9, 200.0];
        quantise(&mut samples, (-127.0, 128.0), 256);
        assert_eq!(samples, [-127.0, 0.0, 1.0, 128.0]);
    }
}
