//! Vectors quantised to 8 bits per dimension, and a proven bound on the error of their scores.
//!
//! A row `x` is stored as integer codes and one scale; it is reconstructed as `x' = scale · codes`. The length of
//! `x − x'` is stored beside it as its quantisation error. A query `q` of unit length is quantised to `q'` in the same
//! way, and then
//!
//! ```text
//! |q·x − q'·x'|  ≤  |q·(x − x')| + |(q − q')·x'|  ≤  ‖x − x'‖ + ‖q − q'‖ · ‖x'‖
//! ```
//!
//! The codes alone therefore prove which rows cannot be among the nearest; only the others are rescored from their
//! vectors. That is what makes the scan of 8-bit codes exact.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use nocturne_encoder::Embedding;

use super::kernel::{Kernel, LINE, Line};

/// Largest code; the smallest is its negative.
const MAX_CODE: f32 = 127.0;

/// Rows scored at a time, so that their products stay in the first-level cache.
const BLOCK_ROWS: usize = 256;

/// Factor that makes a computed length an upper bound: more than the rounding errors of its sum can take away.
const ROUND_UP: f32 = 1.0001;

/// Bytes owned by someone else, such as a mapped file.
pub(crate) type SharedBytes = Arc<dyn AsRef<[u8]> + Send + Sync>;

/// Vectors of one dimension, quantised to 8 bits.
#[derive(Debug, Clone)]
pub(crate) struct Int8Codes {
    dim: usize,
    lines: Lines,
    scales: Vec<f32>,
    /// For each row, the length of the difference between the vector and its reconstruction.
    errors: Vec<f32>,
    max_error: f32,
    /// Upper bound of the length of a reconstructed row.
    max_length: f32,
}

/// The codes of all rows, each row padded to whole lines.
#[derive(Clone)]
enum Lines {
    Owned(Vec<Line>),
    /// A range of bytes that has passed [`Line::in_bytes`].
    Shared(SharedBytes, Range<usize>),
}

impl Lines {
    fn as_slice(&self) -> &[Line] {
        match self {
            Self::Owned(lines) => lines,
            Self::Shared(bytes, range) => Line::in_bytes(&(**bytes).as_ref()[range.clone()])
                .expect("`from_bytes` has checked alignment and length"),
        }
    }

    /// Returns the owned lines.
    ///
    /// # Panics
    ///
    /// Panics if the lines are shared.
    fn owned(&mut self) -> &mut Vec<Line> {
        match self {
            Self::Owned(lines) => lines,
            Self::Shared(..) => panic!("rows are appended to owned codes only"),
        }
    }
}

impl fmt::Debug for Lines {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} lines", self.as_slice().len())
    }
}

impl Int8Codes {
    /// Returns an empty set of codes with room for `n_rows` rows.
    pub(crate) fn with_capacity(dim: usize, n_rows: usize) -> Self {
        Self {
            dim,
            lines: Lines::Owned(Vec::with_capacity(n_rows * dim.div_ceil(LINE))),
            scales: Vec::with_capacity(n_rows),
            errors: Vec::with_capacity(n_rows),
            max_error: 0.0,
            max_length: 0.0,
        }
    }

    /// Quantises embeddings.
    pub(crate) fn of<'a>(dim: usize, rows: impl IntoIterator<Item = &'a Embedding>) -> Self {
        let mut codes = Self::with_capacity(dim, 0);
        rows.into_iter().for_each(|row| codes.push(row.as_slice()));
        codes
    }

    /// Reads codes stored as `dim` bytes per row from `start` on, one row for each scale and error.
    ///
    /// They are used in place if `dim` is a multiple of a line and the bytes are aligned, and copied otherwise.
    pub(crate) fn from_bytes(
        dim: usize,
        bytes: &SharedBytes,
        start: usize,
        scales: Vec<f32>,
        errors: Vec<f32>,
    ) -> Self {
        let range = start..start + dim * scales.len();
        let content = &(**bytes).as_ref()[range.clone()];
        let is_usable_in_place = dim.is_multiple_of(LINE) && Line::in_bytes(content).is_some();
        let lines = if is_usable_in_place {
            Lines::Shared(Arc::clone(bytes), range)
        } else {
            Lines::Owned(padded(dim, content))
        };
        let max_error = errors.iter().copied().fold(0.0, f32::max);
        let mut codes = Self { dim, lines, scales, errors, max_error, max_length: 0.0 };
        codes.max_length = (0..codes.len()).map(|row| codes.length(row)).fold(0.0, f32::max);
        codes
    }

    /// Quantises and appends a vector that is finite and not zero.
    ///
    /// # Panics
    ///
    /// Panics if the codes are used in place from a file.
    pub(crate) fn push(&mut self, vector: &[f32]) {
        // 1.5 · 2²³. A sum with it has no bits left for a fraction, so adding and subtracting it rounds to an integer;
        // `f32::round` is not vectorised.
        const ROUNDING: f32 = 12_582_912.0;
        let max_abs = vector.iter().fold(0.0_f32, |max_abs, value| max_abs.max(value.abs()));
        let scale = max_abs / MAX_CODE;
        let mut squared_error = 0.0;
        let lines = self.lines.owned();
        for values in vector.chunks(LINE) {
            let mut line = Line::ZERO;
            for (code, value) in line.0.iter_mut().zip(values) {
                let rounded = (value / scale + ROUNDING) - ROUNDING;
                *code = rounded.clamp(-MAX_CODE, MAX_CODE) as i8;
                squared_error += (value - scale * f32::from(*code)).powi(2);
            }
            lines.push(line);
        }
        let error = squared_error.sqrt() * ROUND_UP;
        self.scales.push(scale);
        self.errors.push(error);
        self.max_error = self.max_error.max(error);
        self.max_length = self.max_length.max(self.length(self.len() - 1));
    }

    /// Appends a row of other codes of the same dimension.
    ///
    /// # Panics
    ///
    /// Panics if the codes are used in place from a file.
    pub(crate) fn push_row_of(&mut self, other: &Self, row: usize) {
        self.lines.owned().extend_from_slice(other.lines(row..row + 1));
        self.scales.push(other.scales[row]);
        self.errors.push(other.errors[row]);
        self.max_error = self.max_error.max(other.errors[row]);
        self.max_length = self.max_length.max(other.max_length);
    }

    /// Returns the same rows with the dimension reduced to `dim`; all values beyond it must be zero.
    pub(crate) fn with_dim(self, dim: usize) -> Self {
        Self { dim, ..self }
    }

    /// Returns the number of rows.
    pub(crate) fn len(&self) -> usize {
        self.scales.len()
    }

    /// Returns the dimension of the vectors.
    pub(crate) fn dim(&self) -> usize {
        self.dim
    }

    /// Returns the codes of a row without padding, as they are stored in a file.
    pub(crate) fn row(&self, row: usize) -> impl Iterator<Item = i8> {
        self.lines(row..row + 1).iter().flat_map(|line| line.0).take(self.dim)
    }

    /// Returns the reconstruction of a row: its codes times its scale.
    pub(crate) fn reconstruct(&self, row: usize) -> Vec<f32> {
        let scale = self.scales[row];
        self.row(row).map(|code| scale * f32::from(code)).collect()
    }

    /// Returns the scale of each row.
    pub(crate) fn scales(&self) -> &[f32] {
        &self.scales
    }

    /// Returns the quantisation error of each row: the length of the vector minus its reconstruction.
    pub(crate) fn errors(&self) -> &[f32] {
        &self.errors
    }

    /// Returns the largest quantisation error of a row.
    pub(crate) fn max_error(&self) -> f32 {
        self.max_error
    }

    /// Returns the lines of a range of rows.
    pub(crate) fn lines(&self, rows: Range<usize>) -> &[Line] {
        &self.lines.as_slice()[rows.start * self.n_lines()..rows.end * self.n_lines()]
    }

    /// Returns the number of lines per row.
    pub(crate) fn n_lines(&self) -> usize {
        self.dim.div_ceil(LINE)
    }

    /// Computes the scores of a range of rows with all queries into a table: one row per row, one column per query.
    pub(crate) fn score(&self, rows: Range<usize>, queries: &Self, scores: &mut [f32]) {
        let n_queries = queries.len();
        if n_queries == 0 {
            return;
        }
        let kernel = Kernel::best();
        let mut products = vec![0; BLOCK_ROWS * n_queries];
        let blocks = scores.chunks_mut(BLOCK_ROWS * n_queries);
        for (start, scores) in rows.step_by(BLOCK_ROWS).zip(blocks) {
            let rows = start..start + scores.len() / n_queries;
            let products = &mut products[..scores.len()];
            let (lines, scales) = (self.lines(rows.clone()), &self.scales[rows]);
            // Most searches have one query; without the inner loop the compiler scores several rows per instruction.
            if let [query_scale] = queries.scales[..] {
                kernel.dot(queries.lines.as_slice(), lines, products);
                for ((score, product), scale) in scores.iter_mut().zip(products).zip(scales) {
                    *score = cosine(*product, scale * query_scale);
                }
                continue;
            }
            kernel.product(queries.lines.as_slice(), lines, self.n_lines(), products);
            let tables = scores.chunks_exact_mut(n_queries).zip(products.chunks_exact(n_queries));
            for ((scores, products), scale) in tables.zip(scales) {
                let pairs = products.iter().zip(&queries.scales);
                for (score, (product, query_scale)) in scores.iter_mut().zip(pairs) {
                    *score = cosine(*product, scale * query_scale);
                }
            }
        }
    }

    /// Returns the scores of the given rows, in any order, with the first query.
    pub(crate) fn score_rows(&self, rows: &[u32], queries: &Self) -> Vec<f32> {
        let mut products = vec![0; rows.len()];
        let query = queries.lines(0..1);
        Kernel::best().gather(query, self.lines.as_slice(), rows, &mut products);
        let scale = |row: &u32| self.scales[*row as usize] * queries.scales[0];
        rows.iter().zip(products).map(|(row, product)| cosine(product, scale(row))).collect()
    }

    /// Returns the part of the error bound that all rows share, for a query with this quantisation error.
    ///
    /// The score of a row differs from the cosine by at most this plus the row's own [error](Self::errors).
    pub(crate) fn bound(&self, query_error: f32) -> f32 {
        // `dim` rounded additions in our sum and in that of the cosine, and a few operations around them.
        let rounding = (self.dim + 16) as f32 * f32::EPSILON;
        query_error * self.max_length + rounding
    }

    /// Returns an error bound for the first row as a query that holds with high probability instead of certainty.
    ///
    /// An error in a random direction has, along another vector, a standard deviation of its length over the root of
    /// the dimension. Two such errors add up: that of the query and one of about the same size of the row. Four
    /// standard deviations are exceeded once in ten thousand times.
    pub(crate) fn likely_bound(&self) -> f32 {
        const DEVIATIONS: f32 = 4.0;
        DEVIATIONS * self.errors[0] * (2.0 / self.dim as f32).sqrt()
    }

    /// Reads every code once and returns a sum: the least work a scan can do, for comparison in benchmarks.
    pub(crate) fn checksum(&self) -> u64 {
        // Several sums, so that an addition need not wait for the previous one.
        let mut sums = [0_u64; 8];
        for line in self.lines.as_slice() {
            for (sum, codes) in sums.iter_mut().zip(line.0.as_chunks().0) {
                *sum = sum.wrapping_add(u64::from_ne_bytes(codes.map(i8::cast_unsigned)));
            }
        }
        sums.into_iter().fold(0, u64::wrapping_add)
    }

    /// Returns an upper bound of the length of a reconstructed row.
    fn length(&self, row: usize) -> f32 {
        let lines = self.lines(row..row + 1);
        let mut product = [0];
        Kernel::best().dot(lines, lines, &mut product);
        (product[0] as f32).sqrt() * self.scales[row] * ROUND_UP
    }
}

/// Returns the cosine of two quantised vectors, given the product of their codes and the product of their scales.
fn cosine(product: i32, scale: f32) -> f32 {
    (product as f32 * scale).clamp(-1.0, 1.0)
}

/// Returns rows of `dim` codes as rows of whole lines.
fn padded(dim: usize, codes: &[u8]) -> Vec<Line> {
    let pieces = codes.chunks_exact(dim).flat_map(|row| row.chunks(LINE));
    let padded = |piece: &[u8]| {
        let mut line = Line::ZERO;
        line.0.iter_mut().zip(piece).for_each(|(to, code)| *to = code.cast_signed());
        line
    };
    pieces.map(padded).collect()
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
    fn scores_are_within_their_bound() {
        let mut random = Pcg64Mcg::seed_from_u64(3);
        for dim in [1, 2, 8, 63, 64, 65, 512] {
            let vectors = random_embeddings(dim, 600, &mut random);
            let queries = random_embeddings(dim, 5, &mut random);
            let codes = Int8Codes::of(dim, &vectors);
            let mut table = vec![0.0; 600 * 5];
            codes.score(0..600, &Int8Codes::of(dim, &queries), &mut table);
            for (column, query) in queries.iter().enumerate() {
                let query_codes = Int8Codes::of(dim, [query]);
                let bound = codes.bound(query_codes.errors()[0]);
                let mut scores = vec![0.0; 600];
                codes.score(0..600, &query_codes, &mut scores);
                assert_eq!(codes.score_rows(&[599, 7], &query_codes), [scores[599], scores[7]]);
                for (row, vector) in vectors.iter().enumerate() {
                    let distance = (scores[row] - query.cosine(vector)).abs();
                    assert!(distance <= bound + codes.errors()[row], "{dim}: {distance}");
                    assert_eq!(scores[row], table[row * 5 + column]);
                }
            }
        }
    }

    #[test]
    fn quantisation_errors_are_small() {
        let vectors = random_embeddings(512, 100, &mut Pcg64Mcg::seed_from_u64(4));
        let codes = Int8Codes::of(512, &vectors);
        assert!(codes.errors().iter().all(|error| (0.001..0.01).contains(error)));
    }

    #[test]
    fn rows_in_place_and_copied_rows_are_the_same() {
        for dim in [64, 70] {
            let vectors = random_embeddings(dim, 9, &mut Pcg64Mcg::seed_from_u64(5));
            let codes = Int8Codes::of(dim, &vectors);
            let rows: Vec<u8> =
                (0..9).flat_map(|row| codes.row(row)).map(i8::cast_unsigned).collect();
            // Every alignment: with one of them the bytes are used in place, with the others they are copied.
            for start in 0..64 {
                let bytes: SharedBytes = Arc::new([vec![0; start], rows.clone()].concat());
                let [scales, errors] = [codes.scales().to_vec(), codes.errors().to_vec()];
                let read = Int8Codes::from_bytes(dim, &bytes, start, scales, errors);
                assert_eq!(read.lines.as_slice(), codes.lines.as_slice());
                assert_eq!(
                    (read.max_length, read.checksum()),
                    (codes.max_length, codes.checksum())
                );
            }
        }
    }
}
