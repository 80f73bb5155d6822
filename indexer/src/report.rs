//! The progress of a run, and its report.

use std::path::PathBuf;

use nocturne_psg::{RecordingId, Warning};

use crate::error::RecordingError;

/// An event of a run.
#[derive(Debug)]
pub enum Progress<'a> {
    /// The recordings to index were found.
    Found {
        /// Number of recordings.
        n_recordings: usize,
    },
    /// A recording of the collection is damaged on disk; it is indexed again if its file was found.
    Damaged {
        /// The recording.
        recording: &'a RecordingId,
        /// The damage.
        error: &'a nocturne_index::Error,
    },
    /// A recording was added or replaced, durably.
    Acknowledged(&'a Acknowledged),
    /// The collection has the recording already.
    Unchanged(&'a RecordingId),
    /// A recording was removed, because it was removed from the space that a backfill follows.
    Removed(&'a RecordingId),
    /// A recording could not be indexed.
    Failed(&'a Failed),
}

/// A recording that was added or replaced.
#[derive(Debug)]
pub struct Acknowledged {
    /// Its id.
    pub recording: RecordingId,
    /// Number of its epochs.
    pub n_epochs: usize,
    /// Warnings of reading it.
    pub warnings: Vec<Warning>,
}

/// A recording that could not be indexed.
#[derive(Debug)]
pub struct Failed {
    /// The file.
    pub path: PathBuf,
    /// The reason.
    pub error: RecordingError,
}

/// The result of a run.
#[derive(Debug, Default)]
pub struct Report {
    /// Recordings that were added or replaced.
    pub acknowledged: Vec<Acknowledged>,
    /// Recordings that the collection had already.
    pub unchanged: Vec<RecordingId>,
    /// Recordings that a backfill has removed.
    pub removed: Vec<RecordingId>,
    /// Recordings that could not be indexed.
    pub failed: Vec<Failed>,
}

impl Report {
    /// Returns the number of epochs that were added.
    pub fn n_epochs(&self) -> usize {
        self.acknowledged.iter().map(|acknowledged| acknowledged.n_epochs).sum()
    }
}
