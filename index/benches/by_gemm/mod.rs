//! Labels computed by a product of matrices in single precision with the crate `gemm`, for comparison.

use std::thread;

use anyhow::Result;
use nocturne_encoder::Embedding;
use nocturne_index::{ExactIndex, VectorIndex};

/// Number of rows whose products with all prompts are computed at a time, so that they stay in the second-level cache.
const ROWS: usize = 960;

/// All epochs and some prompts, stored by rows.
pub(crate) struct Matrices {
    dim: usize,
    epochs: Vec<f32>,
    prompts: Vec<f32>,
}

impl Matrices {
    /// Copies the vectors of an index, in the order of its recordings.
    pub(crate) fn of(index: &ExactIndex, prompts: &[Embedding]) -> Result<Self> {
        let mut epochs = Vec::new();
        for recording in index.recordings() {
            let vectors = recording?.vectors();
            for row in 0..vectors.len() {
                epochs.extend_from_slice(vectors.embedding(row)?.as_slice());
            }
        }
        let prompts: Vec<f32> = prompts.iter().flat_map(Embedding::as_slice).copied().collect();
        Ok(Self { dim: index.space().dim, epochs, prompts })
    }

    /// Returns the prompt with the highest product for each epoch.
    pub(crate) fn labels(&self, n_threads: usize) -> Vec<usize> {
        let n_epochs = self.epochs.len() / self.dim;
        let chunk_length = n_epochs.div_ceil(n_threads).max(1) * self.dim;
        thread::scope(|scope| {
            let chunks = self.epochs.chunks(chunk_length);
            let threads: Vec<_> =
                chunks.map(|chunk| scope.spawn(move || self.labels_of(chunk))).collect();
            let labels = threads
                .into_iter()
                .map(|thread| thread.join().expect("computing labels does not panic"));
            labels.collect::<Vec<_>>().concat()
        })
    }

    fn labels_of(&self, epochs: &[f32]) -> Vec<usize> {
        let n_prompts = self.prompts.len() / self.dim;
        let mut products = vec![0.0; ROWS * n_prompts];
        let mut labels = Vec::with_capacity(epochs.len() / self.dim);
        for epochs in epochs.chunks(ROWS * self.dim) {
            let products = &mut products[..epochs.len() / self.dim * n_prompts];
            multiply(epochs, &self.prompts, self.dim, products);
            labels.extend(products.chunks_exact(n_prompts).map(crate::argmax));
        }
        labels
    }
}

/// Writes the products of each row with all columns, where rows and columns are contiguous vectors of `dim` numbers.
#[expect(unsafe_code, reason = "the library takes matrices as pointers")]
fn multiply(rows: &[f32], columns: &[f32], dim: usize, products: &mut [f32]) {
    let (n_rows, n_columns) = (rows.len() / dim, columns.len() / dim);
    assert_eq!(
        (rows.len(), columns.len(), products.len()),
        (n_rows * dim, n_columns * dim, n_rows * n_columns)
    );
    let (width, height) = (n_columns as isize, dim as isize);
    // SAFETY: by the assertion above, each matrix with these strides is within its slice.
    unsafe {
        gemm::gemm(
            n_rows,
            n_columns,
            dim,
            products.as_mut_ptr(),
            1,
            width,
            false,
            rows.as_ptr(),
            1,
            height,
            columns.as_ptr(),
            height,
            1,
            0.0,
            1.0,
            false,
            false,
            false,
            gemm::Parallelism::None,
        );
    }
}
