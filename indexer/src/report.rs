//! What a run tells while it goes on, and what came of it.

use std::path::PathBuf;

use nocturne_psg::{RecordingId, Warning};

use crate::RecordingError;

/// What a run tells while it goes on.
#[derive(Debug)]
pub enum Progress<'a> {
    /// The recordings are found.
    Found {
        /// How many there are.
        n_recordings: usize,
    },
    /// A recording of the collection is damaged on the disk; where it is found again, it is read anew.
    Damaged {
        /// The recording.
        recording: &'a RecordingId,
        /// What is wrong.
        error: &'a nocturne_index::Error,
    },
    /// A recording is in the collection, durably.
    Acknowledged(&'a Acknowledged),
    /// The collection held a recording already as it is.
    Unchanged(&'a RecordingId),
    /// Another indexer is at work on a recording, which is looked at again at the end.
    Held {
        /// The recording.
        recording: &'a RecordingId,
        /// Who is at work on it.
        holder: &'a str,
    },
    /// Another indexer has brought a recording while this one was at work on others.
    ByOthers(&'a RecordingId),
    /// A recording was removed, as it was from the space that is followed.
    Removed(&'a RecordingId),
    /// A recording was passed over.
    Failed(&'a Failed),
}

/// A recording that is in the collection.
#[derive(Debug)]
pub struct Acknowledged {
    /// Its name.
    pub recording: RecordingId,
    /// Number of its epochs.
    pub n_epochs: usize,
    /// What was odd about it.
    pub warnings: Vec<Warning>,
}

/// A recording that was passed over.
#[derive(Debug)]
pub struct Failed {
    /// The file.
    pub path: PathBuf,
    /// Why.
    pub error: RecordingError,
}

/// What came of a run.
#[derive(Debug, Default)]
pub struct Report {
    /// Recordings that were added or replaced.
    pub acknowledged: Vec<Acknowledged>,
    /// Recordings that were there already.
    pub unchanged: Vec<RecordingId>,
    /// Recordings that other indexers have brought meanwhile.
    pub by_others: Vec<RecordingId>,
    /// Recordings that were removed, which only a backfill does.
    pub removed: Vec<RecordingId>,
    /// Recordings that were passed over.
    pub failed: Vec<Failed>,
}

impl Report {
    /// Returns how many epochs were added.
    pub fn n_epochs(&self) -> usize {
        self.acknowledged.iter().map(|acknowledged| acknowledged.n_epochs).sum()
    }
}
