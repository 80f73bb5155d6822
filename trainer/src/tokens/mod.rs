//! Token ids of texts, and sets of tokens.

mod token_batch;
mod token_set;

pub use token_batch::{PAD, TokenBatch};
pub use token_set::TokenSet;
