//! Heads that learn from a few labelled epochs, on embeddings that stay as they are.

mod logistic;
mod prompted;

pub use logistic::LogisticHead;
pub use prompted::{PromptedHead, Shot};
