//! Counts guessed and scored stages by resampling unit, and computes their agreement.

use nocturne_encoder::metrics::{Bootstrap, ConfusionMatrix, UnitSums};
use nocturne_psg::Stage;
use serde::Serialize;

use crate::intervals::Intervals;

/// Agreement of guessed stages with the scored ones.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Agreement {
    /// Mean recall over the stages that occur.
    pub balanced_accuracy: Option<f64>,
    /// Mean F1 over the stages that occur.
    pub macro_f1: Option<f64>,
    /// Cohen's kappa.
    pub kappa: Option<f64>,
    /// Number of epochs that were judged.
    pub epochs: usize,
    /// 95 % intervals of the figures.
    pub ci95: Intervals,
}

/// Scored stages and guesses, counted by unit.
#[derive(Debug, Clone)]
pub(crate) struct StageGuesses(UnitSums);

impl StageGuesses {
    pub(crate) fn new(n_units: usize) -> Self {
        Self(UnitSums::new(n_units, Stage::ALL.len() * Stage::ALL.len()))
    }

    /// Counts a guess; both stages are indices in [`Stage::ALL`].
    pub(crate) fn add(&mut self, unit: usize, truth: usize, guess: usize) {
        self.0.add(unit, truth * Stage::ALL.len() + guess, 1.0);
    }

    /// Returns the confusion matrix with a weight for each unit.
    pub(crate) fn confusion(&self, weights: &[u32]) -> ConfusionMatrix {
        ConfusionMatrix::from_sums(Stage::ALL.len(), &self.0.weighted(weights))
    }

    /// Returns the agreement with its intervals; `None` if nothing was counted.
    pub(crate) fn agreement(&self, bootstrap: &Bootstrap) -> Option<Agreement> {
        let all = self.confusion(&bootstrap.once());
        let interval = |figure: fn(&ConfusionMatrix) -> Option<f64>| {
            bootstrap.interval(|weights| figure(&self.confusion(weights)))
        };
        (all.total() > 0).then(|| Agreement {
            balanced_accuracy: all.balanced_accuracy(),
            macro_f1: all.macro_f1(),
            kappa: all.kappa(),
            epochs: all.total(),
            ci95: Intervals::from([
                ("balanced_accuracy", interval(ConfusionMatrix::balanced_accuracy)),
                ("macro_f1", interval(ConfusionMatrix::macro_f1)),
                ("kappa", interval(ConfusionMatrix::kappa)),
            ]),
        })
    }
}

/// Returns the index of the largest value, the first of equals.
pub(crate) fn argmax<T: PartialOrd>(values: &[T]) -> usize {
    (1..values.len()).fold(0, |best, i| if values[i] > values[best] { i } else { best })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn agreement_has_an_interval_for_each_figure() {
        let mut guesses = StageGuesses::new(4);
        for unit in 0..4 {
            for stage in 0..5 {
                guesses.add(unit, stage, stage);
            }
            // One wrong guess in every unit: N2 for N1.
            guesses.add(unit, 1, 2);
        }
        let agreement = guesses.agreement(&Bootstrap::draw(4, 100, 1)).unwrap();
        assert_eq!(agreement.epochs, 24);
        assert_eq!(agreement.balanced_accuracy, Some(0.9));
        // All units are alike, so every draw gives the same figure.
        assert_eq!(agreement.ci95["balanced_accuracy"], Some([0.9, 0.9]));
    }

    #[test]
    fn nothing_counted_gives_no_agreement() {
        assert_eq!(StageGuesses::new(2).agreement(&Bootstrap::draw(2, 10, 1)), None);
    }

    #[test]
    fn first_of_equal_values_is_the_largest() {
        assert_eq!(argmax(&[1.0, 3.0, 3.0, 2.0]), 1);
    }
}
