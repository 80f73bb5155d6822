//! Streaming polyphase resampling with an anti-aliasing filter.
//!
//! Equals `scipy.signal.resample_poly` with its default window: a sinc of `20 · max(up, down) + 1` coefficients with a
//! Kaiser window (β = 5), cut off at the lower of the two Nyquist frequencies. The signal is zero beyond its ends.
//!
//! Why not `rubato`? Its filters do not match `resample_poly`, against which this implementation is tested.

use std::f64::consts::PI;

use super::Ratio;
use super::polyphase_batch::{InputColumns, WIDTH, dot, is_worthwhile, serial_dot};

/// Resamples a signal that arrives in pieces.
#[derive(Debug)]
pub struct Resampler {
    ratio: Ratio,
    /// Coefficients by phase; each row is reversed, so that an output is a dot product with consecutive inputs.
    rows: Vec<f32>,
    taps: usize,
    half: usize,
    /// Inputs that future outputs need.
    inputs: Vec<f32>,
    /// Index of the first element of `inputs` in the signal; negative for the zeros before it.
    first_input: i64,
    n_inputs: usize,
    n_outputs: usize,
    columns: InputColumns,
}

impl Resampler {
    /// Starts a signal.
    pub fn new(ratio: Ratio) -> Self {
        let half = 10 * ratio.up.max(ratio.down);
        let taps = (2 * half).div_ceil(ratio.up) + 1;
        let filter = filter(ratio, half);
        let mut rows = vec![0.0; ratio.up * taps];
        for phase in 0..ratio.up {
            for (tap, coefficient) in filter.iter().skip(phase).step_by(ratio.up).enumerate() {
                rows[phase * taps + (taps - 1 - tap)] = *coefficient as f32;
            }
        }
        let inputs = vec![0.0; taps - 1];
        let first_input = -(taps as i64 - 1);
        let (n_inputs, n_outputs, columns) = (0, 0, InputColumns::default());
        Self { ratio, rows, taps, half, inputs, first_input, n_inputs, n_outputs, columns }
    }

    /// Appends all outputs that the next samples complete.
    pub fn push(&mut self, samples: &[f32], outputs: &mut Vec<f32>) {
        self.n_inputs += samples.len();
        self.inputs.extend_from_slice(samples);
        let limit = self.ratio.output_len(self.n_inputs);
        self.produce(limit, outputs);
    }

    /// Ends the signal and appends the remaining outputs, for a total of `ceil(n · up / down)`.
    pub fn finish(mut self, outputs: &mut Vec<f32>) {
        self.inputs.resize(self.inputs.len() + self.taps + self.half / self.ratio.up + 1, 0.0);
        let limit = self.ratio.output_len(self.n_inputs);
        self.produce(limit, outputs);
        debug_assert_eq!(self.n_outputs, limit, "zeros after the end complete every output");
    }

    /// Appends outputs up to index `limit` as far as the inputs reach, and drops inputs that are no longer needed.
    fn produce(&mut self, limit: usize, outputs: &mut Vec<f32>) {
        let Ratio { up, down } = self.ratio;
        let end = self.first_input + self.inputs.len() as i64;
        let in_batches = is_worthwhile(self.ratio, self.taps);
        if in_batches {
            self.produce_batches(limit, outputs);
        }
        // Sum in the order of the batches, so that outputs do not depend on how the signal is split.
        let product = if in_batches { serial_dot } else { dot };
        while self.n_outputs < limit {
            let position = self.n_outputs * down + self.half;
            let newest = (position / up) as i64;
            if newest >= end {
                break;
            }
            let row = &self.rows[(position % up) * self.taps..][..self.taps];
            let oldest = (newest + 1 - self.taps as i64 - self.first_input) as usize;
            outputs.push(product(row, &self.inputs[oldest..oldest + self.taps]));
            self.n_outputs += 1;
        }
        let next_newest = ((self.n_outputs * down + self.half) / up) as i64;
        let unused = (next_newest + 1 - self.taps as i64 - self.first_input)
            .clamp(0, self.inputs.len() as i64);
        self.inputs.drain(..unused as usize);
        self.first_input += unused;
    }
}

impl Resampler {
    /// Appends as many complete batches of outputs as the inputs and the limit allow.
    fn produce_batches(&mut self, limit: usize, outputs: &mut Vec<f32>) {
        let Ratio { up, down } = self.ratio;
        let (taps, half, first_input) = (self.taps, self.half, self.first_input);
        let batch = up * WIDTH;
        let oldest = |n_outputs: usize| {
            let newest = ((n_outputs * down + half) / up) as i64;
            (newest + 1 - taps as i64 - first_input) as usize
        };
        loop {
            let (first, last) = (self.n_outputs, self.n_outputs + batch - 1);
            let first_oldest = oldest(first);
            // The last column starts `(WIDTH - 1) · down` inputs later and has `taps + down` inputs.
            let end = first_oldest + WIDTH * down + taps;
            if last >= limit || end > self.inputs.len() {
                return;
            }
            self.columns.fill(&self.inputs[first_oldest..], down, taps + down);
            let start = outputs.len();
            outputs.resize(start + batch, 0.0);
            for k in 0..up {
                let position = (first + k) * down + half;
                let row = &self.rows[(position % up) * taps..][..taps];
                let dots = self.columns.dots(row, oldest(first + k) - first_oldest);
                for (j, dot) in dots.into_iter().enumerate() {
                    outputs[start + j * up + k] = dot;
                }
            }
            self.n_outputs += batch;
        }
    }
}

/// Returns the `2 · half + 1` coefficients of the filter, which sum to `up`.
fn filter(Ratio { up, down }: Ratio, half: usize) -> Vec<f64> {
    const BETA: f64 = 5.0;
    let cutoff = 1.0 / up.max(down) as f64;
    let coefficient = |i: usize| {
        let x = i as f64 - half as f64;
        let sinc = if x == 0.0 { cutoff } else { (PI * cutoff * x).sin() / (PI * x) };
        let edge = if half == 0 { 0.0 } else { x / half as f64 };
        sinc * bessel_i0(BETA * (1.0 - edge * edge).max(0.0).sqrt()) / bessel_i0(BETA)
    };
    let mut filter: Vec<f64> = (0..=2 * half).map(coefficient).collect();
    let sum: f64 = filter.iter().sum();
    filter.iter_mut().for_each(|c| *c *= up as f64 / sum);
    filter
}

/// Modified Bessel function of the first kind and order 0, by its power series.
fn bessel_i0(x: f64) -> f64 {
    let quarter = x * x / 4.0;
    let (mut term, mut sum) = (1.0, 1.0);
    for k in 1..60 {
        term *= quarter / f64::from(k * k);
        sum += term;
    }
    sum
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The definition of resampling, one output at a time.
    fn reference(ratio: Ratio, samples: &[f32]) -> Vec<f64> {
        let half = 10 * ratio.up.max(ratio.down);
        let filter = filter(ratio, half);
        let output = |m: usize| {
            let term = |(j, x): (usize, &f32)| {
                let tap = (m * ratio.down + half) as i64 - (j * ratio.up) as i64;
                usize::try_from(tap)
                    .ok()
                    .and_then(|tap| filter.get(tap))
                    .map_or(0.0, |c| c * f64::from(*x))
            };
            samples.iter().enumerate().map(term).sum()
        };
        (0..ratio.output_len(samples.len())).map(output).collect()
    }

    fn noise(n: usize) -> Vec<f32> {
        let mut state = 1u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            f64::from(state >> 8) as f32 / 8_388_608.0 - 1.0
        };
        (0..n).map(|_| next()).collect()
    }

    #[test]
    fn stream_equals_the_definition() {
        for (up, down) in [(1, 1), (1, 2), (64, 125), (16, 25), (1, 8), (64, 1), (5, 1), (128, 975)]
        {
            let ratio = Ratio { up, down };
            // Enough inputs for a batch.
            let samples = noise(if down > 16 { 3000 } else { 700 });
            let mut outputs = Vec::new();
            let mut resampler = Resampler::new(ratio);
            for piece in samples.chunks(97) {
                resampler.push(piece, &mut outputs);
            }
            resampler.finish(&mut outputs);
            let expected = reference(ratio, &samples);
            assert_eq!(outputs.len(), expected.len(), "{up}/{down}");
            for (found, expected) in outputs.iter().zip(expected) {
                assert!(
                    (f64::from(*found) - expected).abs() < 1e-6,
                    "{up}/{down}: {found} {expected}"
                );
            }
        }
    }

    /// First values of `scipy.signal.resample_poly(np.sin(np.arange(50) * 0.2), 16, 25)`, SciPy 1.17.
    #[test]
    fn equals_scipy_resample_poly() {
        const SCIPY: [f64; 6] =
            [0.020465836, 0.304393063, 0.587021956, 0.806243218, 0.950355321, 1.000750522];
        let samples: Vec<f32> = (0..50).map(|i| (f64::from(i) * 0.2).sin() as f32).collect();
        let mut outputs = Vec::new();
        let mut resampler = Resampler::new(Ratio { up: 16, down: 25 });
        resampler.push(&samples, &mut outputs);
        resampler.finish(&mut outputs);
        assert_eq!(outputs.len(), 32);
        for (found, expected) in outputs.iter().zip(SCIPY) {
            assert!((f64::from(*found) - expected).abs() < 1e-6, "{found} {expected}");
        }
    }

    #[test]
    fn suppresses_tones_above_the_new_nyquist_frequency() {
        let samples: Vec<f32> =
            (0..2560).map(|i| (2.0 * PI * 50.0 * f64::from(i) / 256.0).sin() as f32).collect();
        let mut outputs = Vec::new();
        let mut resampler = Resampler::new(Ratio { up: 1, down: 4 });
        resampler.push(&samples, &mut outputs);
        resampler.finish(&mut outputs);
        assert!(outputs[64..576].iter().all(|x| x.abs() < 0.01));
    }
}
