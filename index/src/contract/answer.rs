//! The answer of a search: hits, and how they were found.

use std::fmt;

use super::Hit;

/// The hits of a search, and how they were found.
#[derive(Debug, Clone, PartialEq)]
pub struct SearchAnswer {
    /// The hits, the best first.
    pub hits: Vec<Hit>,
    /// How they were found.
    pub plan: SearchPlan,
}

/// How a search is executed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SearchPlan {
    /// Every allowed epoch was scanned; no better hit was missed.
    Scan,
    /// The nearest inverted lists were probed.
    Ivf {
        /// Number of lists probed.
        n_probes: usize,
        /// Number of lists of the index.
        n_lists: usize,
    },
    /// An HNSW graph was searched.
    Hnsw {
        /// Number of candidates of the beam search (`ef`).
        ef: usize,
    },
    /// A Qdrant server was asked.
    Qdrant {
        /// Whether it scanned every allowed epoch instead of searching its graph.
        is_exact: bool,
    },
}

impl SearchPlan {
    /// Returns whether no better hit can have been missed.
    pub fn is_exact(self) -> bool {
        matches!(self, Self::Scan | Self::Qdrant { is_exact: true })
    }
}

impl fmt::Display for SearchPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scan => f.write_str("scan"),
            Self::Ivf { n_probes, n_lists } => write!(f, "ivf ({n_probes} of {n_lists} lists)"),
            Self::Hnsw { ef } => write!(f, "hnsw ({ef} candidates)"),
            Self::Qdrant { is_exact: true } => f.write_str("qdrant exact"),
            Self::Qdrant { is_exact: false } => f.write_str("qdrant approximate"),
        }
    }
}
