//! Embeddings of a recording in half precision, read from its segment one by one.

use std::sync::Arc;

use nocturne_encoder::Embedding;

use super::SegmentFile;
use crate::error::{Error, Result};
use crate::vector::{NoDirection, f32_from_half};

/// Embeddings by rows, 2 bytes per value, which stay in the segment: each one is copied when it is asked for.
///
/// Half precision changes a cosine by less than 0.001.
#[derive(Debug, Clone)]
pub struct StoredVectors {
    file: Arc<SegmentFile>,
    /// The section that they are in.
    section: &'static str,
    /// Byte offset of the first row in the file.
    offset: usize,
    n: usize,
    dim: usize,
}

impl StoredVectors {
    /// Returns `n` rows of a segment, whose section is long enough for them.
    pub(super) fn new(
        file: Arc<SegmentFile>,
        section: &'static str,
        offset: usize,
        n: usize,
        dim: usize,
    ) -> Self {
        Self { file, section, offset, n, dim }
    }

    /// Returns the number of rows.
    pub fn len(&self) -> usize {
        self.n
    }

    /// Returns whether there are no rows.
    pub fn is_empty(&self) -> bool {
        self.n == 0
    }

    /// Returns the dimension.
    pub fn dim(&self) -> usize {
        self.dim
    }

    /// Returns a row as an embedding.
    ///
    /// # Errors
    ///
    /// [`Error::Damaged`] if the file is not what was written.
    ///
    /// # Panics
    ///
    /// Panics if there is no such row.
    pub fn embedding(&self, row: usize) -> Result<Embedding> {
        let mut vector = vec![0.0; self.dim];
        self.copy_row(row, &mut vector)?;
        Ok(Embedding::new(vector).expect("`copy_row` refuses rows without direction"))
    }

    /// Returns a row as it is stored: half precision, little-endian.
    ///
    /// # Errors
    ///
    /// [`Error::Damaged`] if the file is not what was written.
    ///
    /// # Panics
    ///
    /// Panics if there is no such row.
    pub fn row_bytes(&self, row: usize) -> Result<Vec<u8>> {
        let mut bytes = vec![0; 2 * self.dim];
        self.read(row, &mut bytes)?;
        Ok(bytes)
    }

    /// Copies a row into `vector`, which must have its dimension.
    pub(crate) fn copy_row(&self, row: usize, vector: &mut [f32]) -> Result<()> {
        self.convert(row, &self.row_bytes(row)?, vector)
    }

    /// Calls `visit` with each row that `is_selected` accepts, in order.
    pub(crate) fn for_each(
        &self,
        is_selected: impl Fn(usize) -> bool,
        mut visit: impl FnMut(usize, &[f32]),
    ) -> Result<()> {
        /// Rows read at a time; they stay in the second-level cache until they are converted.
        const BLOCK: usize = 64;
        let width = 2 * self.dim;
        let mut bytes = vec![0; BLOCK.min(self.n) * width];
        let mut vector = vec![0.0; self.dim];
        for start in (0..self.n).step_by(BLOCK) {
            let rows = start..self.n.min(start + BLOCK);
            // A block without a selected row is not read.
            let Some(first) = rows.clone().find(|row| is_selected(*row)) else { continue };
            let bytes = &mut bytes[..(rows.end - first) * width];
            self.read(first, bytes)?;
            for row in (first..rows.end).filter(|row| is_selected(*row)) {
                self.convert(row, &bytes[(row - first) * width..][..width], &mut vector)?;
                visit(row, &vector);
            }
        }
        Ok(())
    }

    /// Copies the bytes of consecutive rows, as many as fit.
    fn read(&self, row: usize, bytes: &mut [u8]) -> Result<()> {
        let width = 2 * self.dim;
        assert!(width * row + bytes.len() <= width * self.n, "there are {} rows", self.n);
        self.file.read(self.offset + width * row, bytes)
    }

    /// Converts the bytes of a row, and refuses a row that a writer of ours cannot have written.
    fn convert(&self, row: usize, bytes: &[u8], vector: &mut [f32]) -> Result<()> {
        f32_from_half(bytes, vector).map_err(|error| self.damaged(row, error))
    }

    fn damaged(&self, row: usize, error: NoDirection) -> Error {
        let (position, problem) = match error {
            NoDirection::NotFinite(position) => (position, "has a number that is not finite"),
            NoDirection::Zero => (0, "has a row of zeros"),
        };
        let offset = self.offset + 2 * (self.dim * row + position);
        self.file.damaged(offset, format!("`{}` {problem}", self.section))
    }
}
