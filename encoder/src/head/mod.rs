//! Classifier heads learned from a few labelled epochs, on fixed embeddings.

mod logistic;
mod prompted;

pub use logistic::LogisticHead;
pub use prompted::{PromptedHead, Shot};
