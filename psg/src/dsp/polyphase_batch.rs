//! Computes many outputs of a polyphase filter at once, bit-identical to computing them one by one.
//!
//! Outputs that are `up` apart share a row of coefficients, so they can be computed side by side in the lanes of vector
//! registers. The widest registers of the processor are used. Operations are neither fused nor reordered, so that every
//! processor gives the same bits.

use pulp::Arch;

use super::Ratio;

/// Number of outputs that are computed side by side.
pub(super) const WIDTH: usize = 32;
/// Number of partial sums in [`dot`].
const LANES: usize = 16;
/// Maximum number of copied inputs per output; above it, computing one output at a time is as fast.
const MAX_COPIES: usize = 8;

/// Returns whether batches are faster than single outputs.
pub(super) const fn is_worthwhile(Ratio { up, down }: Ratio, taps: usize) -> bool {
    taps + down <= MAX_COPIES * up
}

/// Inputs of a batch: row `i` contains inputs `i`, `i + down`, `i + 2 · down`…
#[derive(Debug, Default)]
pub(super) struct InputColumns(Vec<[f32; WIDTH]>);

impl InputColumns {
    /// Copies `n` rows of inputs.
    pub(super) fn fill(&mut self, inputs: &[f32], down: usize, n: usize) {
        self.0.resize(n, [0.0; WIDTH]);
        for j in 0..WIDTH {
            for (row, input) in self.0.iter_mut().zip(&inputs[j * down..][..n]) {
                row[j] = *input;
            }
        }
    }

    /// Returns the dot product of the coefficients with each column, starting at row `oldest`.
    ///
    /// Each column is summed in the order of [`serial_dot`].
    pub(super) fn dots(&self, coefficients: &[f32], oldest: usize) -> [f32; WIDTH] {
        let rows = &self.0[oldest..][..coefficients.len()];
        with_vectors(|| {
            let mut sums = [0.0; WIDTH];
            for (coefficient, row) in coefficients.iter().zip(rows) {
                for j in 0..WIDTH {
                    sums[j] += coefficient * row[j];
                }
            }
            sums
        })
    }
}

/// Runs a loop compiled for the widest vector registers of the processor.
pub(crate) fn with_vectors<R>(work: impl FnOnce() -> R) -> R {
    Arch::new().dispatch(work)
}

/// Returns the dot product, summed from first to last.
pub(super) fn serial_dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).fold(0.0, |sum, (a, b)| sum + a * b)
}

/// Returns the dot product, summed in [`LANES`] partial sums that the compiler keeps in vector registers.
pub(crate) fn dot(a: &[f32], b: &[f32]) -> f32 {
    with_vectors(|| {
        let (a_lanes, a_rest) = a.as_chunks::<LANES>();
        let (b_lanes, b_rest) = b.as_chunks::<LANES>();
        let mut sums = [0.0f32; LANES];
        for (a, b) in a_lanes.iter().zip(b_lanes) {
            for lane in 0..LANES {
                sums[lane] += a[lane] * b[lane];
            }
        }
        sums.iter().sum::<f32>() + a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum::<f32>()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn batches_are_bit_identical_to_single_outputs() {
        let value = |i: usize| (i as f32 * 0.37).sin() * (i as f32 * 12.9).cos();
        let inputs: Vec<f32> = (0..6000).map(value).collect();
        for (taps, down) in [(5, 3), (16, 7), (41, 125), (80, 25), (21, 5)] {
            let coefficients: Vec<f32> = (0..taps).map(|i| value(i + 5000)).collect();
            let mut columns = InputColumns::default();
            columns.fill(&inputs, down, taps + down);
            for oldest in [0, 1, down] {
                let found = columns.dots(&coefficients, oldest);
                let of = |j: usize| serial_dot(&coefficients, &inputs[oldest + j * down..][..taps]);
                let bits = found.map(f32::to_bits);
                assert_eq!(bits, std::array::from_fn(|j| of(j).to_bits()), "{taps}, {down}");
            }
        }
    }
}
