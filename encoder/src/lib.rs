//! Maps epochs and texts to unit vectors of one shared space, and epochs to words; owns the model bundle.

mod attention;
pub mod bundle;
pub mod caption;
mod concept;
mod embedding;
mod error;
pub mod graph;
pub mod head;
pub mod metrics;
mod prompts;
pub mod runtime;
mod session;
mod signal;
mod text;
pub mod tokenizer;
mod tower;

pub use attention::{AttentionMap, AttentionSpan};
pub use bundle::Bundle;
pub use caption::{Caption, Captioner, Memory};
pub use concept::{Concept, Target, Validation};
pub use embedding::Embedding;
pub use error::{Error, Result};
pub use prompts::{Label, LabelDirections, PromptSet};
pub use runtime::{Device, Provider, Runtime};
pub use signal::{BatchOptions, EpochReading, SignalEncoder};
pub use text::{EncodedText, TextEncoder};
pub use tokenizer::{Tokenizer, Tokens};
