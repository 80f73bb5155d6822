//! A problem with a file that can be rebuilt.

use std::path::PathBuf;

/// A file of an approximate index that does not match the recordings. Nothing is lost with it: it can be rebuilt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheProblem {
    /// The file.
    pub path: PathBuf,
    /// What is wrong with it, and where.
    pub problem: String,
}
