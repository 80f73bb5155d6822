//! Margins of labels, from scores with prompts instead of from embeddings.

use nocturne_encoder::{Embedding, LabelDirections};

/// The prompts of several labels in one list, so that an epoch is scored with all of them at once.
#[derive(Debug)]
pub(crate) struct LabelMargins {
    prompts: Vec<Embedding>,
    /// For each label: the index of its prompts' direction, and of its negatives' direction if it has negatives.
    columns: Vec<(usize, Option<usize>)>,
}

impl LabelMargins {
    pub(crate) fn of(labels: &[LabelDirections]) -> Self {
        let (mut prompts, mut columns) = (Vec::new(), Vec::new());
        let mut add = |prompt: &Embedding| {
            prompts.push(prompt.clone());
            prompts.len() - 1
        };
        for label in labels {
            columns.push((add(&label.positive), label.negative.as_ref().map(&mut add)));
        }
        Self { prompts, columns }
    }

    /// Returns what epochs must be scored with for [`of_scores`](Self::of_scores).
    pub(crate) fn prompts(&self) -> &[Embedding] {
        &self.prompts
    }

    /// Returns the margin of each label, as [`LabelDirections::margin`] does, from an epoch's scores with the prompts.
    pub(crate) fn of_scores(&self, scores: &[f32]) -> impl Iterator<Item = f32> {
        let negative = |column: &Option<usize>| column.map_or(0.0, |column| scores[column]);
        self.columns.iter().map(move |(positive, column)| scores[*positive] - negative(column))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn embedding(numbers: [f32; 2]) -> Embedding {
        Embedding::new(numbers.to_vec()).unwrap()
    }

    fn labels() -> [LabelDirections; 2] {
        let [a, b, c] = [[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]].map(embedding);
        [
            LabelDirections { positive: a, negative: Some(b) },
            LabelDirections { positive: c, negative: None },
        ]
    }

    #[test]
    fn margins_of_scores_equal_those_of_embeddings() {
        let (labels, epoch) = (labels(), embedding([0.8, 0.6]));
        let margins = LabelMargins::of(&labels);
        let scores: Vec<f32> =
            margins.prompts().iter().map(|prompt| prompt.cosine(&epoch)).collect();
        let expected: Vec<f32> = labels.iter().map(|label| label.margin(&epoch)).collect();
        assert_eq!(margins.of_scores(&scores).collect::<Vec<_>>(), expected);
    }
}
