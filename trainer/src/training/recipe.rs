//! How a model is trained.

use serde::{Deserialize, Serialize};

use crate::data::{Augmentation, BatchOptions, CaptionMix};
use crate::optimizer::{AdamWOptions, Schedule};

/// Everything that decides what comes out of a run, and how it is worked off.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Recipe {
    /// Steps in all.
    pub steps: u64,
    /// Epochs of a batch, with one caption each.
    pub batch_size: usize,
    /// Seed of the first weights, the batches and dropout.
    pub seed: u64,
    /// Highest learning rate.
    pub learning_rate: f64,
    /// Steps until it is reached.
    pub warmup_steps: u64,
    /// Share of the highest rate at the end.
    pub final_learning_rate_share: f64,
    /// Constants of the optimizer.
    pub adamw: AdamWOptions,
    /// Greatest norm of the gradient.
    pub clip_norm: f64,
    /// What is done to the epochs.
    pub augmentation: Augmentation,
    /// Which captions are made.
    pub captions: CaptionMix,
    /// Share of the recordings that is held out.
    pub validation_share: f64,
    /// Batches of the held-out recordings on which a run is measured.
    pub validation_batches: u64,
    /// Steps between two measurements.
    pub validate_every: u64,
    /// Steps between two checkpoints.
    pub checkpoint_every: u64,
    /// Threads, each with a part of the batch.
    pub threads: usize,
}

impl Default for Recipe {
    fn default() -> Self {
        Self {
            steps: 6000,
            batch_size: 64,
            seed: 1,
            learning_rate: 1e-3,
            warmup_steps: 200,
            final_learning_rate_share: 0.01,
            adamw: AdamWOptions::default(),
            clip_norm: 1.0,
            augmentation: Augmentation::default(),
            captions: CaptionMix::default(),
            validation_share: 0.1,
            validation_batches: 4,
            validate_every: 250,
            checkpoint_every: 250,
            threads: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
        }
    }
}

impl Recipe {
    /// Returns the course of the learning rate.
    pub const fn schedule(&self) -> Schedule {
        Schedule {
            learning_rate: self.learning_rate,
            warmup_steps: self.warmup_steps,
            steps: self.steps,
            final_share: self.final_learning_rate_share,
        }
    }

    /// Returns how batches for training are made.
    pub const fn batches(&self) -> BatchOptions {
        BatchOptions {
            size: self.batch_size,
            seed: self.seed,
            augmentation: self.augmentation,
            captions: self.captions,
        }
    }

    /// Returns how batches for measuring are made: of epochs as they are, and the same ones in every run.
    pub const fn validation_batches(&self) -> BatchOptions {
        BatchOptions {
            size: self.batch_size,
            seed: 0,
            augmentation: Augmentation::none(),
            captions: self.captions,
        }
    }

    /// Returns the first field in which another recipe would give another result.
    ///
    /// How a run is worked off and measured may change when it is resumed.
    pub fn difference(&self, other: &Self) -> Option<&'static str> {
        let differs = [
            ("steps", self.steps != other.steps),
            ("batch_size", self.batch_size != other.batch_size),
            ("seed", self.seed != other.seed),
            ("learning_rate", self.learning_rate != other.learning_rate),
            ("warmup_steps", self.warmup_steps != other.warmup_steps),
            (
                "final_learning_rate_share",
                self.final_learning_rate_share != other.final_learning_rate_share,
            ),
            ("adamw", self.adamw != other.adamw),
            ("clip_norm", self.clip_norm != other.clip_norm),
            ("augmentation", self.augmentation != other.augmentation),
            ("captions", self.captions != other.captions),
            ("validation_share", self.validation_share != other.validation_share),
        ];
        differs.into_iter().find(|(_, differs)| *differs).map(|(field, _)| field)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn difference_names_what_changes_the_result() {
        let recipe = Recipe::default();
        let check = |other: Recipe, expected| assert_eq!(recipe.difference(&other), expected);
        check(recipe, None);
        check(Recipe { threads: 7, checkpoint_every: 3, ..recipe }, None);
        check(Recipe { seed: 7, ..recipe }, Some("seed"));
        let adamw = AdamWOptions { weight_decay: 0.5, ..recipe.adamw };
        check(Recipe { adamw, ..recipe }, Some("adamw"));
    }

    #[test]
    fn a_recipe_may_be_given_in_part() {
        let recipe: Recipe =
            serde_json::from_str(r#"{"steps": 5, "adamw": {"beta_2": 0.9}}"#).unwrap();
        assert_eq!((recipe.steps, recipe.adamw.beta_2, recipe.adamw.beta_1), (5, 0.9, 0.9));
        assert!(serde_json::from_str::<Recipe>(r#"{"step": 5}"#).is_err());
    }
}
