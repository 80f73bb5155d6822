//! Vectors of unit length.

use crate::error::{Error, Result};

/// A vector of unit length in the shared space of signals and texts.
#[derive(Debug, Clone, PartialEq)]
pub struct Embedding(Vec<f32>);

impl Embedding {
    /// Scales a vector to unit length.
    ///
    /// # Errors
    ///
    /// [`Error::NoDirection`] if the vector is zero or contains a value that is not finite.
    pub fn new(mut vector: Vec<f32>) -> Result<Self> {
        let norm = vector.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>().sqrt();
        let problem = match norm {
            0.0 => "is zero",
            _ if !norm.is_finite() => "contains a value that is not finite",
            _ => {
                vector.iter_mut().for_each(|x| *x = (f64::from(*x) / norm) as f32);
                return Ok(Self(vector));
            }
        };
        Err(Error::NoDirection { dim: vector.len(), problem })
    }

    /// Creates an embedding from a vector that had unit length before it was rounded to half precision.
    ///
    /// Its values stay as they are, so that rounding them again changes nothing.
    /// A vector whose length differs from 1 by 0.001 or more is scaled to unit length.
    ///
    /// # Errors
    ///
    /// Those of [`new`](Self::new).
    pub fn from_rounded(vector: Vec<f32>) -> Result<Self> {
        let squares: f64 = vector.iter().map(|x| f64::from(*x).powi(2)).sum();
        if (squares.sqrt() - 1.0).abs() < 1e-3 { Ok(Self(vector)) } else { Self::new(vector) }
    }

    /// Returns the mean direction of embeddings: their sum, scaled to unit length (a prompt ensemble).
    ///
    /// # Errors
    ///
    /// [`Error::NoDirection`] if they cancel out or there are none.
    pub fn mean<'a>(embeddings: impl IntoIterator<Item = &'a Self>) -> Result<Self> {
        let mut sum = Vec::new();
        for embedding in embeddings {
            sum.resize(embedding.dim(), 0.0);
            sum.iter_mut().zip(&embedding.0).for_each(|(sum, x)| *sum += x);
        }
        Self::new(sum)
    }

    /// Returns the values.
    pub fn as_slice(&self) -> &[f32] {
        &self.0
    }

    /// Returns the number of values.
    pub fn dim(&self) -> usize {
        self.0.len()
    }

    /// Returns the cosine of the angle between two embeddings, in `[-1, 1]` up to rounding.
    ///
    /// # Panics
    ///
    /// Panics if the embeddings differ in length.
    pub fn cosine(&self, other: &Self) -> f32 {
        assert_eq!(self.dim(), other.dim(), "embeddings of one space have the same length");
        self.0.iter().zip(&other.0).map(|(a, b)| a * b).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn embeddings_have_unit_length() {
        let embedding = Embedding::new(vec![3.0, 4.0]).unwrap();
        assert_eq!(embedding.as_slice(), [0.6, 0.8]);
        assert!((embedding.cosine(&embedding) - 1.0).abs() < 1e-6);
    }

    #[test]
    fn rounded_vectors_are_not_changed() {
        let rounded = vec![0.600_097_66, 0.799_804_7];
        assert_eq!(Embedding::from_rounded(rounded.clone()).unwrap().as_slice(), rounded);
        assert_eq!(Embedding::from_rounded(vec![3.0, 4.0]).unwrap().as_slice(), [0.6, 0.8]);
        Embedding::from_rounded(vec![f32::NAN, 1.0]).unwrap_err();
    }

    #[test]
    fn vectors_without_direction_are_rejected() {
        let message = |vector| Embedding::new(vector).unwrap_err().to_string();
        assert_eq!(message(vec![0.0, 0.0]), "a vector of 2 numbers is zero; it has no direction");
        assert_eq!(
            message(vec![f32::NAN]),
            "a vector of 1 numbers contains a value that is not finite; it has no direction"
        );
    }
}
