//! What is left of a row when the middle of its list is taken away, in 4 bits for each number.
//!
//! Rows of a list point the same way, so what is left is shorter than the row, and four bits tell as much of it as six
//! would of the row itself. They choose which rows are worth a look at their 8-bit codes.

use crate::vector::Codes;
use crate::vector::kernel::{Kernel, LINE, Line};

/// A nibble's value is as many steps as it is above this.
const ZERO: f32 = 7.5;

/// Returns how many lines of nibbles a row has: two numbers in a byte.
pub(super) fn n_lines(dim: usize) -> usize {
    dim.div_ceil(LINE).div_ceil(2)
}

/// Appends the nibbles of what is left of a row, and returns their step.
///
/// The first 64 of 128 numbers are the low nibbles of a line, the others its high ones.
pub(super) fn push(nibbles: &mut Vec<u8>, codes: &Codes, row: usize, middle: &[f32]) -> f32 {
    let scale = codes.scales()[row];
    let lines = codes.lines(row..row + 1);
    let left = |line: usize| -> [f32; LINE] {
        let middle = middle[line * LINE..].iter().copied().chain(std::iter::repeat(0.0));
        let mut left = lines[line].0.map(|code| scale * f32::from(code));
        left.iter_mut().zip(middle).for_each(|(number, middle)| *number -= middle);
        left
    };
    let all = (0..lines.len()).flat_map(left);
    let greatest = all.fold(0.0_f32, |greatest, number| greatest.max(number.abs()));
    let step = greatest / ZERO;
    // A row that is its list's middle has nothing left, whatever its nibbles are.
    let steps = if step > 0.0 { 1.0 / step } else { 0.0 };
    let nibble = |number: f32| (number * steps + (ZERO + 0.5)).clamp(0.0, 15.0) as u8;
    for line in (0..lines.len()).step_by(2) {
        let low = left(line).map(nibble);
        let high = if line + 1 < lines.len() { left(line + 1).map(nibble) } else { [0; LINE] };
        nibbles.extend(low.iter().zip(&high).map(|(low, high)| low | high << 4));
    }
    step
}

/// A query, prepared for rows of nibbles.
pub(super) struct Prompt<'a> {
    codes: &'a Codes,
    /// What products are too high because nibbles have no sign.
    excess: f32,
    /// How far a score may be off for each unit of a row's step.
    off_by: f32,
    products: Vec<i32>,
}

impl<'a> Prompt<'a> {
    /// Takes the codes of one query; scores that are to be `certain` are bounded for any row, others in all likelihood.
    ///
    /// Each number is anywhere within half a step of what its nibble says, so the sum of their products with a query of
    /// length 1 is off by the step over the root of 12, as one deviation. Where two rows are both judged two deviations off,
    /// the wrong one is preferred once in four hundred times, and by little.
    pub(super) fn of(codes: &'a Codes, is_certain: bool) -> Self {
        const DEVIATIONS: f32 = 2.0;
        let sum: i32 = codes.lines(0..1).iter().flat_map(|line| line.0).map(i32::from).sum();
        // A little more than a half, because the codes of a query are a little longer than 1.
        let certain = 0.51 * (codes.dim() as f32).sqrt();
        let off_by = if is_certain { certain } else { DEVIATIONS * 12.0_f32.sqrt().recip() };
        Self { codes, excess: ZERO * sum as f32, off_by, products: Vec::new() }
    }

    /// Returns how far a score is from the one by the row's 8-bit codes, at most.
    pub(super) fn bound(&self, step: [u8; 4]) -> f32 {
        self.off_by * f32::from_le_bytes(step)
    }

    /// Writes the cosine of each row, given that of the list's middle, and the step of each.
    pub(super) fn score(
        &mut self,
        nibbles: &[Line],
        of_middle: f32,
        steps: &[[u8; 4]],
        scores: &mut Vec<f32>,
    ) {
        let scale = self.codes.scales()[0];
        self.products.resize(steps.len(), 0);
        Kernel::best().nibbles(self.codes.lines(0..1), nibbles, &mut self.products);
        scores.clear();
        scores.extend(self.products.iter().zip(steps).map(|(product, step)| {
            of_middle + f32::from_le_bytes(*step) * scale * (*product as f32 - self.excess)
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
    fn scores_are_near_those_of_the_codes() {
        for dim in [1, 64, 65, 128, 200, 512] {
            let codes = Codes::of(dim, &random(dim, 400, 1));
            let middle = Codes::of(dim, &random(dim, 1, 2));
            let query = Codes::of(dim, &random(dim, 1, 3));
            let mut nibbles = Vec::new();
            let steps: Vec<f32> = (0..codes.len())
                .map(|row| push(&mut nibbles, &codes, row, &middle.numbers(0)))
                .collect();
            assert_eq!(nibbles.len(), 400 * LINE * n_lines(dim));
            let lines: Vec<Line> = nibbles
                .chunks_exact(LINE)
                .map(|bytes| Line(std::array::from_fn(|place| bytes[place].cast_signed())))
                .collect();
            let mut of_middle = [0.0];
            middle.score(0..1, &query, &mut of_middle);
            let mut expect = vec![0.0; 400];
            codes.score(0..400, &query, &mut expect);
            let as_bytes: Vec<[u8; 4]> = steps.iter().map(|step| step.to_le_bytes()).collect();
            let mut scores = Vec::new();
            for (is_certain, most_far) in [(true, 0), (false, 400 / 12)] {
                let mut prompt = Prompt::of(&query, is_certain);
                prompt.score(&lines, of_middle[0], &as_bytes, &mut scores);
                let is_far = |(row, (score, expect)): (usize, (&f32, &f32))| {
                    (score - expect).abs() > prompt.bound(as_bytes[row])
                };
                let n_far = scores.iter().zip(&expect).enumerate().filter(|it| is_far(*it)).count();
                // One in 22 is expected beyond two deviations.
                assert!(n_far <= most_far, "{dim}: {n_far}");
            }
        }
    }

    #[test]
    fn nothing_is_left_of_the_middle_itself() {
        let codes = Codes::of(70, &random(70, 1, 4));
        let mut nibbles = Vec::new();
        assert_eq!(push(&mut nibbles, &codes, 0, &codes.numbers(0)), 0.0);
        let (mut scores, line) = (Vec::new(), Line([-1; LINE]));
        Prompt::of(&codes, true).score(&[line], 0.25, &[0.0_f32.to_le_bytes()], &mut scores);
        assert_eq!(scores, [0.25]);
    }
}
