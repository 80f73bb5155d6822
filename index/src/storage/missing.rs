//! A recording that is in the collection and cannot be read.

use std::path::PathBuf;

use nocturne_psg::RecordingId;

use crate::error::Error;

/// A recording whose segment is damaged, and what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingRecording {
    /// The recording.
    pub recording: RecordingId,
    /// Its segment.
    pub path: PathBuf,
    /// Where the damage begins, in bytes.
    pub offset: u64,
    /// What is wrong there.
    pub problem: String,
}

impl MissingRecording {
    /// Writes it to the log, once, when it is found.
    pub(crate) fn told(self) -> Self {
        tracing::warn!("`{}` is left out of every answer: {}", self.recording, self.error());
        self
    }

    /// Returns the error that a question about this very recording ends with.
    pub fn error(&self) -> Error {
        let Self { path, offset, problem, .. } = self.clone();
        Error::DamagedSegment { path, offset, problem }
    }
}
