//! Fills a collection from recordings: read → encode → write.
//!
//! [`discover`] finds the recordings of a folder, [`RecordingList`] reads a list of them. [`Indexer::run`] reads each on
//! one thread, encodes it on another and commits it on the caller's; at most two nights are in memory. A recording that
//! the collection contains with the same hash is skipped, so an interrupted run resumes where it stopped. A recording
//! that cannot be read is reported, and the run goes on. Several indexers share an archive by [`Shard`]s.
//!
//! [`Backfill`] fills another space of a collection with the recordings of the served one, embedded by another bundle.
//!
//! # Modules
//!
//! From the ground up; each uses only those above it.
//!
//! - `error`, `shard`, `captions`, `options`.
//! - `discover`, `recording_list`: which recordings there are.
//! - `report`, `identical_files`, `reporter`: the progress and result of a run.
//! - `read_recording`, `encode`: one recording.
//! - `pipeline`, `backfill`: the runs.

mod backfill;
mod captions;
mod discover;
mod encode;
mod error;
mod identical_files;
mod options;
mod pipeline;
mod read_recording;
mod recording_list;
mod report;
mod reporter;
mod shard;

pub use backfill::{Backfill, BackfillOptions, DutyCycle};
pub use captions::{Caption, CaptionKinds, CaptionWriter};
pub use discover::{FoundRecording, discover, other_files};
pub use error::{Error, RecordingError, Result};
pub use nocturne_psg::RowProblem;
pub use options::IndexOptions;
pub use pipeline::Indexer;
pub use recording_list::RecordingList;
pub use report::{Acknowledged, Failed, Progress, Report};
pub use shard::{InvalidShard, Shard};
