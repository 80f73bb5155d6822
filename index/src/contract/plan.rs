//! How a search was done.

use std::fmt;

use crate::contract::Hit;

/// The hits of a search, and how they were found.
#[derive(Debug, Clone, PartialEq)]
pub struct Found {
    /// The hits, the best first.
    pub hits: Vec<Hit>,
    /// How they were found.
    pub plan: Plan,
}

/// A way to search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Plan {
    /// Every epoch that the filter allows was looked at: no better hit was missed.
    Scan,
    /// The epochs of the lists nearest to the query were looked at.
    Partitions {
        /// How many lists.
        lists: usize,
        /// How many lists there are.
        of: usize,
    },
    /// A graph was walked towards the query.
    Graph {
        /// How many candidates were held at a time.
        candidates: usize,
    },
    /// Qdrant was asked.
    Qdrant {
        /// Whether it looked at every epoch that the filter allows, and did not walk its graph.
        is_exact: bool,
    },
}

impl Plan {
    /// Returns whether no better hit can have been missed.
    pub fn is_exact(self) -> bool {
        matches!(self, Self::Scan | Self::Qdrant { is_exact: true })
    }
}

impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scan => f.write_str("scan"),
            Self::Partitions { lists, of } => write!(f, "partitions ({lists} of {of} lists)"),
            Self::Graph { candidates } => write!(f, "graph ({candidates} candidates)"),
            Self::Qdrant { is_exact: true } => f.write_str("qdrant exact"),
            Self::Qdrant { is_exact: false } => f.write_str("qdrant approximate"),
        }
    }
}
