//! Maps epochs and texts to unit vectors of one shared space; owns the model bundle.

pub mod bundle;
mod embedding;
mod error;
pub mod graph;
pub mod metrics;
mod prompts;
pub mod runtime;
mod signal;
mod text;
pub mod tokenizer;
mod tower;

pub use bundle::Bundle;
pub use embedding::Embedding;
pub use error::{Error, Result};
pub use prompts::{Label, LabelDirections, PromptSet};
pub use runtime::{Device, Provider, Runtime};
pub use signal::{BatchOptions, SignalEncoder};
pub use text::{EncodedText, TextEncoder};
pub use tokenizer::{Tokenizer, Tokens};
