//! Answers questions about nights of sleep, and serves the answers over gRPC.
//!
//! [`Engine`] holds a collection, in a folder or in Qdrant, and the bundle that filled it, and answers:
//!
//! - [`search_epochs`](Engine::search_epochs): words, an epoch or a vector to epochs;
//! - [`search_nights`](Engine::search_nights): words to nights, as a rate per hour of sleep;
//! - [`label_epochs`](Engine::label_epochs): labels by the nearest prompt;
//! - [`search_captions`](Engine::search_captions): an epoch to captions;
//! - [`generate_caption`](Engine::generate_caption): the signals of an epoch to words.
//!
//! Where another space of the collection is promoted, the engine goes over to it with its bundle, in one step.
//! [`Explainer`] tells where the encoder looked in an epoch.
//! [`serve`] puts the same answers on a socket; [`eval`] measures how right they are.
//! The engine reads collections and never writes one.

mod captions;
pub mod compare;
mod concept;
#[cfg(test)]
mod doubles;
mod engine;
mod epoch_signal;
mod epochs;
mod error;
pub mod eval;
mod explain;
mod follower;
mod generate;
mod labels;
mod learned;
mod limits;
mod margins;
mod newest;
mod night;
mod served;
mod service;
mod snapshot;
mod source;
mod text;

pub use captions::{CaptionAnswer, CaptionRequest};
pub use engine::{Engine, Info, Options};
pub use epoch_signal::EpochSignal;
pub use epochs::{EpochAnswer, EpochHit, EpochQuery, EpochRequest, TextReading};
pub use error::{Error, Result};
pub use explain::{Explainer, Explanation};
pub use generate::{GenerateRequest, GeneratedPart};
pub use labels::EpochLabels;
pub use learned::LearnedConcept;
pub use limits::{LONGEST_TEXT, MOST_HITS};
pub use night::{
    MOST_EVIDENCE, NightAnswer, NightHit, NightRequest, NightSkipped, QuestionReading, StageSource,
};
pub use service::{ServeOptions, serve};
pub use source::Source;
