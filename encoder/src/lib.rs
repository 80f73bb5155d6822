//! Maps epochs and texts to unit vectors of one shared space; owns the model bundle.

pub mod bundle;
mod embedding;
mod error;

pub use bundle::Bundle;
pub use embedding::Embedding;
pub use error::{Error, Result};
