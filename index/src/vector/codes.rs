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

use crate::storage::FileContent;
use crate::vector::kernel::{Kernel, LINE, Line};

/// Greatest code; the least is its negative.
const GREATEST: f32 = 127.0;

/// Rows that are scored at a time, so that their products stay in the first-level cache.
const ROWS_AT_A_TIME: usize = 256;

/// Vectors of one length, as codes.
#[derive(Debug, Clone)]
pub(crate) struct Codes {
    dim: usize,
    lines: Lines,
    scales: Vec<f32>,
    errors: Vec<f32>,
    /// Greatest of the errors.
    greatest_error: f32,
    /// Greatest length of a row's codes times its scale.
    reach: f32,
}

/// Codes by rows, each of whole lines.
#[derive(Debug, Clone)]
enum Lines {
    Made(Vec<Line>),
    /// In some bytes of a file.
    Kept(FileContent, Range<usize>),
}

impl Lines {
    fn as_slice(&self) -> &[Line] {
        match self {
            Self::Made(lines) => lines,
            Self::Kept(content, range) => {
                Line::in_bytes(&content[range.clone()]).expect("`of_file` takes no others")
            }
        }
    }
}

impl Codes {
    /// Returns room for rows, without any.
    pub(crate) fn with_room(dim: usize, n_rows: usize) -> Self {
        Self {
            dim,
            lines: Lines::Made(Vec::with_capacity(n_rows * dim.div_ceil(LINE))),
            scales: Vec::with_capacity(n_rows),
            errors: Vec::with_capacity(n_rows),
            greatest_error: 0.0,
            reach: 0.0,
        }
    }

    /// Returns the codes of embeddings.
    pub(crate) fn of<'a>(dim: usize, rows: impl IntoIterator<Item = &'a Embedding>) -> Self {
        let mut codes = Self::with_room(dim, 0);
        rows.into_iter().for_each(|row| codes.push(row.as_slice()));
        codes
    }

    /// Takes rows as a file has them: `dim` codes each, from a place on, with their scales and errors.
    ///
    /// They are left in the file where its rows are whole lines.
    pub(crate) fn of_file(
        dim: usize,
        content: &FileContent,
        start: usize,
        scales: Vec<f32>,
        errors: Vec<f32>,
    ) -> Self {
        let range = start..start + dim * scales.len();
        let is_whole =
            dim.is_multiple_of(LINE) && Line::in_bytes(&content[range.clone()]).is_some();
        let lines = if is_whole {
            Lines::Kept(content.clone(), range)
        } else {
            Lines::Made(padded(dim, &content[range]))
        };
        let greatest_error = errors.iter().copied().fold(0.0, f32::max);
        let mut codes = Self { dim, lines, scales, errors, greatest_error, reach: 0.0 };
        codes.reach = (0..codes.len()).map(|row| codes.length(row)).fold(0.0, f32::max);
        codes
    }

    /// Appends a vector that is finite and not zero.
    ///
    /// # Panics
    ///
    /// Panics where the codes are those of a file.
    pub(crate) fn push(&mut self, numbers: &[f32]) {
        // Adding it rounds to a whole number, for the sum has no bits left for parts of one.
        const ROUNDING: f32 = 12_582_912.0;
        let greatest = numbers.iter().fold(0.0_f32, |greatest, number| greatest.max(number.abs()));
        let scale = greatest / GREATEST;
        let mut squared = 0.0;
        let Lines::Made(lines) = &mut self.lines else { panic!("files are not changed") };
        for numbers in numbers.chunks(LINE) {
            let mut line = Line::ZERO;
            for (code, number) in line.0.iter_mut().zip(numbers) {
                let rounded = (number / scale + ROUNDING) - ROUNDING;
                *code = rounded.clamp(-GREATEST, GREATEST) as i8;
                squared += (number - scale * f32::from(*code)).powi(2);
            }
            lines.push(line);
        }
        self.scales.push(scale);
        // A little more than the sum's own rounding could have lost.
        let error = squared.sqrt() * 1.0001;
        self.errors.push(error);
        self.greatest_error = self.greatest_error.max(error);
        self.reach = self.reach.max(self.length(self.len() - 1));
    }

    /// Returns the number of rows.
    pub(crate) fn len(&self) -> usize {
        self.scales.len()
    }

    /// Returns the codes of a row as a file has them.
    pub(crate) fn row(&self, row: usize) -> impl Iterator<Item = i8> {
        self.lines(row..row + 1).iter().flat_map(|line| line.0).take(self.dim)
    }

    /// Returns the numbers that a row's codes stand for.
    pub(crate) fn numbers(&self, row: usize) -> Vec<f32> {
        let scale = self.scales[row];
        self.row(row).map(|code| scale * f32::from(code)).collect()
    }

    /// Appends a row of others of the same length.
    ///
    /// # Panics
    ///
    /// Panics where the codes are those of a file.
    pub(crate) fn push_row_of(&mut self, other: &Self, row: usize) {
        let Lines::Made(lines) = &mut self.lines else { panic!("files are not changed") };
        lines.extend_from_slice(other.lines(row..row + 1));
        self.scales.push(other.scales[row]);
        self.errors.push(other.errors[row]);
        self.greatest_error = self.greatest_error.max(other.errors[row]);
        self.reach = self.reach.max(other.reach);
    }

    /// Returns the same rows, of which all but the first numbers are zero.
    pub(crate) fn with_dim(self, dim: usize) -> Self {
        Self { dim, ..self }
    }

    /// Returns the length of a vector.
    pub(crate) fn dim(&self) -> usize {
        self.dim
    }

    /// Returns the scale of each row.
    pub(crate) fn scales(&self) -> &[f32] {
        &self.scales
    }

    /// Returns the error of each row: how far it is from its codes times its scale.
    pub(crate) fn errors(&self) -> &[f32] {
        &self.errors
    }

    /// Returns the greatest error of a row.
    pub(crate) fn greatest_error(&self) -> f32 {
        self.greatest_error
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
            let (lines, scales) = (self.lines(rows.clone()), &self.scales[rows]);
            // One prompt apart, because most questions are one, and the compiler scores several rows at a time then.
            if let [prompt_scale] = prompts.scales[..] {
                kernel.dot(prompts.lines.as_slice(), lines, products);
                for ((score, product), scale) in scores.iter_mut().zip(products).zip(scales) {
                    *score = cosine_of(*product, scale * prompt_scale);
                }
                continue;
            }
            kernel.product(prompts.lines.as_slice(), lines, self.n_lines(), products);
            let tables = scores.chunks_exact_mut(n_prompts).zip(products.chunks_exact(n_prompts));
            for ((scores, products), scale) in tables.zip(scales) {
                let pairs = products.iter().zip(&prompts.scales);
                for (score, (product, prompt_scale)) in scores.iter_mut().zip(pairs) {
                    *score = cosine_of(*product, scale * prompt_scale);
                }
            }
        }
    }

    /// Returns the scores of some rows, which lie anywhere, with the first prompt.
    pub(crate) fn score_some(&self, rows: &[u32], prompts: &Self) -> Vec<f32> {
        let mut products = vec![0; rows.len()];
        let query = prompts.lines(0..1);
        Kernel::best().gather(query, self.lines.as_slice(), rows, &mut products);
        let scale = |row: &u32| self.scales[*row as usize] * prompts.scales[0];
        rows.iter().zip(products).map(|(row, product)| cosine_of(product, scale(row))).collect()
    }

    /// Returns what is added to a row's own error to bound how far its score with a prompt of that
    /// error is from the cosine.
    pub(crate) fn bound(&self, prompt_error: f32) -> f32 {
        // What sums of rounded numbers may lose, ours and those of the cosine.
        let rounding = (self.dim + 16) as f32 * f32::EPSILON;
        prompt_error * self.reach + rounding
    }

    /// Returns how far a score with the first of these as a prompt is from the cosine, in all likelihood.
    ///
    /// An error that points anywhere has its length over the root of the dimension along the other vector, and there are
    /// two such errors, the prompt's and about as much of the row. Four deviations are exceeded once in ten thousand times.
    pub(crate) fn likely_bound(&self) -> f32 {
        const DEVIATIONS: f32 = 4.0;
        DEVIATIONS * self.errors[0] * (2.0 / self.dim as f32).sqrt()
    }

    /// Reads every code once and returns a sum of them: the least that a scan has to do.
    pub(crate) fn read(&self) -> u64 {
        let mut sums = [0_u64; 8];
        for line in self.lines.as_slice() {
            for (sum, codes) in sums.iter_mut().zip(line.0.as_chunks().0) {
                *sum = sum.wrapping_add(u64::from_ne_bytes(codes.map(i8::cast_unsigned)));
            }
        }
        sums.into_iter().fold(0, u64::wrapping_add)
    }

    /// Returns the lines of some rows.
    pub(crate) fn lines(&self, rows: Range<usize>) -> &[Line] {
        &self.lines.as_slice()[rows.start * self.n_lines()..rows.end * self.n_lines()]
    }

    /// Returns how many lines a row has.
    pub(crate) fn n_lines(&self) -> usize {
        self.dim.div_ceil(LINE)
    }

    /// Returns the length of a row's codes times its scale, a little more rather than less.
    fn length(&self, row: usize) -> f32 {
        let lines = self.lines(row..row + 1);
        let mut product = [0];
        Kernel::best().dot(lines, lines, &mut product);
        (product[0] as f32).sqrt() * self.scales[row] * 1.0001
    }
}

/// Returns the cosine that a product of codes stands for.
fn cosine_of(product: i32, scale: f32) -> f32 {
    (product as f32 * scale).clamp(-1.0, 1.0)
}

/// Returns rows of `dim` codes as lines.
fn padded(dim: usize, codes: &[u8]) -> Vec<Line> {
    let parts = codes.chunks_exact(dim).flat_map(|row| row.chunks(LINE));
    let padded = |part: &[u8]| {
        let mut line = Line::ZERO;
        line.0.iter_mut().zip(part).for_each(|(to, code)| *to = code.cast_signed());
        line
    };
    parts.map(padded).collect()
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
                let some = codes.score_some(&[599, 7], &prompt_codes);
                assert_eq!(some, [scores[599], scores[7]]);
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
        for dim in [64, 70] {
            let vectors = random_embeddings(dim, 9, &mut Pcg64Mcg::seed_from_u64(5));
            let codes = Codes::of(dim, &vectors);
            let rows: Vec<u8> =
                (0..9).flat_map(|row| codes.row(row)).map(i8::cast_unsigned).collect();
            // Wherever the bytes begin, whether they can be used as they are or not.
            for start in 0..64 {
                let content = FileContent::from([vec![0; start], rows.clone()].concat());
                let [scales, errors] = [codes.scales().to_vec(), codes.errors().to_vec()];
                let read = Codes::of_file(dim, &content, start, scales, errors);
                assert_eq!(read.lines.as_slice(), codes.lines.as_slice());
                assert_eq!((read.reach, read.read()), (codes.reach, codes.read()));
            }
        }
    }
}
