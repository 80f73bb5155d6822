//! Finds the epochs nearest to a query: the exact scan, the approximate indexes, and the planner that chooses.

pub(crate) mod check;
mod exact;
pub(crate) mod hnsw;
pub(crate) mod ivf;
pub(crate) mod member;
mod planner;
mod scores;
pub(crate) mod shortlist;
pub(crate) mod threads;

pub use check::CacheProblem;
pub use exact::ExactIndex;
pub use hnsw::{GraphIndex, GraphSettings, HnswGraph};
pub use ivf::{Due, PartitionIndex};
pub use planner::PlannedIndex;
pub use scores::ScoreTable;
