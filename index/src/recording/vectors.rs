//! Embeddings of a recording in half precision, and the cosine of a query with each of them.

use std::sync::Arc;

use half::f16;
use half::slice::HalfFloatSliceExt;
use nocturne_encoder::Embedding;

use crate::error::{Error, Result};
use crate::storage::segment::Segment;

/// Embeddings by rows, 2 bytes a number, which stay in the recording's file: each that is asked for is copied.
///
/// Half precision changes a cosine by less than 0.001.
#[derive(Debug, Clone)]
pub struct Vectors {
    segment: Arc<Segment>,
    /// The section that they are in.
    name: &'static str,
    /// Where the first row begins in the file.
    offset: usize,
    n: usize,
    dim: usize,
}

impl Vectors {
    /// Takes `n` rows of a segment, which is long enough for them.
    pub(crate) fn new(
        segment: Arc<Segment>,
        name: &'static str,
        offset: usize,
        n: usize,
        dim: usize,
    ) -> Self {
        Self { segment, name, offset, n, dim }
    }

    /// Returns how many rows there are.
    pub fn len(&self) -> usize {
        self.n
    }

    /// Returns whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.n == 0
    }

    /// Returns the length of a row.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Returns a row as an embedding.
    ///
    /// # Errors
    ///
    /// [`Error::DamagedSegment`] where the file is not what was written.
    ///
    /// # Panics
    ///
    /// Panics where there is no such row.
    pub fn embedding(&self, row: usize) -> Result<Embedding> {
        let mut numbers = vec![0.0; self.dim];
        self.copy_row(row, &mut numbers)?;
        Ok(Embedding::new(numbers).expect("`copy_row` refuses rows without direction"))
    }

    /// Returns a row as it is kept: half precision, little-endian.
    ///
    /// # Errors
    ///
    /// [`Error::DamagedSegment`] where the file is not what was written.
    ///
    /// # Panics
    ///
    /// Panics where there is no such row.
    pub fn row_bytes(&self, row: usize) -> Result<Vec<u8>> {
        let mut bytes = vec![0; 2 * self.dim];
        self.read(row, &mut bytes)?;
        Ok(bytes)
    }

    /// Writes a row into `numbers`, which must be as long as a row.
    pub(crate) fn copy_row(&self, row: usize, numbers: &mut [f32]) -> Result<()> {
        self.convert(row, &self.row_bytes(row)?, numbers)
    }

    /// Copies the bytes of rows from one on, as many as there is room for.
    fn read(&self, row: usize, bytes: &mut [u8]) -> Result<()> {
        let width = 2 * self.dim;
        assert!(width * row + bytes.len() <= width * self.n, "there are {} rows", self.n);
        self.segment.read(self.offset + width * row, bytes)
    }

    /// Converts the bytes of a row.
    fn convert(&self, row: usize, bytes: &[u8], numbers: &mut [f32]) -> Result<()> {
        /// Numbers that are converted at a time.
        const PART: usize = 64;
        const WITHOUT_SIGN: u16 = 0x7fff;
        let bytes = bytes.as_chunks().0;
        let mut halves = [f16::ZERO; PART];
        let mut greatest = f16::ZERO.to_bits();
        for (numbers, bytes) in numbers.chunks_mut(PART).zip(bytes.chunks(PART)) {
            let halves = &mut halves[..numbers.len()];
            for (half, bytes) in halves.iter_mut().zip(bytes) {
                *half = f16::from_le_bytes(*bytes);
                greatest = greatest.max(half.to_bits() & WITHOUT_SIGN);
            }
            halves.convert_to_f32_slice(numbers);
        }
        // Bits of numbers without a sign are in the order of the numbers; infinity and what is none come last.
        if (1..f16::INFINITY.to_bits()).contains(&greatest) {
            return Ok(());
        }
        Err(self.no_direction(row, numbers))
    }

    /// Calls `visit` with each row that `wanted` accepts, in order.
    pub(crate) fn for_each(
        &self,
        wanted: impl Fn(usize) -> bool,
        mut visit: impl FnMut(usize, &[f32]),
    ) -> Result<()> {
        /// Rows that are read at a time, as far as any of them is wanted: what is read stays in the second-level cache.
        const ROWS: usize = 64;
        let width = 2 * self.dim;
        let mut bytes = vec![0; ROWS.min(self.n) * width];
        let mut numbers = vec![0.0; self.dim];
        for start in (0..self.n).step_by(ROWS) {
            let rows = start..self.n.min(start + ROWS);
            let Some(first) = rows.clone().find(|row| wanted(*row)) else { continue };
            let bytes = &mut bytes[..(rows.end - first) * width];
            self.read(first, bytes)?;
            for row in (first..rows.end).filter(|row| wanted(*row)) {
                self.convert(row, &bytes[(row - first) * width..][..width], &mut numbers)?;
                visit(row, &numbers);
            }
        }
        Ok(())
    }

    /// Returns what is wrong with a row that is no embedding, which no writer of ours makes.
    fn no_direction(&self, row: usize, numbers: &[f32]) -> Error {
        let (place, problem) = match numbers.iter().position(|number| !number.is_finite()) {
            Some(place) => (place, "has a number that is not finite"),
            None => (0, "has a row of zeros"),
        };
        let offset = self.offset + 2 * (self.dim * row + place);
        self.segment.damaged(offset, format!("`{}` {problem}", self.name))
    }
}

/// Returns the cosine of two vectors of unit length and the same dimension, in `[-1, 1]`.
///
/// Every score of this crate comes from here, so that equal rows have equal scores whichever way they were found.
pub(crate) fn cosine(a: &[f32], b: &[f32]) -> f32 {
    const LANES: usize = 16;
    let (a_blocks, a_rest) = a.as_chunks::<LANES>();
    let (b_blocks, b_rest) = b.as_chunks::<LANES>();
    let mut sums = [0.0; LANES];
    for (a, b) in a_blocks.iter().zip(b_blocks) {
        for lane in 0..LANES {
            sums[lane] += a[lane] * b[lane];
        }
    }
    let rest: f32 = a_rest.iter().zip(b_rest).map(|(a, b)| a * b).sum();
    // Adding zero turns -0 into 0, so that the two are a tie.
    (sums.iter().sum::<f32>() + rest).clamp(-1.0, 1.0) + 0.0
}

/// Appends an embedding in half precision.
pub(crate) fn extend_with_half(values: &mut Vec<u8>, embedding: &Embedding) {
    values.extend(halves(embedding).iter().flat_map(|half| half.to_le_bytes()));
}

/// Returns the numbers of an embedding as half precision keeps them.
pub(crate) fn rounded_to_half(embedding: &Embedding) -> Vec<f32> {
    let halves = halves(embedding);
    let mut numbers = vec![0.0; halves.len()];
    halves.convert_to_f32_slice(&mut numbers);
    numbers
}

fn halves(embedding: &Embedding) -> Vec<f16> {
    let numbers = embedding.as_slice();
    let mut halves = vec![f16::ZERO; numbers.len()];
    halves.convert_from_f32_slice(numbers);
    halves
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn half_precision_keeps_the_direction() {
        let embedding = Embedding::new((0..512).map(|i| (i as f32).sin()).collect()).unwrap();
        let rounded = Embedding::new(rounded_to_half(&embedding)).unwrap();
        assert!(rounded.cosine(&embedding) > 0.999_999);
        let score = cosine(rounded.as_slice(), embedding.as_slice());
        assert!((score - 1.0).abs() < 1e-6);
    }
}
