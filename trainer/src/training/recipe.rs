//! The recipe of a training run.

use std::fmt::Display;

use serde::{Deserialize, Serialize};

use super::{FrozenTowers, LoraOptions, Objective, TrainableWeights};
use crate::bundle::check_vocabulary;
use crate::config::{ModelConfig, ModelParts, ReconstructionConfig};
use crate::data::{Augmentation, BatchMakerOptions, CONDITION_SLOTS, CaptionMix};
use crate::error::{Error, Result};
use crate::objective::LossWeights;
use crate::optimizer::{AdamWOptions, Schedule};

/// The vocabulary of the caption loss.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum CaptionTokens {
    /// The whole vocabulary, as in the published training.
    #[default]
    #[serde(rename = "all")]
    All,
    /// The tokens that captions can use, and those that the model has already seen.
    #[serde(rename = "captions")]
    OfCaptions,
}

/// Selects the trained weights among those that are not frozen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TrainScope {
    /// All of them.
    #[default]
    All,
    /// The output projections of both towers, and the logit scale.
    Projections,
}

/// All settings of a run: those that determine its result, and how it is computed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Recipe {
    /// Total number of steps.
    pub steps: u64,
    /// Epochs in a batch, with one caption each.
    pub batch_size: usize,
    /// Weight of each loss; a new model has no part for a loss with weight 0.
    pub loss: LossWeights,
    /// The frozen towers.
    pub freeze: FrozenTowers,
    /// The part of the other weights that is trained.
    pub train: TrainScope,
    /// Adapters that are trained instead of the weights of both towers.
    pub lora: Option<LoraOptions>,
    /// Seed of the initial weights, the batches and dropout.
    pub seed: u64,
    /// Peak learning rate.
    pub learning_rate: f64,
    /// Number of warm-up steps.
    pub warmup_steps: u64,
    /// Share of the peak rate at the end.
    pub final_learning_rate_share: f64,
    /// Hyperparameters of the optimizer.
    pub adamw: AdamWOptions,
    /// Maximum norm of the gradient.
    pub clip_norm: f64,
    /// Augmentation of epochs.
    pub augmentation: Augmentation,
    /// Shares of the kinds of captions.
    pub captions: CaptionMix,
    /// The vocabulary of the caption loss.
    pub caption_tokens: CaptionTokens,
    /// Decay of the moving average of the weights; the average is validated and stored. 0 for no average.
    pub ema: f64,
    /// Number of validations in a row without improvement after which a run ends with its best weights; 0 to run to the
    /// last step and end with the last weights.
    pub patience: u64,
    /// Share of the subjects that are held out.
    pub validation_share: f64,
    /// Number of held-out batches per validation.
    pub validation_batches: u64,
    /// Steps between two validations.
    pub validate_every: u64,
    /// Steps between two checkpoints.
    pub checkpoint_every: u64,
    /// Number of threads, each with a part of the batch.
    pub threads: usize,
    /// Epochs whose graphs are in memory at once; 0 for the whole batch.
    pub micro_batch: usize,
}

impl Default for Recipe {
    fn default() -> Self {
        Self {
            steps: 6000,
            batch_size: 64,
            loss: LossWeights::default(),
            freeze: FrozenTowers::default(),
            train: TrainScope::default(),
            lora: None,
            seed: 1,
            learning_rate: 1e-3,
            warmup_steps: 200,
            final_learning_rate_share: 0.01,
            adamw: AdamWOptions::default(),
            clip_norm: 1.0,
            augmentation: Augmentation::default(),
            captions: CaptionMix::default(),
            caption_tokens: CaptionTokens::default(),
            ema: 0.0,
            patience: 0,
            validation_share: 0.1,
            validation_batches: 4,
            validate_every: 250,
            checkpoint_every: 250,
            threads: std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            micro_batch: 0,
        }
    }
}

impl Recipe {
    /// Returns the losses and the weights that learn.
    pub const fn objective(&self) -> Objective {
        let learning = match (self.train, self.lora) {
            (TrainScope::All, None) => TrainableWeights::All,
            (TrainScope::All, Some(_)) => TrainableWeights::Adapters,
            (TrainScope::Projections, _) => TrainableWeights::Projections,
        };
        Objective { weights: self.loss, frozen: self.freeze, learning }
    }

    /// Returns the parts that a model needs for losses with a positive weight.
    pub fn parts(&self, config: &ModelConfig) -> ModelParts {
        let head = || ReconstructionConfig::published(&config.biosignals_cfg);
        ModelParts {
            captions: self.loss.caption > 0.0,
            reconstruction: (self.loss.reconstruction > 0.0).then(head),
        }
    }

    /// Rejects a recipe that cannot be trained.
    ///
    /// # Errors
    ///
    /// [`Error::Recipe`] with the first invalid field, and [`Error::Config`] if the model cannot learn the captions
    /// that are made.
    pub fn check(&self, config: &ModelConfig) -> Result<()> {
        let LossWeights { contrastive, caption, reconstruction } = self.loss;
        for (field, weight) in [
            ("loss.contrastive", contrastive),
            ("loss.caption", caption),
            ("loss.reconstruction", reconstruction),
        ] {
            expect(weight.is_finite() && weight >= 0.0, field, weight, "0 or more")?;
        }
        let decodes = caption > 0.0 || reconstruction > 0.0;
        expect(decodes || contrastive > 0.0, "loss", 0, "a positive weight for at least one loss")?;
        expect((0.0..1.0).contains(&self.ema), "ema", self.ema, "at least 0 and less than 1")?;
        let learns = decodes || !self.freeze.both();
        expect(learns, "freeze", "signal,text", "at least one trainable part")?;
        if self.train == TrainScope::Projections {
            // Neither loss depends on the projections.
            expect(
                !decodes,
                "train",
                "projections",
                "`all` with a caption or reconstruction loss",
            )?;
            expect(self.lora.is_none(), "train", "projections", "`all` with `lora`")?;
        }
        if let Some(LoraOptions { rank, alpha }) = self.lora {
            expect(rank > 0, "lora.rank", rank, "1 or more")?;
            expect(alpha.is_finite() && alpha > 0.0, "lora.alpha", alpha, "more than 0")?;
        }
        if caption > 0.0 {
            config.check_captions_of(
                nocturne_psg::caption::CaptionKind::ALL.len(),
                CONDITION_SLOTS,
            )?;
            if self.caption_tokens == CaptionTokens::OfCaptions {
                check_vocabulary(config)?;
            }
        }
        Ok(())
    }

    /// Returns the learning-rate schedule.
    pub const fn schedule(&self) -> Schedule {
        Schedule {
            learning_rate: self.learning_rate,
            warmup_steps: self.warmup_steps,
            steps: self.steps,
            final_share: self.final_learning_rate_share,
        }
    }

    /// Returns how training batches are made.
    pub const fn batches(&self) -> BatchMakerOptions {
        BatchMakerOptions {
            size: self.batch_size,
            seed: self.seed,
            augmentation: self.augmentation,
            captions: self.captions,
        }
    }

    /// Returns how validation batches are made: without augmentation, and the same in every run.
    pub const fn validation_batches(&self) -> BatchMakerOptions {
        BatchMakerOptions {
            size: self.batch_size,
            seed: 0,
            augmentation: Augmentation::none(),
            captions: self.captions,
        }
    }

    /// Returns the first field that differs and changes the result.
    ///
    /// A resumed run may change how it is computed, and how it is validated unless that decides when it ends.
    pub fn difference(&self, other: &Self) -> Option<&'static str> {
        let stops = self.patience > 0;
        let differs = [
            ("steps", self.steps != other.steps),
            ("batch_size", self.batch_size != other.batch_size),
            ("loss", self.loss != other.loss),
            ("freeze", self.freeze != other.freeze),
            ("train", self.train != other.train),
            ("lora", self.lora != other.lora),
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
            ("caption_tokens", self.caption_tokens != other.caption_tokens),
            ("ema", self.ema != other.ema),
            ("patience", self.patience != other.patience),
            ("validation_share", self.validation_share != other.validation_share),
            ("validation_batches", stops && self.validation_batches != other.validation_batches),
            ("validate_every", stops && self.validate_every != other.validate_every),
        ];
        differs.into_iter().find(|(_, differs)| *differs).map(|(field, _)| field)
    }
}

fn expect(
    holds: bool,
    field: &'static str,
    value: impl Display,
    expected: &'static str,
) -> Result<()> {
    if holds {
        return Ok(());
    }
    Err(Error::Recipe { field, value: value.to_string(), expected })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Preset;

    #[test]
    fn rejects_recipes_that_cannot_be_trained() {
        let check = |recipe: Recipe, sentence| {
            let error = recipe.check(&Preset::Tiny.config()).unwrap_err();
            assert_eq!(error.to_string(), sentence);
        };
        let recipe = Recipe::default();
        let freeze = FrozenTowers { signal: true, text: true };
        check(
            Recipe { freeze, ..recipe },
            "the recipe's `freeze` is `signal,text`; expected at least one trainable part",
        );
        let loss = LossWeights { contrastive: 0.0, ..LossWeights::default() };
        check(
            Recipe { loss, ..recipe },
            "the recipe's `loss` is `0`; expected a positive weight for at least one loss",
        );
        let loss = LossWeights { caption: -1.0, ..LossWeights::default() };
        check(Recipe { loss, ..recipe }, "the recipe's `loss.caption` is `-1`; expected 0 or more");
        let loss = LossWeights { caption: 1.0, ..LossWeights::default() };
        let train = TrainScope::Projections;
        check(
            Recipe { loss, train, ..recipe },
            "the recipe's `train` is `projections`; \
             expected `all` with a caption or reconstruction loss",
        );
        let lora = Some(LoraOptions { rank: 0, alpha: 16.0 });
        check(Recipe { lora, ..recipe }, "the recipe's `lora.rank` is `0`; expected 1 or more");
        Recipe { loss, freeze, ..recipe }.check(&Preset::Tiny.config()).unwrap();
    }

    #[test]
    fn difference_names_fields_that_change_the_result() {
        let recipe = Recipe::default();
        let check = |other: Recipe, expected| assert_eq!(recipe.difference(&other), expected);
        check(recipe, None);
        check(Recipe { threads: 7, checkpoint_every: 3, ..recipe }, None);
        check(Recipe { seed: 7, ..recipe }, Some("seed"));
        check(Recipe { validate_every: 7, ..recipe }, None);
        let patient = Recipe { patience: 2, ..recipe };
        let other = Recipe { validate_every: 7, ..patient };
        assert_eq!(patient.difference(&other), Some("validate_every"));
        let adamw = AdamWOptions { weight_decay: 0.5, ..recipe.adamw };
        check(Recipe { adamw, ..recipe }, Some("adamw"));
    }

    #[test]
    fn missing_fields_of_a_recipe_have_defaults() {
        let recipe: Recipe =
            serde_json::from_str(r#"{"steps": 5, "adamw": {"beta_2": 0.9}}"#).unwrap();
        assert_eq!((recipe.steps, recipe.adamw.beta_2, recipe.adamw.beta_1), (5, 0.9, 0.9));
        assert!(serde_json::from_str::<Recipe>(r#"{"step": 5}"#).is_err());
        let text = "train = \"all\"\nlora = { rank = 8, alpha = 16 }";
        let recipe: Recipe = toml::from_str(text).unwrap();
        assert_eq!(recipe.lora, Some(LoraOptions { rank: 8, alpha: 16.0 }));
        assert_eq!(recipe.objective().learning, TrainableWeights::Adapters);
    }
}
