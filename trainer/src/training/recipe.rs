//! How a model is trained.

use std::fmt::Display;

use serde::{Deserialize, Serialize};

use super::{Frozen, Learning, LoraOptions, Objective};
use crate::data::{Augmentation, BatchOptions, CONDITION_SLOTS, CaptionMix};
use crate::objective::LossWeights;
use crate::optimizer::{AdamWOptions, Schedule};
use crate::{Error, ModelConfig, Parts, ReconstructionConfig, Result, check_vocabulary};

/// The tokens over which the caption loss goes.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum CaptionTokens {
    /// The whole vocabulary, as in the published training.
    #[default]
    #[serde(rename = "all")]
    All,
    /// Those of which captions can be made, and those that the model has met before.
    #[serde(rename = "captions")]
    OfCaptions,
}

/// Which weights learn, of those that are not frozen.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trained {
    /// Every one.
    #[default]
    All,
    /// The last step of both towers into the common space, and the scale of the similarity.
    Projections,
}

/// Everything that decides what comes out of a run, and how it is worked off.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Recipe {
    /// Steps in all.
    pub steps: u64,
    /// Epochs of a batch, with one caption each.
    pub batch_size: usize,
    /// How much each loss counts; a new model has no part for one that does not count.
    pub loss: LossWeights,
    /// What stays as it is.
    pub freeze: Frozen,
    /// What of the rest learns.
    pub train: Trained,
    /// Adapters that learn in the place of both towers, where there are any.
    pub lora: Option<LoraOptions>,
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
    /// Over which tokens the caption loss goes.
    pub caption_tokens: CaptionTokens,
    /// Decay of the moving average of the weights, which is then what is measured and kept; 0 for the last weights.
    pub ema: f64,
    /// Measurements in a row that are no better than the best, after which a run ends with the weights of the best;
    /// 0 for a run that goes to its last step and ends with its last weights.
    pub patience: u64,
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
    /// Epochs whose graphs are in memory at once; 0 for the whole batch.
    pub micro_batch: usize,
}

impl Default for Recipe {
    fn default() -> Self {
        Self {
            steps: 6000,
            batch_size: 64,
            loss: LossWeights::default(),
            freeze: Frozen::default(),
            train: Trained::default(),
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
    /// Returns what is made small.
    pub const fn objective(&self) -> Objective {
        let learning = match (self.train, self.lora) {
            (Trained::All, None) => Learning::All,
            (Trained::All, Some(_)) => Learning::Adapters,
            (Trained::Projections, _) => Learning::Projections,
        };
        Objective { weights: self.loss, frozen: self.freeze, learning }
    }

    /// Returns the parts that a model needs for the losses that count.
    pub fn parts(&self, config: &ModelConfig) -> Parts {
        let head = || ReconstructionConfig::published(&config.biosignals_cfg);
        Parts {
            captions: self.loss.caption > 0.0,
            reconstruction: (self.loss.reconstruction > 0.0).then(head),
        }
    }

    /// Refuses what cannot be trained.
    ///
    /// # Errors
    ///
    /// [`Error::Recipe`] with the first field that does not fit, and [`Error::Config`] where the model cannot have
    /// the captions that are made.
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
        expect(decodes || contrastive > 0.0, "loss", 0, "a loss that counts")?;
        expect((0.0..1.0).contains(&self.ema), "ema", self.ema, "0 or more and less than 1")?;
        let learns = decodes || !self.freeze.both();
        expect(learns, "freeze", "signal,text", "a part of the model that learns")?;
        if self.train == Trained::Projections {
            // Neither loss depends on them.
            expect(
                !decodes,
                "train",
                "projections",
                "`all` where captions or reconstruction count",
            )?;
            expect(self.lora.is_none(), "train", "projections", "`all` beside `lora`")?;
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
    /// How a run is worked off may change when it is resumed, and how it is measured unless that ends it.
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
    use crate::Preset;

    #[test]
    fn what_cannot_be_trained_is_refused() {
        let check = |recipe: Recipe, sentence| {
            let error = recipe.check(&Preset::Tiny.config()).unwrap_err();
            assert_eq!(error.to_string(), sentence);
        };
        let recipe = Recipe::default();
        let freeze = Frozen { signal: true, text: true };
        check(
            Recipe { freeze, ..recipe },
            "the recipe's `freeze` is `signal,text`; expected a part of the model that learns",
        );
        let loss = LossWeights { contrastive: 0.0, ..LossWeights::default() };
        check(Recipe { loss, ..recipe }, "the recipe's `loss` is `0`; expected a loss that counts");
        let loss = LossWeights { caption: -1.0, ..LossWeights::default() };
        check(Recipe { loss, ..recipe }, "the recipe's `loss.caption` is `-1`; expected 0 or more");
        let loss = LossWeights { caption: 1.0, ..LossWeights::default() };
        let train = Trained::Projections;
        check(
            Recipe { loss, train, ..recipe },
            "the recipe's `train` is `projections`; \
             expected `all` where captions or reconstruction count",
        );
        let lora = Some(LoraOptions { rank: 0, alpha: 16.0 });
        check(Recipe { lora, ..recipe }, "the recipe's `lora.rank` is `0`; expected 1 or more");
        Recipe { loss, freeze, ..recipe }.check(&Preset::Tiny.config()).unwrap();
    }

    #[test]
    fn difference_names_what_changes_the_result() {
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
    fn a_recipe_may_be_given_in_part() {
        let recipe: Recipe =
            serde_json::from_str(r#"{"steps": 5, "adamw": {"beta_2": 0.9}}"#).unwrap();
        assert_eq!((recipe.steps, recipe.adamw.beta_2, recipe.adamw.beta_1), (5, 0.9, 0.9));
        assert!(serde_json::from_str::<Recipe>(r#"{"step": 5}"#).is_err());
        let text = "train = \"all\"\nlora = { rank = 8, alpha = 16 }";
        let recipe: Recipe = toml::from_str(text).unwrap();
        assert_eq!(recipe.lora, Some(LoraOptions { rank: 8, alpha: 16.0 }));
        assert_eq!(recipe.objective().learning, Learning::Adapters);
    }
}
