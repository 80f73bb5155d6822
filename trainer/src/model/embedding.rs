//! An embedding table.

use burn::module::{Module, Param};
use burn::tensor::backend::Backend;
use burn::tensor::{Device, Int, Tensor};

use super::zeros;

/// A table of vectors, looked up by row.
#[derive(Module, Debug)]
pub struct EmbeddingTable<B: Backend> {
    /// `[rows, width]`.
    pub weight: Param<Tensor<B, 2>>,
}

impl<B: Backend> EmbeddingTable<B> {
    /// Builds a table.
    pub fn zeros(rows: usize, width: usize, device: &Device<B>) -> Self {
        Self { weight: zeros([rows, width], device) }
    }

    /// Returns the vectors `[n, width]` of `[n]` rows.
    pub fn forward(&self, rows: Tensor<B, 1, Int>) -> Tensor<B, 2> {
        self.weight.val().select(0, rows)
    }
}
