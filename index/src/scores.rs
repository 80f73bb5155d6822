//! The score of every epoch of a recording against several prompts.

use nocturne_encoder::Embedding;

use crate::vectors::{Vectors, cosine};

/// A table of cosines: a row for each epoch, a column for each prompt.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoreTable {
    n_prompts: usize,
    n_epochs: usize,
    scores: Vec<f32>,
}

impl ScoreTable {
    /// Scores every vector; the prompts must have the vectors' length.
    pub(crate) fn of(vectors: &Vectors, prompts: &[Embedding]) -> Self {
        let mut scores = Vec::with_capacity(vectors.len() * prompts.len());
        vectors.for_each(
            |_| true,
            |_, vector| {
                scores.extend(prompts.iter().map(|prompt| cosine(prompt.as_slice(), vector)));
            },
        );
        Self { n_prompts: prompts.len(), n_epochs: vectors.len(), scores }
    }

    /// Returns the number of epochs.
    pub fn n_epochs(&self) -> usize {
        self.n_epochs
    }

    /// Returns the number of prompts.
    pub fn n_prompts(&self) -> usize {
        self.n_prompts
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
