//! Fills a collection from recordings: read → encode → write.
//!
//! [`discover`] finds the recordings of a folder; [`Indexer::run`] reads each on one thread, encodes it on another and
//! commits it on the caller's, with one night waiting at most. A recording that the collection holds already is passed
//! over by its hash, so a run that was interrupted goes on where it stopped. A recording that cannot be read is
//! reported, and the run goes on. Several indexers share an archive by [`Shard`]s.
//!
//! [`Backfill`] fills another space of a collection with what the served one holds, embedded by another bundle.

mod backfill;
mod captions;
mod discover;
mod encode;
mod error;
mod identical_files;
mod pipeline;
mod read_recording;
mod recording_list;
mod report;
mod reporter;
mod shard;

pub use backfill::{Backfill, BackfillOptions, DutyCycle};
pub use captions::CaptionKinds;
pub use discover::{FoundRecording, discover};
pub use error::{Error, RecordingError, Result};
pub use nocturne_psg::RowProblem;
pub use pipeline::{Indexer, Options};
pub use recording_list::RecordingList;
pub use report::{Acknowledged, Failed, Progress, Report};
pub use shard::{InvalidShard, Shard};
