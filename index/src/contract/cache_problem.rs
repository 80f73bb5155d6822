//! A problem with something that can be rebuilt.

use crate::error::LocationName;

/// An approximate index or a concept track that does not match the recordings. Nothing is lost with it: it can be rebuilt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheProblem {
    /// The file, or the collection on a server.
    pub location: LocationName,
    /// What is wrong with it, and where.
    pub problem: String,
}
