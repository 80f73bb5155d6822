//! Many outputs of a polyphase filter at once, to the bit those of one at a time.
//!
//! Outputs that lie `up` apart share a row of coefficients. Taken side by side they fill the lanes of vector registers
//! from the first product to the last sum. The widest registers that the processor has are used; nothing is contracted
//! or reordered, so every processor gives the same bits.

use pulp::Arch;

use super::Ratio;

/// Outputs side by side.
pub(super) const WIDTH: usize = 32;
/// Lanes in which [`dot`] adds up.
const LANES: usize = 16;
/// Most inputs that are laid out anew for an output; beyond, one output at a time is as quick.
const MOST_INPUTS: usize = 8;

/// Returns whether laying out the inputs of a batch pays.
pub(super) const fn pays(Ratio { up, down }: Ratio, taps: usize) -> bool {
    taps + down <= MOST_INPUTS * up
}

/// Inputs of a batch: row `i` holds inputs `i`, `i + down`, `i + 2 · down`…
#[derive(Debug, Default)]
pub(super) struct Columns(Vec<[f32; WIDTH]>);

impl Columns {
    /// Lays out `n` rows of inputs.
    pub(super) fn fill(&mut self, inputs: &[f32], down: usize, n: usize) {
        self.0.resize(n, [0.0; WIDTH]);
        for j in 0..WIDTH {
            for (row, input) in self.0.iter_mut().zip(&inputs[j * down..][..n]) {
                row[j] = *input;
            }
        }
    }

    /// Returns the products of a row of coefficients with the inputs from row `oldest` on: [`serial_dot`], for each
    /// column.
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

/// Runs a loop with the widest vector registers that the processor has.
pub(crate) fn with_vectors<R>(work: impl FnOnce() -> R) -> R {
    Arch::new().dispatch(work)
}

/// Product of two runs of numbers, added up from the first to the last.
pub(super) fn serial_dot(a: &[f32], b: &[f32]) -> f32 {
    a.iter().zip(b).fold(0.0, |sum, (a, b)| sum + a * b)
}

/// Product of two runs of numbers, in lanes that the compiler keeps in vector registers.
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
    fn a_batch_equals_its_outputs_one_by_one_to_the_bit() {
        let value = |i: usize| (i as f32 * 0.37).sin() * (i as f32 * 12.9).cos();
        let inputs: Vec<f32> = (0..6000).map(value).collect();
        for (taps, down) in [(5, 3), (16, 7), (41, 125), (80, 25), (21, 5)] {
            let coefficients: Vec<f32> = (0..taps).map(|i| value(i + 5000)).collect();
            let mut columns = Columns::default();
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
