//! What every store of recordings can do, a folder as well as a Qdrant server: read, write, search, manage embedding spaces;
//! and what can be done with any of them: list, count, copy, find duplicates.

mod answer;
mod cache_problem;
mod catalogue;
mod copy;
mod duplicates;
mod index;
mod reader;
mod spaces;
mod track;
mod writer;

pub use answer::{SearchAnswer, SearchPlan};
pub use cache_problem::CacheProblem;
pub use catalogue::{Catalogue, Facet, FacetCounts, FacetValue, ListedRecording, ListingPage};
pub(crate) use copy::mirror_each;
pub use copy::{
    CollectionCopy, CopyConflict, CopyOutcome, CopyReport, ExistingCopy, OnConflict, RepairOutcome,
    copy_collection, join, repair,
};
pub use duplicates::{Duplicate, DuplicateSettings, Duplicates, find_duplicates};
pub(crate) use index::expect_dim;
pub use index::{CaptionHit, Hit, SearchRequest, VectorIndex};
pub(crate) use reader::expect_space;
pub use reader::{CollectionReader, VerifyProblem};
pub use spaces::{
    Coverage, Promotion, RequiredCoverage, Serving, ServingPointer, SpaceRecord, Spaces,
};
pub(crate) use track::{COPIED_AT_ONCE, copy_tracks, damaged_tracks};
pub use track::{MAX_TRACK_BYTES, Track, TrackDraft, TrackProblem};
pub use writer::CollectionWriter;
