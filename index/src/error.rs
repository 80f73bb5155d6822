//! What can go wrong with a collection or a search, in messages that name the file, the value and what was expected.

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};

use nocturne_psg::{EpochRef, RecordingId};

use crate::filter::FilterProblem;
use crate::recording::{EmbeddingSpace, InvalidSpaceName, SpaceName};

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a collection could not be written, read or searched.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system refused an operation; the machine's or the caller's mistake.
    #[error("cannot {action} `{}`: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// The operation, as a verb.
        action: &'static str,
        /// The system's error.
        source: std::io::Error,
    },
    /// There is no collection; the caller's mistake.
    #[error("{}", not_a_collection(location, *found))]
    NotACollection {
        /// The collection.
        location: LocationName,
        /// What is there.
        found: FoundInstead,
    },
    /// A collection cannot be created where one exists; the caller's mistake.
    #[error("`{location}` is already a collection")]
    AlreadyACollection {
        /// The collection.
        location: LocationName,
    },
    /// A collection cannot be created in a folder of other files; the caller's mistake.
    #[error("`{}` contains `{found}`; a new collection needs an empty folder", path.display())]
    FolderInUse {
        /// The folder.
        path: PathBuf,
        /// One of its items.
        found: String,
    },
    /// The collection was filled with another encoder; the caller's mistake.
    #[error(
        "`{location}` was filled with the bundle `{}` ({}); it cannot be used with `{}` ({})",
        found.bundle, found.fingerprint, expected.bundle, expected.fingerprint
    )]
    OtherBundle {
        /// The collection.
        location: LocationName,
        /// The space of the bundle that the collection was filled with.
        found: Box<EmbeddingSpace>,
        /// The space of the bundle that is in use.
        expected: Box<EmbeddingSpace>,
    },
    /// The file has a version of its format that this build does not read.
    #[error("`{location}` has format {found}; this build reads format {supported}")]
    Format {
        /// The file, or the collection on a server.
        location: LocationName,
        /// The version in the file.
        found: u32,
        /// The version that is read.
        supported: u32,
    },
    /// A file is not what was written; the disk's or another program's mistake.
    #[error("`{}` is damaged at byte {offset}: {problem}", path.display())]
    Damaged {
        /// What kind of file it is.
        file: StoredFile,
        /// The file.
        path: PathBuf,
        /// Where the damage was found, in bytes; in segments, the start of a block of 64 KiB.
        offset: u64,
        /// What is wrong there.
        problem: String,
    },
    /// The name of a space is not valid; the caller's mistake.
    #[error(transparent)]
    SpaceName(#[from] InvalidSpaceName),
    /// The collection has no space of that name; the caller's mistake.
    #[error("`{location}` has no space `{name}`; it has `{known}`")]
    UnknownSpace {
        /// The collection.
        location: LocationName,
        /// The name.
        name: SpaceName,
        /// The existing spaces, joined by "`, `".
        known: String,
    },
    /// A space cannot be created where one exists; the caller's mistake.
    #[error("`{location}` already has a space `{name}`")]
    SpaceExists {
        /// The collection.
        location: LocationName,
        /// The name.
        name: SpaceName,
    },
    /// The space is the served one, which is either what was asked for already or prevents the operation; the caller's
    /// mistake.
    #[error("the space `{name}` is the one that `{location}` serves")]
    ServedSpace {
        /// The collection.
        location: LocationName,
        /// The name.
        name: SpaceName,
    },
    /// A space does not have the recordings of the served one; the caller's mistake.
    #[error(
        "the space `{name}` differs from `{served}`: {n_missing} recordings missing, {n_extra} extra, {n_changed} changed"
    )]
    IncompleteSpace {
        /// The space that was to be served.
        name: SpaceName,
        /// The space that is served.
        served: SpaceName,
        /// Recordings that only the served space has.
        n_missing: usize,
        /// Recordings that only the other space has.
        n_extra: usize,
        /// Recordings with other bytes, annotations or metadata.
        n_changed: usize,
    },
    /// The served space was written while another one was promoted; nothing was changed.
    #[error("the space `{name}` of `{location}` was written during the promotion")]
    SpaceChanged {
        /// The collection.
        location: LocationName,
        /// The served space.
        name: SpaceName,
    },
    /// The upload of a recording was not completed and not repeated.
    #[error("the upload of `{recording}` to `{location}` was not completed")]
    UnfinishedUpload {
        /// The space.
        location: LocationName,
        /// The recording.
        recording: RecordingId,
    },
    /// No space was served before, or it was dropped; the caller's mistake.
    #[error("`{location}` has no previously served space to roll back to")]
    NothingToRollBack {
        /// The collection.
        location: LocationName,
    },
    /// A segment that this snapshot needs was replaced and removed meanwhile.
    #[error("generation {generation} of `{}` is gone, the newest is {newest}", path.display())]
    Outdated {
        /// The collection.
        path: PathBuf,
        /// The generation of the snapshot.
        generation: u64,
        /// The newest generation.
        newest: u64,
    },
    /// Another writer holds the lock of the collection.
    #[error("`{}` is being written by {holder}", path.display())]
    Locked {
        /// The collection.
        path: PathBuf,
        /// The holder of the lock.
        holder: LockHolder,
    },
    /// An earlier write of this writer failed and left the state of the disk unknown.
    #[error("writing to `{}` has stopped, because the disk failed to confirm an earlier write", path.display())]
    WriterStopped {
        /// The collection.
        path: PathBuf,
    },
    /// An embedding has another dimension than those of the collection; the caller's mistake.
    #[error("an embedding has {received} dimensions; those of the collection have {expected}")]
    Dimension {
        /// Dimension of the collection's embeddings.
        expected: usize,
        /// Dimension of the given one.
        received: usize,
    },
    /// A draft contradicts itself; the caller's mistake.
    #[error("recording `{recording}` cannot be committed: {problem}")]
    InvalidDraft {
        /// The recording.
        recording: RecordingId,
        /// What is wrong with it.
        problem: String,
    },
    /// The collection has no recording of that id; the caller's mistake.
    #[error("the collection has no recording `{recording}`")]
    UnknownRecording {
        /// The id.
        recording: RecordingId,
    },
    /// The recording has no epoch of that number; the caller's mistake.
    #[error("the collection has no epoch `{epoch}`; that recording has {n_epochs} epochs{range}")]
    UnknownEpoch {
        /// The epoch.
        epoch: EpochRef,
        /// Number of epochs of the recording.
        n_epochs: usize,
        /// The first and the last number, as in `, 0 to 959`, or empty.
        range: String,
    },
    /// A filter expression is not valid for this collection; the caller's mistake.
    #[error(transparent)]
    Filter(#[from] FilterProblem),
    /// Recordings cannot be counted by that name; the caller's mistake.
    #[error("recordings cannot be counted by `{name}`; expected one of `{known}`")]
    UnknownFacet {
        /// The name.
        name: String,
        /// The existing facets, joined by "`, `".
        known: String,
    },
    /// A page token belongs to another list or filter; the caller's mistake.
    #[error("the page token does not belong to a list with this filter")]
    PageToken,
    /// A setting is out of range; the caller's mistake.
    #[error("`{name}` is {value}; expected {expected}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// Its value.
        value: usize,
        /// The valid range.
        expected: &'static str,
    },
    /// A store outside this machine's disk failed, such as a server.
    #[error("{source}")]
    Store {
        /// What the failure means to a caller that does not know the store.
        kind: StoreErrorKind,
        /// The next step for the user, if there is one.
        hint: Option<&'static str>,
        /// The error of the store.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
}

/// Where something is, for messages.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LocationName {
    /// A file or folder.
    Path(PathBuf),
    /// An address on a server.
    Address(String),
}

impl fmt::Display for LocationName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Path(path) => write!(f, "{}", path.display()),
            Self::Address(address) => f.write_str(address),
        }
    }
}

/// What is where a collection was expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FoundInstead {
    /// Nothing.
    Nothing,
    /// A file.
    File,
    /// A folder without a manifest.
    OtherFolder,
}

fn not_a_collection(location: &LocationName, found: FoundInstead) -> String {
    match found {
        FoundInstead::Nothing => format!("there is no collection at `{location}`"),
        FoundInstead::File => {
            format!("`{location}` is a file; expected the folder of a collection")
        }
        FoundInstead::OtherFolder => {
            format!("`{location}` is not a collection: it has no manifest")
        }
    }
}

/// A kind of file of a collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoredFile {
    /// The points of one recording.
    Segment,
    /// A list of recordings.
    Manifest,
    /// A small file such as `serving.jsonl`.
    Note,
}

/// What the failure of a store means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StoreErrorKind {
    /// A recording is not what was written.
    Damage,
    /// The recording was replaced after the collection was opened.
    Outdated,
    /// Another writer has written the recording at the same time.
    Conflict,
    /// The store does not answer now, and may later.
    Unreachable,
    /// Anything else.
    Other,
}

/// The process that holds the lock of a collection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockHolder {
    /// Its process id, unless it has not written it yet.
    pub pid: Option<u32>,
}

impl fmt::Display for LockHolder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.pid {
            Some(pid) => write!(f, "the process {pid}"),
            None => f.write_str("another process"),
        }
    }
}

impl Error {
    pub(crate) fn io(path: &Path, action: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Io { path: path.to_owned(), action, source }
    }

    /// Describes a place without a collection.
    pub(crate) fn no_collection(location: LocationName) -> Self {
        Self::NotACollection { location, found: FoundInstead::Nothing }
    }

    /// Returns whether a recording is not what was written; the others can still be read.
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::Damaged { file: StoredFile::Segment, .. })
            || self.is_store(StoreErrorKind::Damage)
    }

    /// Returns whether what was to be read was replaced meanwhile; a newer snapshot has its replacement.
    pub fn is_outdated(&self) -> bool {
        matches!(self, Self::Outdated { .. }) || self.is_store(StoreErrorKind::Outdated)
    }

    /// Returns whether another writer has written the same recording at the same time; other recordings can be written.
    pub fn is_conflict(&self) -> bool {
        self.is_store(StoreErrorKind::Conflict)
    }

    /// Returns whether a server does not answer now, and may later.
    pub fn is_unreachable(&self) -> bool {
        self.is_store(StoreErrorKind::Unreachable)
    }

    fn is_store(&self, expected: StoreErrorKind) -> bool {
        matches!(self, Self::Store { kind, .. } if *kind == expected)
    }

    /// Returns the next step for the user, if there is one.
    pub fn hint(&self) -> Option<Cow<'_, str>> {
        let hint = match self {
            Self::Filter(problem) => return Some(Cow::Borrowed(&problem.hint)),
            Self::Io { source, .. } if source.kind() == std::io::ErrorKind::StorageFull => {
                Some("free space and run again; what was acknowledged is safe")
            }
            Self::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
                Some("check the path; names are case-sensitive")
            }
            Self::NotACollection { .. } => Some("check the path, or index recordings into it"),
            Self::AlreadyACollection { .. } => Some("open it, or choose another place"),
            Self::FolderInUse { .. } => Some("choose a folder that is empty or does not exist"),
            Self::OtherBundle { .. } => Some(
                "use the bundle that it was filled with, or index the recordings into a new collection",
            ),
            Self::Format { .. } => Some("use the version of Nocturne that wrote it"),
            Self::Damaged { file: StoredFile::Segment, .. } => {
                Some("index the recording again, or restore the file from a backup")
            }
            Self::Damaged { file: StoredFile::Manifest, .. } => Some(
                "restore the file from a backup; moving the newest one away returns to the previous generation",
            ),
            Self::Damaged { file: StoredFile::Note, .. } => Some("restore the file from a backup"),
            Self::SpaceExists { .. } => Some("choose another name, or drop the existing space"),
            Self::IncompleteSpace { .. } => {
                Some("backfill the space first, or promote it although it is incomplete")
            }
            Self::SpaceChanged { .. } => Some("promote again when nothing writes to it"),
            Self::UnfinishedUpload { .. } => Some("index the recording again, or remove it"),
            Self::NothingToRollBack { .. } => Some("promote the space that is to be served"),
            Self::Outdated { .. } => Some("open the collection again"),
            Self::Locked { .. } => Some("wait until it has ended; reading is possible meanwhile"),
            Self::WriterStopped { .. } => {
                Some("check the disk, then run again; what was acknowledged is safe")
            }
            Self::PageToken => Some("ask for the first page, without a token"),
            Self::UnknownFacet { .. } => Some("columns of metadata are set per recording"),
            Self::UnknownRecording { .. } => Some("ids are case-sensitive"),
            Self::Store { hint, .. } => *hint,
            Self::Io { .. }
            | Self::SpaceName(_)
            | Self::UnknownSpace { .. }
            | Self::ServedSpace { .. }
            | Self::Dimension { .. }
            | Self::InvalidDraft { .. }
            | Self::UnknownEpoch { .. }
            | Self::Setting { .. } => None,
        };
        hint.map(Cow::Borrowed)
    }
}
