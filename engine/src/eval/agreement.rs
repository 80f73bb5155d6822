//! Guessed stages against the scored ones.

use nocturne_encoder::metrics::{Bootstrap, Confusion, UnitSums};
use nocturne_psg::Stage;
use serde::Serialize;

use super::units::Intervals;

/// How well guessed stages agree with the scored ones.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Agreement {
    /// Mean share of the epochs of a stage that were recognised, over the stages that occur.
    pub balanced_accuracy: Option<f64>,
    /// Mean F1 over the stages that occur.
    pub macro_f1: Option<f64>,
    /// Cohen's kappa.
    pub kappa: Option<f64>,
    /// Epochs that were judged.
    pub epochs: usize,
    /// 95 % intervals of the figures.
    pub ci95: Intervals,
}

/// Scored stages and guesses, counted unit by unit.
#[derive(Debug, Clone)]
pub(super) struct Guesses(UnitSums);

impl Guesses {
    pub(super) fn new(n_units: usize) -> Self {
        Self(UnitSums::new(n_units, Stage::ALL.len() * Stage::ALL.len()))
    }

    /// Counts a guess; both are places in [`Stage::ALL`].
    pub(super) fn add(&mut self, unit: usize, truth: usize, guess: usize) {
        self.0.add(unit, truth * Stage::ALL.len() + guess, 1.0);
    }

    pub(super) fn confusion(&self, weights: &[u32]) -> Confusion {
        Confusion::of_sums(Stage::ALL.len(), &self.0.weighted(weights))
    }

    /// Returns the agreement with its intervals; `None` of no guess.
    pub(super) fn agreement(&self, bootstrap: &Bootstrap) -> Option<Agreement> {
        let whole = self.confusion(&bootstrap.once());
        let interval = |figure: fn(&Confusion) -> Option<f64>| {
            bootstrap.interval(|weights| figure(&self.confusion(weights)))
        };
        (whole.total() > 0).then(|| Agreement {
            balanced_accuracy: whole.balanced_accuracy(),
            macro_f1: whole.macro_f1(),
            kappa: whole.kappa(),
            epochs: whole.total(),
            ci95: Intervals::from([
                ("balanced_accuracy", interval(Confusion::balanced_accuracy)),
                ("macro_f1", interval(Confusion::macro_f1)),
                ("kappa", interval(Confusion::kappa)),
            ]),
        })
    }
}

/// Returns the place of the greatest.
pub(super) fn best<T: PartialOrd>(values: &[T]) -> usize {
    (1..values.len()).fold(0, |best, i| if values[i] > values[best] { i } else { best })
}
