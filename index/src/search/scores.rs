//! The score of every epoch of a recording against several prompts.

use crate::vector::Codes;

/// A table of cosines: a row for each epoch, a column for each prompt.
///
/// Scores are of 8-bit codes: they differ from the cosines by [`error`](Self::error) at most, and usually by a tenth
/// of it. For 512 numbers without outliers the error is about 0.015.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoreTable {
    n_prompts: usize,
    n_epochs: usize,
    scores: Vec<f32>,
    error: f32,
}

impl ScoreTable {
    /// Scores every row; the prompts must have the rows' length.
    pub(crate) fn of(codes: &Codes, prompts: &Codes) -> Self {
        let (n_prompts, n_epochs) = (prompts.len(), codes.len());
        let mut scores = vec![0.0; n_epochs * n_prompts];
        codes.score(0..n_epochs, prompts, &mut scores);
        let error = codes.greatest_error() + codes.bound(prompts.greatest_error());
        Self { n_prompts, n_epochs, scores, error }
    }

    /// Returns the number of epochs.
    pub fn n_epochs(&self) -> usize {
        self.n_epochs
    }

    /// Returns the number of prompts.
    pub fn n_prompts(&self) -> usize {
        self.n_prompts
    }

    /// Returns how far a score may be from the cosine.
    pub fn error(&self) -> f32 {
        self.error
    }

    /// Returns the scores of the epoch in a row, in the order of the prompts.
    ///
    /// # Panics
    ///
    /// Panics where there is no such row.
    pub fn row(&self, row: usize) -> &[f32] {
        &self.scores[row * self.n_prompts..][..self.n_prompts]
    }

    /// Returns the scores of a prompt, in the order of the epochs.
    ///
    /// # Panics
    ///
    /// Panics where there is no such prompt.
    pub fn prompt(&self, prompt: usize) -> impl ExactSizeIterator<Item = f32> {
        assert!(prompt < self.n_prompts, "there are {} prompts", self.n_prompts);
        (0..self.n_epochs).map(move |row| self.scores[row * self.n_prompts + prompt])
    }
}
