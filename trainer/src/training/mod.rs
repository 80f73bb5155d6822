//! Training: the recipe, the steps, and what is kept of a run.

mod checkpoint;
mod gradient;
mod metrics;
mod recipe;
mod run;
mod run_folder;
#[cfg(test)]
mod tests;
mod validation;

pub use checkpoint::Checkpoint;
pub use gradient::{BatchGradient, Work, gradient};
pub use metrics::{StepReport, ValidationReport};
pub use recipe::Recipe;
pub use run::{Event, Training, train};
pub use run_folder::{About, RunFolder};
pub use validation::validate;
