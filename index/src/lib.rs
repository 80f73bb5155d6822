//! Stores embeddings of sleep recordings durably, and finds the nearest.
//!
//! A **collection** holds the embeddings of recordings, all computed by one model bundle (its [`EmbeddingSpace`]).
//! A [`Location`] says where it is: a folder, or an address on a Qdrant server. The same traits serve both:
//!
//! - [`CollectionWriter`] adds, replaces and removes recordings.
//!   When [`commit`](CollectionWriter::commit) returns, the recording survives a power cut and is visible whole.
//! - [`CollectionReader`] is a snapshot. [`refresh`](CollectionReader::refresh) returns the next one, also while a writer is
//!   at work.
//! - [`VectorIndex`] finds the epochs nearest to a query. Every reader is one. For a folder it is a [`PlannedIndex`], which
//!   chooses between the exact scan ([`ExactIndex`]) and approximate indexes ([`IvfIndex`], [`HnswIndex`]).
//! - [`Spaces`] manages several embedding spaces side by side in one collection. One of them is served, and can be replaced
//!   by another in one step.
//!
//! [`join`] and [`copy_collection`] copy from any collection to any other. [`Catalogue`] lists and counts recordings, and
//! [`find_duplicates`] finds recordings that were indexed twice.
//!
//! An epoch is identified by the id of its recording and its number ([`EpochRef`](nocturne_psg::EpochRef)), which stays the
//! same however often the recording is indexed again.
//!
//! # Layers
//!
//! `vector`, `filter` and `recording` know no files. `storage` reads and writes files. `contract` has the traits above and what
//! is built on them alone. `search` finds the nearest epochs in segments. `folder` and [`qdrant`] store collections, and
//! `location` chooses between them. No layer uses a later one.
//!
//! # The folder
//!
//! ```text
//! manifest-000041.jsonl   a log: now and then the whole list of recordings, then what each commit changed
//! manifest-000042.jsonl   the highest number counts
//! segments/<hash>.seg     one recording each, sealed, named by its content
//! ivf/<hash>.ivf          a cache: the codes of all epochs in inverted lists
//! hnsw/<hash>.hnsw        a cache: the codes of all epochs, each with its neighbours in a graph
//! tracks/<hash>-<hash>.trk  a cache: the concept track of a recording
//! writer.lock             held while a writer lives
//! space.jsonl             which bundle fills the space, and where it is
//! serving.jsonl           which space is served; without it, the folder itself
//! spaces/<name>/          another space, laid out like this
//! ```
//!
//! The modules `folder::manifest`, `storage::segment`, `storage::track_file`, `folder::spaces`, `search::ivf::file` and `search::hnsw::file`
//! describe the files byte by byte. Other files are ignored, and no file outside the folder is read.
//!
//! # Example
//!
//! ```
//! use nocturne_encoder::{Embedding, bundle::Preprocessing};
//! use nocturne_index::{
//!     EmbeddingSpace, EpochPoint, Location, RecordingDraft, SearchRequest, VectorIndex,
//! };
//! use nocturne_psg::montage::ChannelMask;
//! use nocturne_psg::{EpochNumber, EventSet, Quality, RecordingId, Stage, ZScore};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let temporary = tempfile::tempdir()?;
//! # let path = temporary.path();
//! let location = Location::from(path);
//! let space = EmbeddingSpace {
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
//! location.open_or_create(&space)?.commit(RecordingDraft {
//!     id: RecordingId::new("night-001")?,
//!     source: "night-001.edf".into(),
//!     source_sha256: "2c26…".into(),
//!     annotations_sha256: None,
//!     origin: nocturne_psg::RecordingOrigin::Recorded,
//!     declared_events: EventSet::EMPTY,
//!     start: None,
//!     metadata: Default::default(),
//!     montage: serde_json::Value::Null,
//!     events: None,
//!     signals: None,
//!     epochs: vec![epoch],
//!     captions: vec![],
//! })?;
//!
//! let collection = location.open()?;
//! let hits = collection.search(&Embedding::new(vec![0.0, 1.0])?, &SearchRequest::nearest(10))?;
//! assert_eq!(hits[0].epoch.to_string(), "night-001:0");
//! assert!((hits[0].score - 0.8).abs() < 1e-3);
//! # Ok(())
//! # }
//! ```

mod contract;
mod error;
mod filter;
mod folder;
mod location;
pub mod qdrant;
mod recording;
mod search;
pub mod storage;
#[cfg(test)]
mod test_collection;
mod vector;

pub use contract::{
    CacheProblem, CaptionHit, Catalogue, CollectionCopy, CollectionReader, CollectionWriter,
    CopyConflict, CopyOutcome, CopyReport, Coverage, Duplicate, DuplicateSettings, Duplicates,
    ExistingCopy, Facet, FacetCounts, FacetValue, Hit, ListedRecording, ListingPage,
    MAX_TRACK_BYTES, OnConflict, Promotion, RepairOutcome, RequiredCoverage, SearchAnswer,
    SearchPlan, SearchRequest, Serving, ServingPointer, SpaceRecord, Spaces, Track, TrackDraft,
    TrackProblem, VectorIndex, VerifyProblem, copy_collection, find_duplicates, join, repair,
};
pub use error::{
    Error, FoundInstead, LocationName, LockHolder, Result, StoreErrorKind, StoredFile,
};
pub use filter::{
    Expression, Filter, FilterProblem, MAX_FILTER_BYTES, MAX_FILTER_DEPTH, RowFilter,
};
pub use folder::{FolderReader, FolderSpaces, FolderWriter};
pub use location::{Location, ServerBackup};
pub use recording::{
    CaptionPoint, ContentHash, EmbeddingSpace, EpochColumns, EpochPoint, EpochRow,
    InvalidSpaceName, RecordingDraft, RecordingEntry, SegmentRef, SpaceName,
};
pub use search::{
    CompactionState, ExactIndex, HnswGraph, HnswIndex, HnswSettings, IvfIndex, PlannedIndex,
};
pub use storage::segment::{
    Captions, EpochView, MissingRecording, Recording, SegmentSet, StoredVectors,
};
pub use vector::ScoreTable;
