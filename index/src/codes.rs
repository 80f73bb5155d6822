//! Vectors as 8-bit codes with a scale a row, and how far a score of codes may be from the cosine.
//!
//! A row `x` becomes `x' = scale · codes`, and the length of `x − x'` is kept as its error. For a prompt `q` of length 1
//! that becomes `q'` the same way,
//!
//! ```text
//! |q·x − q'·x'|  ≤  |q·(x − x')| + |(q − q')·x'|  ≤  ‖x − x'‖ + ‖q − q'‖ · ‖x'‖
//! ```
//!
//! so that scores of codes alone say which rows cannot be among the best.

use std::ops::Range;

use nocturne_encoder::Embedding;

use crate::kernel::pages::room_for;
use crate::kernel::{Kernel, LINE, Line};

/// Greatest code; the least is its negative.
const GREATEST: f32 = 127.0;

/// Rows that are scored at a time, so that their products stay in the first-level cache.
const ROWS_AT_A_TIME: usize = 256;

/// Vectors of one length, as codes.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Codes {
    dim: usize,
    lines: Vec<Line>,
    scales: Vec<f32>,
    errors: Vec<f32>,
    /// Greatest length of a row's codes times its scale.
    reach: f32,
}

impl Codes {
    /// Returns room for rows, without any.
    pub(crate) fn with_room(dim: usize, n_rows: usize) -> Self {
        Self {
            dim,
            lines: room_for(n_rows * dim.div_ceil(LINE)),
            scales: Vec::with_capacity(n_rows),
            errors: Vec::with_capacity(n_rows),
            reach: 0.0,
        }
    }

    /// Returns the codes of embeddings.
    pub(crate) fn of<'a>(dim: usize, rows: impl IntoIterator<Item = &'a Embedding>) -> Self {
        let mut codes = Self::with_room(dim, 0);
        rows.into_iter().for_each(|row| codes.push(row.as_slice()));
        codes
    }

    /// Takes rows as a file has them: `dim` codes, a scale and an error each.
    pub(crate) fn from_parts(dim: usize, codes: &[i8], scales: Vec<f32>, errors: Vec<f32>) -> Self {
        let mut lines = Vec::with_capacity(scales.len() * dim.div_ceil(LINE));
        codes.chunks_exact(dim).flat_map(|row| row.chunks(LINE)).for_each(|part| {
            let mut line = Line::ZERO;
            line.0[..part.len()].copy_from_slice(part);
            lines.push(line);
        });
        let mut codes = Self { dim, lines, scales, errors, reach: 0.0 };
        codes.reach = (0..codes.len()).map(|row| codes.length(row)).fold(0.0, f32::max);
        codes
    }

    /// Appends a vector that is finite and not zero.
    pub(crate) fn push(&mut self, numbers: &[f32]) {
        // Adding it rounds to a whole number, for the sum has no bits left for parts of one.
        const ROUNDING: f32 = 12_582_912.0;
        let greatest = numbers.iter().fold(0.0_f32, |greatest, number| greatest.max(number.abs()));
        let scale = greatest / GREATEST;
        let mut squared = 0.0;
        for numbers in numbers.chunks(LINE) {
            let mut line = Line::ZERO;
            for (code, number) in line.0.iter_mut().zip(numbers) {
                let rounded = (number / scale + ROUNDING) - ROUNDING;
                *code = rounded.clamp(-GREATEST, GREATEST) as i8;
                squared += (number - scale * f32::from(*code)).powi(2);
            }
            self.lines.push(line);
        }
        self.scales.push(scale);
        // A little more than the sum's own rounding could have lost.
        self.errors.push(squared.sqrt() * 1.0001);
        self.reach = self.reach.max(self.length(self.len() - 1));
    }

    /// Appends some rows of others of the same length.
    pub(crate) fn extend(&mut self, other: &Self, rows: Range<usize>) {
        let n_lines = self.n_lines();
        self.lines.extend_from_slice(&other.lines[rows.start * n_lines..rows.end * n_lines]);
        self.scales.extend_from_slice(&other.scales[rows.clone()]);
        self.errors.extend_from_slice(&other.errors[rows]);
        self.reach = self.reach.max(other.reach);
    }

    /// Returns the number of rows.
    pub(crate) fn len(&self) -> usize {
        self.scales.len()
    }

    /// Returns for how many rows there is room without moving what is there.
    pub(crate) fn room(&self) -> usize {
        self.lines.capacity() / self.n_lines()
    }

    /// Returns the codes of a row as a file has them.
    pub(crate) fn row(&self, row: usize) -> impl Iterator<Item = i8> {
        self.lines_of(row..row + 1).iter().flat_map(|line| line.0).take(self.dim)
    }

    /// Returns the scale of each row.
    pub(crate) fn scales(&self) -> &[f32] {
        &self.scales
    }

    /// Returns the error of each row: how far it is from its codes times its scale.
    pub(crate) fn errors(&self) -> &[f32] {
        &self.errors
    }

    /// Writes scores of some rows with some prompts into a table: for each row, one for each prompt.
    pub(crate) fn score(&self, rows: Range<usize>, prompts: &Self, scores: &mut [f32]) {
        let n_prompts = prompts.len();
        if n_prompts == 0 {
            return;
        }
        let kernel = Kernel::best();
        let mut products = vec![0; ROWS_AT_A_TIME * n_prompts];
        let parts = scores.chunks_mut(ROWS_AT_A_TIME * n_prompts);
        for (start, scores) in rows.step_by(ROWS_AT_A_TIME).zip(parts) {
            let rows = start..start + scores.len() / n_prompts;
            let products = &mut products[..scores.len()];
            let lines = self.lines_of(rows.clone());
            match n_prompts {
                1 => kernel.dot(&prompts.lines, lines, products),
                _ => kernel.product(&prompts.lines, lines, self.n_lines(), products),
            }
            let scales = &self.scales[rows];
            for (row, scale) in scales.iter().enumerate() {
                let places = row * n_prompts..(row + 1) * n_prompts;
                let pairs = products[places.clone()].iter().zip(&prompts.scales);
                for (score, (product, prompt_scale)) in scores[places].iter_mut().zip(pairs) {
                    *score = (*product as f32 * (scale * prompt_scale)).clamp(-1.0, 1.0);
                }
            }
        }
    }

    /// Returns what is added to a row's own error to bound how far its score with a prompt of that
    /// error is from the cosine.
    pub(crate) fn bound(&self, prompt_error: f32) -> f32 {
        // What sums of rounded numbers may lose, ours and those of the cosine.
        let rounding = (self.dim + 16) as f32 * f32::EPSILON;
        prompt_error * self.reach + rounding
    }

    /// Reads every code once and returns a sum of them: the least that a scan has to do.
    pub(crate) fn read(&self, rows: Range<usize>) -> u64 {
        let mut sums = [0_u64; 8];
        for line in self.lines_of(rows) {
            for (sum, codes) in sums.iter_mut().zip(line.0.as_chunks().0) {
                *sum = sum.wrapping_add(u64::from_ne_bytes(codes.map(i8::cast_unsigned)));
            }
        }
        sums.into_iter().fold(0, u64::wrapping_add)
    }

    fn lines_of(&self, rows: Range<usize>) -> &[Line] {
        &self.lines[rows.start * self.n_lines()..rows.end * self.n_lines()]
    }

    fn n_lines(&self) -> usize {
        self.dim.div_ceil(LINE)
    }

    /// Returns the length of a row's codes times its scale, a little more rather than less.
    fn length(&self, row: usize) -> f32 {
        let lines = self.lines_of(row..row + 1);
        let mut product = [0];
        Kernel::best().dot(lines, lines, &mut product);
        (product[0] as f32).sqrt() * self.scales[row] * 1.0001
    }
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg64Mcg;

    use super::*;

    fn random_embeddings(dim: usize, n: usize, random: &mut Pcg64Mcg) -> Vec<Embedding> {
        let mut numbers = || (0..dim).map(|_| random.random_range(-1.0..1.0)).collect();
        (0..n).map(|_| Embedding::new(numbers()).unwrap()).collect()
    }

    #[test]
    fn scores_keep_their_bound() {
        let mut random = Pcg64Mcg::seed_from_u64(3);
        for dim in [1, 2, 8, 63, 64, 65, 512] {
            let vectors = random_embeddings(dim, 600, &mut random);
            let prompts = random_embeddings(dim, 5, &mut random);
            let codes = Codes::of(dim, &vectors);
            let mut table = vec![0.0; 600 * 5];
            codes.score(0..600, &Codes::of(dim, &prompts), &mut table);
            for (place, prompt) in prompts.iter().enumerate() {
                let prompt_codes = Codes::of(dim, [prompt]);
                let bound = codes.bound(prompt_codes.errors()[0]);
                let mut scores = vec![0.0; 600];
                codes.score(0..600, &prompt_codes, &mut scores);
                for (row, vector) in vectors.iter().enumerate() {
                    let distance = (scores[row] - prompt.cosine(vector)).abs();
                    assert!(distance <= bound + codes.errors()[row], "{dim}: {distance}");
                    assert_eq!(scores[row], table[row * 5 + place]);
                }
            }
        }
    }

    #[test]
    fn errors_are_small() {
        let vectors = random_embeddings(512, 100, &mut Pcg64Mcg::seed_from_u64(4));
        let codes = Codes::of(512, &vectors);
        assert!(codes.errors().iter().all(|error| (0.001..0.01).contains(error)));
    }

    #[test]
    fn rows_are_the_same_wherever_they_come_from() {
        let vectors = random_embeddings(70, 9, &mut Pcg64Mcg::seed_from_u64(5));
        let codes = Codes::of(70, &vectors);
        let bytes: Vec<i8> = (0..9).flat_map(|row| codes.row(row)).collect();
        let read = Codes::from_parts(70, &bytes, codes.scales().to_vec(), codes.errors().to_vec());
        assert_eq!(read, codes);
        let mut copied = Codes::with_room(70, 9);
        copied.extend(&codes, 0..4);
        copied.extend(&codes, 4..9);
        assert_eq!((&copied, copied.room()), (&codes, 9));
        assert_eq!(copied.read(0..4).wrapping_add(copied.read(4..9)), codes.read(0..9));
    }
}
