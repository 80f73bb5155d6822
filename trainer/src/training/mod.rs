//! Training: the recipe, the steps, and what is kept of a run.

mod average;
mod best;
mod checkpoint;
mod curve;
mod effort;
mod frozen;
mod gradient;
mod learning;
mod lora;
mod metrics;
mod part;
mod recipe;
mod run;
mod run_folder;
mod sample;
mod start;
#[cfg(test)]
mod tests;
mod validation;

pub use best::Best;
pub use checkpoint::Checkpoint;
pub use frozen::Frozen;
pub use gradient::{BatchGradient, Work, gradient};
pub use learning::Learning;
pub use lora::LoraOptions;
pub use metrics::{StepReport, ValidationReport};
pub use part::Objective;
pub use recipe::{CaptionTokens, Recipe, Trained};
pub use run::{Event, Training, train};
pub use run_folder::{About, RunFolder};
pub use sample::CaptionSample;
pub use start::Start;
pub use validation::{Measured, validate};
