//! Residuals quantised to 4 bits per dimension: the coarse scores of an inverted list.
//!
//! A residual is a row minus the centroid of its list. It is shorter than the row, so that 4 bits resolve it as finely as
//! 6 bits would resolve the row itself. The product of a query with a row is then that with the centroid, which the whole
//! list shares, plus that with the residual. These scores select the rows that are worth scoring by their 8-bit codes.
//!
//! In lists, 4-bit codes instead of 8-bit codes took searches for texts from 309 to 227 µs at the same recall
//! (`BENCHMARKS.md`).

use super::Int8Codes;
use super::kernel::{Kernel, LINE, Line};

/// The code, in fractions, of a residual of zero: codes 0 to 15 are symmetric around it.
const ZERO: f32 = 7.5;

/// Returns the number of lines of 4-bit codes per row; a line has 128 of them.
pub(crate) fn n_lines(dim: usize) -> usize {
    dim.div_ceil(LINE).div_ceil(2)
}

/// Appends the 4-bit codes of a row's residual, and returns their step: the difference between neighbouring codes.
///
/// Of each 128 dimensions, the first 64 are the low halves of the bytes of a line, and the others the high halves. One
/// line of codes therefore meets two lines of an 8-bit query without any shuffling.
pub(crate) fn push(bytes: &mut Vec<u8>, codes: &Int8Codes, row: usize, centroid: &[f32]) -> f32 {
    let scale = codes.scales()[row];
    let lines = codes.lines(row..row + 1);
    let residual = |line: usize| -> [f32; LINE] {
        let centroid = centroid[line * LINE..].iter().copied().chain(std::iter::repeat(0.0));
        let mut residual = lines[line].0.map(|code| scale * f32::from(code));
        residual.iter_mut().zip(centroid).for_each(|(value, centroid)| *value -= centroid);
        residual
    };
    let values = (0..lines.len()).flat_map(residual);
    let max_abs = values.fold(0.0_f32, |max_abs, value| max_abs.max(value.abs()));
    let step = max_abs / ZERO;
    // The residual of a row that equals its centroid is zero, whatever its codes are.
    let steps_per_unit = if step > 0.0 { 1.0 / step } else { 0.0 };
    let code = |value: f32| (value * steps_per_unit + (ZERO + 0.5)).clamp(0.0, 15.0) as u8;
    for line in (0..lines.len()).step_by(2) {
        let low = residual(line).map(code);
        let high = if line + 1 < lines.len() { residual(line + 1).map(code) } else { [0; LINE] };
        bytes.extend(low.iter().zip(&high).map(|(low, high)| low | high << 4));
    }
    step
}

/// A query prepared for scoring 4-bit codes.
pub(crate) struct FourBitQuery<'a> {
    query: &'a Int8Codes,
    /// What each product is too high because codes are unsigned: [`ZERO`] times the sum of the query's codes.
    excess: f32,
    /// The part of the bound that is proportional to a row's step.
    bound_per_step: f32,
    /// The part of the bound that all rows share.
    bound_of_8_bit: f32,
    products: Vec<i32>,
}

/// What the bound of a score means.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Bound {
    /// The true score is never further off, so that nothing is missed.
    Certain {
        /// Upper bound of the difference between the 8-bit score of any row and its true score.
        of_8_bit: f32,
    },
    /// The 8-bit score is further off only for a few rows, which approximate search may miss.
    Likely,
}

impl<'a> FourBitQuery<'a> {
    /// Prepares the first of some quantised queries.
    ///
    /// A residual differs from its code by at most half a step in each dimension. The product is then off by at most half
    /// a step times the sum of the query's absolute values, and, for a query of unit length, by a standard deviation of
    /// the step over the root of 12. If two rows are both judged two standard deviations off, the wrong one is preferred
    /// once in four hundred times, and then by little.
    pub(crate) fn new(query: &'a Int8Codes, bound: Bound) -> Self {
        const DEVIATIONS: f32 = 2.0;
        let codes = || query.lines(0..1).iter().flat_map(|line| line.0).map(i32::from);
        let sum: i32 = codes().sum();
        let (bound_per_step, bound_of_8_bit) = match bound {
            Bound::Certain { of_8_bit } => {
                let sum_abs: i32 = codes().map(i32::abs).sum();
                // Slightly more than a half, for the rounding of the step and of the sums.
                (0.51 * query.scales()[0] * sum_abs as f32, of_8_bit)
            }
            Bound::Likely => (DEVIATIONS * 12.0_f32.sqrt().recip(), 0.0),
        };
        let excess = ZERO * sum as f32;
        Self { query, excess, bound_per_step, bound_of_8_bit, products: Vec::new() }
    }

    /// Returns the [bound](Bound) of a row's score, given its step as stored.
    pub(crate) fn bound(&self, step: [u8; 4]) -> f32 {
        self.bound_per_step * f32::from_le_bytes(step) + self.bound_of_8_bit
    }

    /// Computes the score of each row of a list, given the score of its centroid and the step of each row as stored.
    pub(crate) fn score(
        &mut self,
        lines: &[Line],
        centroid_score: f32,
        steps: &[[u8; 4]],
        scores: &mut Vec<f32>,
    ) {
        let scale = self.query.scales()[0];
        self.products.resize(steps.len(), 0);
        Kernel::best().four_bit(self.query.lines(0..1), lines, &mut self.products);
        scores.clear();
        scores.extend(self.products.iter().zip(steps).map(|(product, step)| {
            centroid_score + f32::from_le_bytes(*step) * scale * (*product as f32 - self.excess)
        }));
    }
}

#[cfg(test)]
mod tests {
    use nocturne_encoder::Embedding;
    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg64Mcg;

    use super::*;

    fn random(dim: usize, n: usize, seed: u64) -> Vec<Embedding> {
        let mut random = Pcg64Mcg::seed_from_u64(seed);
        let mut numbers = || (0..dim).map(|_| random.random_range(-1.0..1.0)).collect();
        (0..n).map(|_| Embedding::new(numbers()).unwrap()).collect()
    }

    #[test]
    fn scores_are_within_their_bound_of_those_of_8_bit_codes() {
        for dim in [1, 64, 65, 128, 200, 512] {
            let codes = Int8Codes::of(dim, &random(dim, 400, 1));
            let centroid = Int8Codes::of(dim, &random(dim, 1, 2));
            let query = Int8Codes::of(dim, &random(dim, 1, 3));
            let mut bytes = Vec::new();
            let steps: Vec<f32> = (0..codes.len())
                .map(|row| push(&mut bytes, &codes, row, &centroid.reconstruct(0)))
                .collect();
            assert_eq!(bytes.len(), 400 * LINE * n_lines(dim));
            let lines: Vec<Line> = bytes
                .chunks_exact(LINE)
                .map(|bytes| Line(std::array::from_fn(|i| bytes[i].cast_signed())))
                .collect();
            let mut centroid_score = [0.0];
            centroid.score(0..1, &query, &mut centroid_score);
            let mut expect = vec![0.0; 400];
            codes.score(0..400, &query, &mut expect);
            let steps: Vec<[u8; 4]> = steps.iter().map(|step| step.to_le_bytes()).collect();
            let mut scores = Vec::new();
            // One in 22 is expected beyond two standard deviations.
            for (bound, max_outside) in
                [(Bound::Certain { of_8_bit: 0.0 }, 0), (Bound::Likely, 400 / 12)]
            {
                let mut query = FourBitQuery::new(&query, bound);
                query.score(&lines, centroid_score[0], &steps, &mut scores);
                let is_outside = |(row, (score, expect)): (usize, (&f32, &f32))| {
                    (score - expect).abs() > query.bound(steps[row])
                };
                let pairs = scores.iter().zip(&expect).enumerate();
                let n_outside = pairs.filter(|pair| is_outside(*pair)).count();
                assert!(n_outside <= max_outside, "{dim}: {n_outside}");
            }
        }
    }

    #[test]
    fn residual_of_the_centroid_itself_is_zero() {
        let codes = Int8Codes::of(70, &random(70, 1, 4));
        let mut bytes = Vec::new();
        assert_eq!(push(&mut bytes, &codes, 0, &codes.reconstruct(0)), 0.0);
        let (mut scores, line) = (Vec::new(), Line([-1; LINE]));
        let mut query = FourBitQuery::new(&codes, Bound::Certain { of_8_bit: 0.0 });
        query.score(&[line], 0.25, &[0.0_f32.to_le_bytes()], &mut scores);
        assert_eq!(scores, [0.25]);
    }
}
