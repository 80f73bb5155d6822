//! A recording of a collection that cannot be read.

use std::path::PathBuf;

use nocturne_psg::RecordingId;

use crate::error::{Error, StoredFile};

/// A recording whose segment is damaged or lost, and the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingRecording {
    /// The recording.
    pub recording: RecordingId,
    /// Its segment.
    pub path: PathBuf,
    /// Where the damage starts, in bytes.
    pub offset: u64,
    /// What is wrong there.
    pub problem: String,
}

impl MissingRecording {
    /// Logs it, once, when it is found.
    pub(crate) fn logged(self) -> Self {
        tracing::warn!("`{}` is left out of every answer: {}", self.recording, self.error());
        self
    }

    /// Returns the error of a question about this recording.
    pub fn error(&self) -> Error {
        let Self { path, offset, problem, .. } = self.clone();
        Error::Damaged { file: StoredFile::Segment, path, offset, problem }
    }
}
