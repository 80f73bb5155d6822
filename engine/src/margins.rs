//! Margins of labels, from the scores of a table instead of from embeddings.

use nocturne_encoder::{Embedding, LabelDirections};

/// The prompts of several labels in one list, and which of them belong to each label.
#[derive(Debug)]
pub(crate) struct Margins {
    prompts: Vec<Embedding>,
    /// For each label, the place of its prompts' direction, and of its negatives' where there are any.
    places: Vec<(usize, Option<usize>)>,
}

impl Margins {
    pub(crate) fn of(labels: &[LabelDirections]) -> Self {
        let (mut prompts, mut places) = (Vec::new(), Vec::new());
        let mut add = |prompt: &Embedding| {
            prompts.push(prompt.clone());
            prompts.len() - 1
        };
        for label in labels {
            places.push((add(&label.positive), label.negative.as_ref().map(&mut add)));
        }
        Self { prompts, places }
    }

    /// Returns what the epochs are to be scored with.
    pub(crate) fn prompts(&self) -> &[Embedding] {
        &self.prompts
    }

    /// Returns the direction whose product with an epoch's embedding is the margin of the only label.
    ///
    /// # Panics
    ///
    /// Panics where there is no label.
    pub(crate) fn direction(&self) -> Vec<f32> {
        let (positive, negative) = self.places[0];
        let mut direction = self.prompts[positive].as_slice().to_vec();
        if let Some(negative) = negative {
            let negative = self.prompts[negative].as_slice();
            direction.iter_mut().zip(negative).for_each(|(number, other)| *number -= other);
        }
        direction
    }

    /// Returns the margin of each label, as [`LabelDirections::margin`], from an epoch's scores with the prompts.
    pub(crate) fn of_scores(&self, scores: &[f32]) -> impl Iterator<Item = f32> {
        let negative = |place: &Option<usize>| place.map_or(0.0, |place| scores[place]);
        self.places.iter().map(move |(positive, place)| scores[*positive] - negative(place))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn margins_of_scores_are_those_of_embeddings() {
        let embedding = |numbers: [f32; 2]| Embedding::new(numbers.to_vec()).unwrap();
        let [a, b, c, epoch] = [[1.0, 0.0], [0.6, 0.8], [0.0, 1.0], [0.8, 0.6]].map(embedding);
        let labels = [
            LabelDirections { positive: a, negative: Some(b) },
            LabelDirections { positive: c, negative: None },
        ];
        let margins = Margins::of(&labels);
        let scores: Vec<f32> =
            margins.prompts().iter().map(|prompt| prompt.cosine(&epoch)).collect();
        let expect: Vec<f32> = labels.iter().map(|label| label.margin(&epoch)).collect();
        assert_eq!(margins.of_scores(&scores).collect::<Vec<_>>(), expect);
        let products = margins.direction().into_iter().zip(epoch.as_slice()).map(|(a, b)| a * b);
        assert!((products.sum::<f32>() - expect[0]).abs() < 1e-6);
    }
}
