//! Arithmetic on vectors: 8-bit codes, the kernels that multiply them, and the best few of many scores. Nothing here
//! knows of files.

mod codes;
pub(crate) mod kernel;
mod top_k;

pub(crate) use codes::Codes;
pub(crate) use top_k::{Candidate, Place, TopK};
