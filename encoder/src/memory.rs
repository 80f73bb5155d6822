//! The memory of an epoch: the rows of the signal tower that a caption decoder attends to.

/// The memory of one epoch, `[tokens, width]`, not normalised.
#[derive(Debug, Clone, PartialEq)]
pub struct Memory {
    width: usize,
    values: Vec<f32>,
}

impl Memory {
    /// Creates a memory from its rows, one after the other.
    ///
    /// # Panics
    ///
    /// Panics if the values do not fill whole rows of `width`, or if there is no row.
    pub fn new(width: usize, values: Vec<f32>) -> Self {
        let is_whole = width > 0 && !values.is_empty() && values.len().is_multiple_of(width);
        assert!(is_whole, "a memory consists of whole rows");
        Self { width, values }
    }

    /// Returns the number of rows.
    pub fn tokens(&self) -> usize {
        self.values.len() / self.width
    }

    /// Returns the length of a row.
    pub fn width(&self) -> usize {
        self.width
    }

    /// Returns the rows, one after the other.
    pub fn as_slice(&self) -> &[f32] {
        &self.values
    }
}
