//! Why a run ended, or a recording was skipped.

use std::borrow::Cow;
use std::path::PathBuf;

use nocturne_psg::RecordingId;

/// The result of indexing.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a run ended.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The folder cannot be listed.
    #[error("cannot list `{}`: {source}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// The error of the system.
        source: std::io::Error,
    },
    /// There is no recording in the folder or below it.
    #[error("no recording in `{}`; expected files that end in {expected}", path.display())]
    NoRecordings {
        /// The folder.
        path: PathBuf,
        /// The endings of recordings.
        expected: &'static str,
    },
    /// The collection cannot be written.
    #[error(transparent)]
    Index(#[from] nocturne_index::Error),
    /// A list of recordings cannot be read.
    #[error(transparent)]
    List(nocturne_psg::Error),
    /// The file of a profile cannot be read.
    #[error(transparent)]
    Profile(nocturne_psg::Error),
    /// A thread of the run ended without a result; a bug.
    #[error("the {thread} thread of the run ended early")]
    ThreadLost {
        /// The thread.
        thread: &'static str,
    },
}

impl Error {
    /// Returns the next step for the user, if there is one.
    pub fn hint(&self) -> Option<Cow<'_, str>> {
        let hint = match self {
            Self::Folder { .. } => Some("check the path; names are case-sensitive"),
            Self::NoRecordings { .. } => {
                Some("name the folder that contains the recordings, or one above it")
            }
            Self::Index(error) => return error.hint(),
            Self::Profile(error) | Self::List(error) => error.hint(),
            Self::ThreadLost { .. } => {
                Some("this is a bug in Nocturne; please report it with the messages before it")
            }
        };
        hint.map(Cow::Borrowed)
    }
}

/// Why a recording was skipped.
#[derive(Debug, thiserror::Error)]
pub enum RecordingError {
    /// It cannot be read.
    #[error(transparent)]
    Psg(#[from] nocturne_psg::Error),
    /// It cannot be encoded.
    #[error("`{}` cannot be encoded: {source}", path.display())]
    Encoder {
        /// The recording.
        path: PathBuf,
        /// The error of the encoder.
        source: nocturne_encoder::Error,
    },
    /// Its path is not a valid name.
    #[error("the path `{}` is not a valid recording name: {source}", path.display())]
    Name {
        /// The recording.
        path: PathBuf,
        /// What is wrong with the name.
        source: nocturne_psg::InvalidRecordingId,
    },
    /// The collection contains another recording of the same name.
    #[error("`{}` would be named `{id}`, which is the name of `{holder}` in the collection", path.display())]
    NameTaken {
        /// The recording.
        path: PathBuf,
        /// The name.
        id: RecordingId,
        /// Path of the recording that has the name.
        holder: String,
    },
    /// It has changed since it was indexed, so it cannot be embedded for another space.
    #[error("`{}` has changed since it was indexed as `{id}`", path.display())]
    Changed {
        /// The recording.
        path: PathBuf,
        /// Its name in the collection.
        id: RecordingId,
    },
    /// It is no longer where it was when it was indexed.
    #[error(
        "`{}`, which was indexed as `{id}`, no longer exists{}",
        path.display(),
        folder.as_ref().map(|folder| format!(", and is not below `{}`", folder.display())).unwrap_or_default()
    )]
    Gone {
        /// Where it was.
        path: PathBuf,
        /// Its name in the collection.
        id: RecordingId,
        /// Folder that was searched too.
        folder: Option<PathBuf>,
    },
    /// It was indexed with a profile file that was not given.
    #[error("`{id}` was indexed with a profile file with the SHA-256 {sha256}")]
    OwnProfile {
        /// Its name in the collection.
        id: RecordingId,
        /// SHA-256 of the profile file.
        sha256: String,
    },
    /// It has warnings, and the run is strict.
    #[error("`{}` has {n} warnings, the first: {first}", path.display())]
    Strict {
        /// The recording.
        path: PathBuf,
        /// Number of warnings.
        n: usize,
        /// The first of them.
        first: String,
    },
    /// The collection cannot store it.
    #[error(transparent)]
    Index(nocturne_index::Error),
}

impl RecordingError {
    /// Returns the next step for the user, if there is one.
    pub fn hint(&self) -> Option<Cow<'_, str>> {
        let hint = match self {
            Self::Psg(error) => error.hint(),
            Self::Encoder { source, .. } => source.hint(),
            Self::Name { .. } => Some("rename the file"),
            Self::NameTaken { .. } => Some(
                "give each source a cohort name, which is prefixed to the names of its recordings",
            ),
            Self::Changed { .. } => Some("index it again first"),
            Self::Gone { .. } => Some("name the folder that contains the recordings now"),
            Self::OwnProfile { .. } => Some("pass that file as the profile"),
            Self::Strict { .. } => Some("a run that is not strict reads it with its warnings"),
            Self::Index(error) => return error.hint(),
        };
        hint.map(Cow::Borrowed)
    }
}

/// Returns whether a failed write is due to the recording, so that others can still be written.
pub(crate) fn is_of_one_recording(error: &nocturne_index::Error) -> bool {
    let is_invalid = matches!(
        error,
        nocturne_index::Error::InvalidDraft { .. } | nocturne_index::Error::Dimension { .. }
    );
    is_invalid || error.is_conflict()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id() -> RecordingId {
        RecordingId::new("shhs/a").unwrap()
    }

    fn path() -> PathBuf {
        PathBuf::from("old/a.edf")
    }

    #[test]
    fn messages_name_the_file_and_the_recording() {
        let check = |error: RecordingError, expected: &str| {
            assert_eq!(error.to_string(), expected);
            assert!(error.hint().is_some(), "{error}");
        };
        let holder = "new/a.edf".to_owned();
        check(
            RecordingError::NameTaken { path: path(), id: id(), holder },
            "`old/a.edf` would be named `shhs/a`, which is the name of `new/a.edf` in the collection",
        );
        check(
            RecordingError::Changed { path: path(), id: id() },
            "`old/a.edf` has changed since it was indexed as `shhs/a`",
        );
        check(
            RecordingError::Gone { path: path(), id: id(), folder: None },
            "`old/a.edf`, which was indexed as `shhs/a`, no longer exists",
        );
        check(
            RecordingError::Gone { path: path(), id: id(), folder: Some(PathBuf::from("new")) },
            "`old/a.edf`, which was indexed as `shhs/a`, no longer exists, and is not below `new`",
        );
        check(
            RecordingError::Strict { path: path(), n: 2, first: "clock jumps".to_owned() },
            "`old/a.edf` has 2 warnings, the first: clock jumps",
        );
    }

    #[test]
    fn hints_name_no_flag_and_no_command() {
        let source = std::io::Error::from(std::io::ErrorKind::NotFound);
        let errors = [
            Error::Folder { path: path(), source },
            Error::NoRecordings { path: path(), expected: "`.edf`" },
            Error::ThreadLost { thread: "reading" },
        ];
        let recordings = [
            RecordingError::NameTaken { path: path(), id: id(), holder: String::new() },
            RecordingError::Gone { path: path(), id: id(), folder: None },
            RecordingError::OwnProfile { id: id(), sha256: "2c26".to_owned() },
            RecordingError::Strict { path: path(), n: 1, first: String::new() },
        ];
        let hints = errors.iter().filter_map(Error::hint);
        for hint in hints.chain(recordings.iter().filter_map(RecordingError::hint)) {
            assert!(!hint.contains("--") && !hint.contains("nocturne "), "{hint}");
        }
    }
}
