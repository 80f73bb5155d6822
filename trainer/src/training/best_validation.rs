//! The best validation of a run, and early stopping.

use serde::{Deserialize, Serialize};

/// The best validation so far.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BestValidation {
    /// Number of steps taken before it.
    pub step: u64,
    /// The loss on held-out recordings.
    pub validation_loss: f32,
    /// Number of validations since then, none of them better.
    pub misses: u64,
}

impl BestValidation {
    /// Compares a validation with the best: returns the new best, and whether it is this one.
    pub fn after(best: Option<Self>, step: u64, validation_loss: f32) -> (Self, bool) {
        match best {
            Some(best) if validation_loss >= best.validation_loss => {
                (Self { misses: best.misses + 1, ..best }, false)
            }
            Some(_) | None => (Self { step, validation_loss, misses: 0 }, true),
        }
    }

    /// Returns whether `patience` validations in a row were not better; never with a patience of 0.
    pub const fn is_stale(&self, patience: u64) -> bool {
        patience > 0 && self.misses >= patience
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stops_after_patience_validations_without_improvement() {
        let mut best = None;
        let mut stale = Vec::new();
        for (step, loss) in [3.0, 2.0, 2.5, 2.0, 1.0].into_iter().enumerate() {
            let (after, _) = BestValidation::after(best, step as u64, loss);
            stale.push(after.is_stale(2));
            best = Some(after);
        }
        // An equal loss does not count as better.
        assert_eq!(stale, [false, false, false, true, false]);
        assert_eq!(best, Some(BestValidation { step: 4, validation_loss: 1.0, misses: 0 }));
        assert!(!best.unwrap().is_stale(0));
    }
}
