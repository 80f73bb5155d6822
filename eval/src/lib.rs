//! Measures how right a bundle is on scored recordings: zero-shot stages and events, retrieval, and the ranking of
//! nights.
//!
//! [`Evaluator`] reads the recordings and returns an [`Evaluation`], the figures of a bundle's card. It uses the same
//! directions, calibrations and rates as the engine does for questions. What cannot be judged because labels or channels
//! are missing is listed with the reason.
//!
//! # Modules
//!
//! From the ground up; each uses only those above it.
//!
//! - `error`, `intervals`.
//! - `encoded_labels`: the prompt sets; `stage_guesses`: counts of guessed stages.
//! - `sample`: what is collected while a night is in memory; `scored_night`, `night_reader`: the nights.
//! - `resampling`: the units of the bootstrap; `neighbours`: means over adjacent epochs.
//! - `measure`: one module for each section.
//! - `evaluation`, `not_judged`, `evaluator`: the whole.

mod encoded_labels;
mod error;
mod evaluation;
mod evaluator;
mod intervals;
mod measure;
mod neighbours;
mod night_reader;
mod not_judged;
mod resampling;
mod sample;
mod scored_night;
mod stage_guesses;

pub use encoded_labels::ByPrompt;
pub use error::{Error, Result};
pub use evaluation::{Evaluation, EvaluationOptions};
pub use evaluator::Evaluator;
pub use intervals::Intervals;
pub use measure::by_channels::{ByChannels, EventByChannels};
pub use measure::captions::CaptionAgreement;
pub use measure::events::{EventAgreement, MeanOverEvents};
pub use measure::few_shot::{FewShot, FewShotAccuracy, FewShotPoint, HeldOut};
pub use measure::localisation::Localisation;
pub use measure::nights::NightAgreement;
pub use measure::retrieval::{LargeGallery, Retrieval, RetrievalReport};
pub use measure::stages::{CalibrationError, StageAgreement};
pub use resampling::{Resampling, ResamplingUnit};
pub use stage_guesses::Agreement;
