//! Embeddings of a recording in half precision, and the cosine of a query with each of them.

use half::f16;
use half::slice::HalfFloatSliceExt;
use nocturne_encoder::Embedding;

/// Embeddings by rows, 2 bytes a number.
///
/// Half precision changes a cosine by less than 0.001.
#[derive(Debug, Clone, PartialEq)]
pub struct Vectors {
    dim: usize,
    values: Vec<f16>,
}

impl Vectors {
    /// Takes whole rows, each of which must have a direction.
    pub(crate) fn new(dim: usize, values: Vec<f16>) -> Result<Self, InvalidVectors> {
        if let Some(at) = values.iter().position(|value| !value.is_finite()) {
            return Err(InvalidVectors { at, problem: "has a number that is not finite" });
        }
        let zero = |row: &[f16]| row.iter().all(|value| value.to_f32() == 0.0);
        if let Some(row) = values.chunks_exact(dim).position(zero) {
            return Err(InvalidVectors { at: row * dim, problem: "has a row of zeros" });
        }
        Ok(Self { dim, values })
    }

    /// Returns how many rows there are.
    pub fn len(&self) -> usize {
        self.values.len() / self.dim
    }

    /// Returns whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Returns the length of a row.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Returns a row as an embedding.
    ///
    /// # Panics
    ///
    /// Panics where there is no such row.
    pub fn embedding(&self, row: usize) -> Embedding {
        let mut numbers = vec![0.0; self.dim];
        self.copy_row(row, &mut numbers);
        Embedding::new(numbers).expect("`new` refuses rows without direction")
    }

    /// Returns a row as it is kept: half precision, little-endian.
    ///
    /// # Panics
    ///
    /// Panics where there is no such row.
    pub fn row_bytes(&self, row: usize) -> Vec<u8> {
        let halves = &self.values[row * self.dim..][..self.dim];
        halves.iter().flat_map(|half| half.to_le_bytes()).collect()
    }

    /// Writes a row into `numbers`, which must be as long as a row.
    pub(crate) fn copy_row(&self, row: usize, numbers: &mut [f32]) {
        self.values[row * self.dim..][..self.dim].convert_to_f32_slice(numbers);
    }

    /// Calls `visit` with each row that `wanted` accepts, in order.
    pub(crate) fn for_each(
        &self,
        wanted: impl Fn(usize) -> bool,
        mut visit: impl FnMut(usize, &[f32]),
    ) {
        // One row at a time stays in the first-level cache between conversion and product.
        let mut numbers = vec![0.0; self.dim];
        for row in (0..self.len()).filter(|row| wanted(*row)) {
            self.copy_row(row, &mut numbers);
            visit(row, &numbers);
        }
    }
}

/// Values that are no vectors.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct InvalidVectors {
    /// Position of the first value that is out of place.
    pub(crate) at: usize,
    pub(crate) problem: &'static str,
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
        let mut bytes = Vec::new();
        extend_with_half(&mut bytes, &embedding);
        let values = bytes.as_chunks().0.iter().map(|half| f16::from_le_bytes(*half)).collect();
        let vectors = Vectors::new(512, values).unwrap();
        assert!(vectors.embedding(0).cosine(&embedding) > 0.999_999);
        let score = cosine(vectors.embedding(0).as_slice(), embedding.as_slice());
        assert!((score - 1.0).abs() < 1e-6);
    }

    #[test]
    fn values_without_direction_are_refused() {
        let refused = |values: &[f32]| {
            Vectors::new(2, values.iter().copied().map(f16::from_f32).collect()).unwrap_err()
        };
        let zeros = InvalidVectors { at: 2, problem: "has a row of zeros" };
        assert_eq!(refused(&[1.0, 0.0, 0.0, -0.0]), zeros);
        let infinite = InvalidVectors { at: 1, problem: "has a number that is not finite" };
        assert_eq!(refused(&[1.0, f32::INFINITY]), infinite);
    }
}
