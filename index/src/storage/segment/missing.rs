//! A recording of a collection that cannot be read.

use std::path::PathBuf;

use nocturne_psg::RecordingId;

use crate::error::{Error, LocationName, StoredFile};

/// A recording that is damaged, lost or not uploaded completely, and the reason.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingRecording {
    /// The recording.
    pub recording: RecordingId,
    /// Its segment, or the space on a server.
    pub location: LocationName,
    /// Where the damage of a segment starts, in bytes.
    pub offset: Option<u64>,
    /// What is wrong there.
    pub problem: String,
}

impl MissingRecording {
    /// Logs it, once, when it is found.
    pub(crate) fn logged(self) -> Self {
        let Self { recording, location, offset, problem } = &self;
        match offset {
            Some(_) => {
                tracing::warn!("`{recording}` is left out of every answer: {}", self.error());
            }
            None => {
                tracing::warn!(
                    "`{recording}` is left out of every answer: `{location}`: {problem}"
                );
            }
        }
        self
    }

    /// Returns the error of a question about a recording whose segment is damaged.
    pub(crate) fn error(&self) -> Error {
        let Self { location, offset, problem, .. } = self.clone();
        let path = match location {
            LocationName::Path(path) => path,
            LocationName::Address(address) => PathBuf::from(address),
        };
        Error::Damaged { file: StoredFile::Segment, path, offset: offset.unwrap_or(0), problem }
    }
}
