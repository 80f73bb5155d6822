//! Finds the epochs nearest to a query: the exact scan, two approximate indexes, and the planner that chooses.
//!
//! Everything here works on the open segments of one snapshot ([`SegmentSet`](crate::storage::segment::SegmentSet)), and
//! knows nothing of manifests, spaces or writers. That is why a segment belongs to `storage`, below, and not to `folder`,
//! above: an abstraction of rows in between would have had one implementation.
//!
//! # Why not faiss?
//!
//! Its inverted lists with 8-bit codes reached at most 0.988 of the nearest epochs of texts, and took 2 to 3 times as long
//! at a recall of 0.95 (`BENCHMARKS.md`, "200,000 epochs"). Its flat index scores single precision, 4 times the bytes of a
//! scan that is limited by memory. Rows of a recording would not be consecutive, on which filters and night queries rely.
//! `hnsw_rs` builds the graph; see [`hnsw`] for why it does not search it.

mod allowed;
mod cache_check;
mod cache_member;
mod centroid_sections;
mod exact;
pub(crate) mod hnsw;
pub(crate) mod ivf;
mod planner;
mod sample_queries;
mod shortlist;

pub(crate) use cache_check::check_caches;
pub use exact::ExactIndex;
pub use hnsw::{HnswGraph, HnswIndex, HnswSettings};
pub use ivf::{CompactionState, IvfIndex};
pub use planner::PlannedIndex;
