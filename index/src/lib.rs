//! Keeps points safely and finds the nearest.
//!
//! A **collection** is a folder that holds the embeddings of recordings, all made by one model bundle (its [`Space`]):
//!
//! - [`CollectionWriter`] adds, replaces and removes recordings.
//!   When [`commit`](CollectionWriter::commit) returns, the recording survives a power cut and is visible whole.
//! - [`Collection`] is a snapshot for readers; [`Collection::refresh`] gives the next one, and
//!   [`Collection::copy_to`] makes a backup while a writer is at work.
//! - [`VectorIndex`] finds the epochs nearest to a query. [`ExactIndex`] looks at every epoch and is right by definition;
//!   [`PartitionIndex`] looks at the lists of epochs that point the way of the query, and [`GraphIndex`] walks a graph;
//!   both ask the exact one wherever they would be slow or incomplete. [`PlannedIndex`] chooses, and says what it chose.
//! - [`Spaces`] keeps the vectors of several bundles side by side in one collection, of which one is served and can be
//!   replaced by another in one step.
//! - [`qdrant`] does the same with a server of Qdrant in place of the folder. [`Destination`], [`SpaceReader`] and
//!   [`SpaceKeeper`] are what both can do.
//!
//! An epoch's identity is its recording's name and its number ([`EpochRef`](nocturne_psg::EpochRef)):
//! it stays the same however often the recording is indexed again.
//!
//! # The folder
//!
//! ```text
//! manifest-000041.jsonl   a log: the whole now and then, after it what each commit changed; the highest number counts
//! manifest-000042.jsonl
//! segments/<hash>.seg     one recording each, sealed, named by its content
//! partitions/<hash>.lists a cache: the codes of all epochs in lists
//! graphs/<hash>.graph     a cache: the codes of all epochs, each with its neighbours
//! writer.lock             held while a writer lives
//! space.jsonl             where the bundle is that fills it
//! serving.jsonl           which space is served, where there has been another than this folder itself
//! spaces/<name>/          another space, laid out like this
//! ```
//!
//! The modules `folder::manifest`, `storage::segment`, `folder::spaces`, `search::ivf::lists` and `search::hnsw::file` describe the files byte by byte.
//! Every other file is ignored, and none is ever read outside the folder.
//!
//! # Example
//!
//! ```
//! use nocturne_encoder::{Embedding, bundle::Preprocessing};
//! use nocturne_index::{
//!     Collection, CollectionWriter, EpochPoint, ExactIndex, RecordingDraft, SearchRequest, Space, VectorIndex,
//! };
//! use nocturne_psg::montage::ChannelMask;
//! use nocturne_psg::{EpochNumber, EventSet, Quality, RecordingId, Stage, ZScore};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let temporary = tempfile::tempdir()?;
//! # let folder = temporary.path();
//! let space = Space {
//!     bundle: "small".into(),
//!     fingerprint: "5d41".into(),
//!     dim: 2,
//!     preprocessing: Preprocessing { montage: "sleeplm-10".into(), z_score: ZScore::Recording },
//! };
//! let epoch = EpochPoint {
//!     number: EpochNumber(0),
//!     onset_s: 0.0,
//!     mask: ChannelMask::ALL,
//!     quality: Quality::default(),
//!     stage: Some(Stage::N2),
//!     events: EventSet::EMPTY,
//!     vector: Embedding::new(vec![3.0, 4.0])?,
//! };
//! let mut writer = CollectionWriter::create(folder, &space)?;
//! writer.commit(RecordingDraft {
//!     id: RecordingId::new("night-001")?,
//!     source: "night-001.edf".into(),
//!     source_sha256: "2c26…".into(),
//!     annotations_sha256: None,
//!     start: None,
//!     metadata: Default::default(),
//!     montage: serde_json::Value::Null,
//!     events: None,
//!     epochs: vec![epoch],
//!     captions: vec![],
//! })?;
//!
//! let index = ExactIndex::open(&Collection::open(folder)?)?;
//! let hits = index.search(&Embedding::new(vec![0.0, 1.0])?, &SearchRequest::nearest(10))?;
//! assert_eq!(hits[0].epoch.to_string(), "night-001:0");
//! assert!((hits[0].score - 0.8).abs() < 1e-3);
//! # Ok(())
//! # }
//! ```

mod contract;
mod error;
mod filter;
mod folder;
pub mod qdrant;
mod recording;
mod search;
pub mod storage;
#[cfg(test)]
mod test_collection;
mod vector;

pub use contract::{
    CaptionHit, Catalogue, Destination, Facet, FacetCounts, FacetValue, Hit, Listed, Page,
    Recordings, SearchAnswer, SearchPlan, SearchRequest, SpaceKeeper, SpaceReader, VectorIndex,
};
pub use error::{Error, LockHolder, Result, StoreErrorKind, StoredFile};
pub use filter::{
    Expression, Filter, FilterProblem, MAX_FILTER_BYTES, MAX_FILTER_DEPTH, RowFilter,
};
pub use folder::{
    Collection, CollectionWriter, Copied, Coverage, Demand, Duplicate, DuplicateSettings,
    Duplicates, Existing, Promoted, Serving, SpaceRecord, Spaces, SpacesCopied, find_duplicates,
};
pub use recording::{
    CaptionPoint, ContentHash, EmbeddingSpace, EpochColumns, EpochPoint, EpochRow,
    InvalidSpaceName, RecordingDraft, RecordingEntry, SegmentRef, SpaceName,
};
pub use search::{
    CacheProblem, CompactionState, ExactIndex, HnswGraph, HnswIndex, HnswSettings, IvfIndex,
    PlannedIndex, ScoreTable,
};
pub use storage::segment::{
    Captions, EpochView, MissingRecording, Recording, SegmentSet, StoredVectors,
};
