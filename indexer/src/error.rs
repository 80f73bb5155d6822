//! Why nothing, or one recording, could be indexed.

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
        /// The system's answer.
        source: std::io::Error,
    },
    /// The folder and those below it hold no recording.
    #[error("`{}` holds no recording; expected files that end in {expected}", path.display())]
    NoRecordings {
        /// The folder.
        path: PathBuf,
        /// The endings that were looked for.
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
    /// A thread of the run ended without a result; a mistake of the program.
    #[error("the {thread} thread of the run ended early")]
    ThreadLost {
        /// The thread.
        thread: &'static str,
    },
}

impl Error {
    /// Returns the next step for the user, where there is one.
    pub fn hint(&self) -> Option<Cow<'_, str>> {
        let hint = match self {
            Self::Folder { .. } => Some("check the path; names are case-sensitive"),
            Self::NoRecordings { .. } => {
                Some("name the folder that holds the recordings, or one above it")
            }
            Self::Index(error) => return error.hint(),
            Self::Profile(error) | Self::List(error) => error.hint(),
            Self::ThreadLost { .. } => {
                Some("this is a fault of Nocturne; please report it with the messages before it")
            }
        };
        hint.map(Cow::Borrowed)
    }
}

/// Why one recording was passed over.
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
        /// What the encoder says.
        source: nocturne_encoder::Error,
    },
    /// Its path makes no name.
    #[error("`{}` makes no name for a recording: {source}", path.display())]
    Name {
        /// The recording.
        path: PathBuf,
        /// What is wrong with the name.
        source: nocturne_psg::InvalidRecordingId,
    },
    /// The collection holds another recording of the same name.
    #[error("`{}` would be named `{id}`, which the collection holds from `{holder}`", path.display())]
    NameTaken {
        /// The recording.
        path: PathBuf,
        /// The name.
        id: RecordingId,
        /// Path of the recording that has the name.
        holder: String,
    },
    /// It was changed since it was indexed, and is to be embedded as it was.
    #[error("`{}` is no longer the recording that was indexed as `{id}`", path.display())]
    Changed {
        /// The recording.
        path: PathBuf,
        /// Its name in the collection.
        id: RecordingId,
    },
    /// It is not where it was when it was indexed.
    #[error(
        "`{}`, which was indexed as `{id}`, is not there any more{}",
        path.display(),
        folder.as_ref().map(|folder| format!(", nor below `{}`", folder.display())).unwrap_or_default()
    )]
    Gone {
        /// Where it was.
        path: PathBuf,
        /// Its name in the collection.
        id: RecordingId,
        /// Where else it was looked for.
        folder: Option<PathBuf>,
    },
    /// It was indexed by a profile of one's own, which is to be given again.
    #[error("`{id}` was indexed by a profile of one's own with the SHA-256 {sha256}")]
    OwnProfile {
        /// Its name in the collection.
        id: RecordingId,
        /// What the profile's file must have.
        sha256: String,
    },
    /// It is read with warnings, and none is wanted.
    #[error("`{}` is read with {n} warnings, the first: {first}", path.display())]
    Strict {
        /// The recording.
        path: PathBuf,
        /// Number of warnings.
        n: usize,
        /// The first of them.
        first: String,
    },
    /// The collection refuses it.
    #[error(transparent)]
    Index(nocturne_index::Error),
}

impl RecordingError {
    /// Returns the next step for the user, where there is one.
    pub fn hint(&self) -> Option<Cow<'_, str>> {
        let hint = match self {
            Self::Psg(error) => error.hint(),
            Self::Encoder { source, .. } => source.hint(),
            Self::Name { .. } => Some("rename the file"),
            Self::NameTaken { .. } => {
                Some("give each source a name of its own with `--cohort NAME`")
            }
            Self::Changed { .. } => Some("index it again first"),
            Self::Gone { .. } => {
                Some("name the folder where the recordings are now with `--recordings DIR`")
            }
            Self::OwnProfile { .. } => Some("name that file with `--profile FILE`"),
            Self::Strict { .. } => Some("without `--strict` it is read all the same"),
            Self::Index(error) => return error.hint(),
        };
        hint.map(Cow::Borrowed)
    }
}
