//! What can be wrong with a collection or a question to it, in sentences that name the file, the value and the expectation.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use nocturne_psg::{EpochRef, RecordingId};

use crate::filter::FilterProblem;
use crate::recording::SpaceName;

/// The result of keeping and finding.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a collection could not be written, read or searched.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system refused; the machine's or the caller's mistake.
    #[error("cannot {action} `{}`: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What was tried, as a verb.
        action: &'static str,
        /// The system's answer.
        source: std::io::Error,
    },
    /// The folder holds no collection; the caller's mistake.
    #[error("`{}` is not a collection: it has no manifest", path.display())]
    NotACollection {
        /// The folder.
        path: PathBuf,
    },
    /// A collection was to be created where one is; the caller's mistake.
    #[error("`{}` is a collection already", path.display())]
    AlreadyACollection {
        /// The folder.
        path: PathBuf,
    },
    /// A collection was to be created in a folder that holds something else; the caller's mistake.
    #[error("`{}` holds `{found}`; a new collection needs an empty folder", path.display())]
    FolderInUse {
        /// The folder.
        path: PathBuf,
        /// One of the things that it holds.
        found: String,
    },
    /// The collection was filled with another encoder; the caller's mistake.
    #[error(
        "`{}` was filled with the bundle `{found}` ({found_fingerprint}); it cannot be used with `{expected}` ({expected_fingerprint})",
        path.display()
    )]
    OtherBundle {
        /// The collection.
        path: PathBuf,
        /// Name of the bundle that the collection belongs to.
        found: String,
        /// The fingerprint of that bundle.
        found_fingerprint: String,
        /// Name of the bundle that is in use.
        expected: String,
        /// The fingerprint of that bundle.
        expected_fingerprint: String,
    },
    /// The file was written by a newer version of Nocturne.
    #[error("`{}` has format {found}; this build reads up to {supported}", path.display())]
    Format {
        /// The file.
        path: PathBuf,
        /// The version in the file.
        found: u32,
        /// The newest version that is understood.
        supported: u32,
    },
    /// A recording's segment is not what was written; the disk's or a stranger's mistake.
    #[error("`{}` is damaged at byte {offset}: {problem}", path.display())]
    DamagedSegment {
        /// The file.
        path: PathBuf,
        /// Where the damage begins, in bytes; blocks of 64 KiB are checked.
        offset: u64,
        /// What is wrong there.
        problem: String,
    },
    /// The newest manifest is not what was written; the disk's or a stranger's mistake.
    #[error("`{}` is damaged at byte {offset}: {problem}", path.display())]
    DamagedManifest {
        /// The file.
        path: PathBuf,
        /// Where the damage was seen, in bytes.
        offset: u64,
        /// What is wrong there.
        problem: String,
    },
    /// A small file of a collection, such as `serving.jsonl`, is not what was written; the disk's or a stranger's mistake.
    #[error("`{}` is damaged at byte {offset}: {problem}", path.display())]
    DamagedNote {
        /// The file.
        path: PathBuf,
        /// Where the damage was seen, in bytes.
        offset: u64,
        /// What is wrong there.
        problem: String,
    },
    /// A space cannot have that name; the caller's mistake.
    #[error(
        "a space cannot be named `{name}`; expected 1 to 64 of `a` to `z`, `0` to `9`, `-`, `_` and `.`, a letter or digit first"
    )]
    SpaceName {
        /// The name.
        name: String,
    },
    /// The collection has no space of that name; the caller's mistake.
    #[error("`{}` has no space `{name}`; it has `{known}`", path.display())]
    UnknownSpace {
        /// The collection.
        path: PathBuf,
        /// The name.
        name: SpaceName,
        /// The spaces that there are, joined by "`, `".
        known: String,
    },
    /// A space was to be made where one is; the caller's mistake.
    #[error("`{}` has a space `{name}` already", path.display())]
    SpaceExists {
        /// The collection.
        path: PathBuf,
        /// The name.
        name: SpaceName,
    },
    /// The space is served, which is what was wanted or what stands against it; the caller's mistake.
    #[error("the space `{name}` is the one that `{}` serves", path.display())]
    ServedSpace {
        /// The collection.
        path: PathBuf,
        /// The name.
        name: SpaceName,
    },
    /// A space does not have what the served one has; the caller's mistake.
    #[error(
        "the space `{name}` lacks {n_lacking} recordings of `{served}`, has {n_extra} that it has not, and {n_differing} that differ"
    )]
    IncompleteSpace {
        /// The space that was to be served.
        name: SpaceName,
        /// The space that is served.
        served: SpaceName,
        /// Recordings that it lacks.
        n_lacking: usize,
        /// Recordings that the served one has not.
        n_extra: usize,
        /// Recordings of other bytes, or of which something else is said.
        n_differing: usize,
    },
    /// No space was served before, or it was dropped; the caller's mistake.
    #[error("`{}` has served no other space that is still there", path.display())]
    NothingToRollBack {
        /// The collection.
        path: PathBuf,
    },
    /// A segment that this snapshot needs was replaced and cleared away meanwhile.
    #[error(
        "generation {generation} of `{}` is gone, the newest is {newest}", path.display()
    )]
    Outdated {
        /// The collection.
        path: PathBuf,
        /// The snapshot's generation.
        generation: u64,
        /// The generation on disk.
        newest: u64,
    },
    /// Another writer holds the collection.
    #[error("`{}` is being written by {holder}", path.display())]
    Locked {
        /// The collection.
        path: PathBuf,
        /// Who holds it.
        holder: Holder,
    },
    /// An earlier write of this writer failed in a way that leaves open what is on disk.
    #[error("no more is written to `{}`, because the disk failed to confirm an earlier write", path.display())]
    WriterStopped {
        /// The collection.
        path: PathBuf,
    },
    /// An embedding has another length than those of the collection; the caller's mistake.
    #[error("an embedding has {received} numbers; the collection's have {expected}")]
    Dimension {
        /// Length of the collection's embeddings.
        expected: usize,
        /// Length of the one given.
        received: usize,
    },
    /// A recording that was to be committed contradicts itself; the caller's mistake.
    #[error("recording `{recording}` cannot be kept: {problem}")]
    Draft {
        /// The recording.
        recording: RecordingId,
        /// What is wrong with it.
        problem: String,
    },
    /// The collection has no recording of that name; the caller's mistake.
    #[error("the collection has no recording `{recording}`")]
    UnknownRecording {
        /// The name.
        recording: RecordingId,
    },
    /// The recording has no epoch of that number; the caller's mistake.
    #[error("the collection has no epoch `{epoch}`; that recording has {n_epochs} epochs{range}")]
    UnknownEpoch {
        /// The epoch.
        epoch: EpochRef,
        /// How many epochs the recording has.
        n_epochs: usize,
        /// The numbers of the first and the last, as in `, 0 to 959`, or nothing.
        range: String,
    },
    /// A filter expression breaks the grammar or asks for what there is not; the caller's mistake.
    #[error(transparent)]
    Filter(FilterProblem),
    /// The collection cannot be counted by what was named; the caller's mistake.
    #[error("recordings cannot be counted by `{name}`; expected one of `{known}`")]
    UnknownFacet {
        /// What was named.
        name: String,
        /// What there is, joined by "`, `".
        known: String,
    },
    /// A page token was not given for this list, or for this filter; the caller's mistake.
    #[error("the page token does not belong to a list with this filter")]
    PageToken,
    /// A setting of an index is out of range; the caller's mistake.
    #[error("`{name}` is {value}; expected {expected}")]
    Setting {
        /// The setting.
        name: &'static str,
        /// Its value.
        value: usize,
        /// What it may be.
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

/// The process that holds a collection's lock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Holder {
    /// Its process id, unless it has not written it down yet.
    pub pid: Option<u32>,
}

impl std::fmt::Display for Holder {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
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

    /// Returns whether a recording is not what was written; the others can be asked.
    pub fn is_damage(&self) -> bool {
        matches!(self, Self::DamagedSegment { .. }) || self.is_store(StoreErrorKind::Damage)
    }

    /// Returns whether what was about to be read was replaced meanwhile: a newer snapshot tells by what.
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

    /// Returns the next step for the user, where there is one.
    pub fn hint(&self) -> Option<Cow<'_, str>> {
        let hint = match self {
            Self::Filter(problem) => return Some(Cow::Borrowed(&problem.hint)),
            Self::Io { source, .. } if source.kind() == std::io::ErrorKind::StorageFull => {
                Some("free space and run again; what was acknowledged is safe")
            }
            Self::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
                Some("check the path; names are case-sensitive")
            }
            Self::NotACollection { .. } => {
                Some("`nocturne index` makes a collection; check the path")
            }
            Self::AlreadyACollection { .. } => Some("open it, or choose another folder"),
            Self::FolderInUse { .. } => Some("choose a folder that is empty or does not exist"),
            Self::OtherBundle { .. } => Some(
                "use the bundle that it was filled with, or index the recordings into a new collection",
            ),
            Self::Format { .. } => {
                Some("use the version of Nocturne that wrote it, or a newer one")
            }
            Self::DamagedSegment { .. } => {
                Some("index the recording again, or restore the file from a backup")
            }
            Self::DamagedManifest { .. } => Some(
                "restore the file from a backup; moving the newest one away goes back to the generation before",
            ),
            Self::DamagedNote { .. } => Some("restore the file from a backup"),
            Self::SpaceExists { .. } => {
                Some("choose another name, or take that one away with `nocturne space drop`")
            }
            Self::IncompleteSpace { .. } => Some(
                "run `nocturne space backfill` first, or say `--incomplete` to serve it as it is",
            ),
            Self::NothingToRollBack { .. } => Some(
                "`nocturne space promote NAME` serves any space; `nocturne space list` shows them",
            ),
            Self::Outdated { .. } => Some("open the collection again"),
            Self::Locked { .. } => Some("wait until it has ended; reading is possible meanwhile"),
            Self::WriterStopped { .. } => {
                Some("check the disk, then run again; what was acknowledged is safe")
            }
            Self::PageToken => Some("ask for the first page, without a token"),
            Self::UnknownFacet { .. } => {
                Some("columns of metadata come from `nocturne index` and `nocturne metadata`")
            }
            Self::UnknownRecording { .. } => {
                Some("names are case-sensitive; `nocturne list` shows those of a collection")
            }
            Self::Store { hint, .. } => *hint,
            Self::Io { .. }
            | Self::SpaceName { .. }
            | Self::UnknownSpace { .. }
            | Self::ServedSpace { .. }
            | Self::Dimension { .. }
            | Self::Draft { .. }
            | Self::UnknownEpoch { .. }
            | Self::Setting { .. } => None,
        };
        hint.map(Cow::Borrowed)
    }
}
