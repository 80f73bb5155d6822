//! Training: the recipe, the steps, and the folder of a run.

mod batch_gradient;
mod batch_part;
mod best_validation;
mod caption_sample;
mod flops;
mod frozen_towers;
mod initial_model;
mod lora;
mod loss_curve;
mod metrics;
mod recipe;
mod run;
mod run_checkpoint;
mod run_folder;
#[cfg(test)]
mod tests;
mod trainable_weights;
mod validation;
mod weight_average;

pub use batch_gradient::{BatchGradient, GradientOptions, gradient};
pub use batch_part::Objective;
pub use best_validation::BestValidation;
pub use caption_sample::CaptionSample;
pub use frozen_towers::FrozenTowers;
pub use initial_model::InitialModel;
pub use lora::LoraOptions;
pub use metrics::{StepReport, ValidationReport};
pub use recipe::{CaptionTokens, Recipe, TrainScope};
pub use run::{RunEvent, TrainingRun, train};
pub use run_checkpoint::RunCheckpoint;
pub use run_folder::{RunFolder, RunProvenance};
pub use trainable_weights::TrainableWeights;
pub use validation::{ValidationResult, validate};
