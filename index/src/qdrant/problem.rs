//! What can be wrong between us and Qdrant.

use nocturne_psg::RecordingId;

/// Why a collection in Qdrant could not be written, read or searched.
#[derive(Debug, thiserror::Error)]
pub enum QdrantProblem {
    /// The address cannot be understood; the caller's mistake.
    #[error(
        "`{url}` is no address of a collection: {problem}; expected `qdrant://HOST:PORT/COLLECTION`"
    )]
    Url {
        /// What was given.
        url: String,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The key would be readable on the way; the caller's mistake.
    #[error("the key for `{place}` would cross the network in plain text")]
    PlainKey {
        /// The collection.
        place: String,
    },
    /// The server refused, or did not answer, as often as it was asked; the server's or the network's mistake.
    #[error("cannot {action} `{place}` after {attempts} attempts: {code}: {message}")]
    Refused {
        /// The collection.
        place: String,
        /// What was tried, as a verb.
        action: &'static str,
        /// Name of the gRPC code.
        code: String,
        /// The server's words.
        message: String,
        /// How often it was tried.
        attempts: usize,
    },
    /// The server is too old to decide between two writers; the caller's mistake.
    #[error(
        "`{place}` is on Qdrant {found}, which knows no conditional writes; expected 1.17 or newer"
    )]
    OldServer {
        /// The collection.
        place: String,
        /// Version of the server.
        found: String,
    },
    /// The server has stopped to build its graphs; the server's mistake.
    #[error("the server of `{place}` cannot go on building its graphs: {error}")]
    Optimizer {
        /// The collection.
        place: String,
        /// The server's words.
        error: String,
    },
    /// There is a collection of that name that Nocturne has not made; the caller's mistake.
    #[error("`{place}` was not made by Nocturne: there is no `{manifest}` beside it")]
    Foreign {
        /// The collection.
        place: String,
        /// The collection that would list the recordings.
        manifest: String,
    },
    /// There is a list of recordings, and no points; somebody has deleted them.
    #[error("`{place}` lists recordings, and their points are gone")]
    Lost {
        /// The collection.
        place: String,
    },
    /// A point is not what a writer of ours makes; a stranger's mistake.
    #[error("point `{point}` of `{place}` has no sound `{field}`; expected {expected}")]
    Point {
        /// The collection.
        place: String,
        /// Its name.
        point: String,
        /// The field of the payload, or the vector.
        field: &'static str,
        /// What the field should be.
        expected: &'static str,
    },
    /// What is stored is not what was sent; the server's or a stranger's mistake.
    #[error("recording `{recording}` in `{place}` is damaged: {problem}")]
    Damaged {
        /// The collection.
        place: String,
        /// The recording.
        recording: RecordingId,
        /// What differs.
        problem: String,
    },
    /// The recording was replaced after the index was opened.
    #[error("recording `{recording}` of `{place}` was replaced after it was opened")]
    Replaced {
        /// The collection.
        place: String,
        /// The recording.
        recording: RecordingId,
    },
    /// Another writer is at work on the recording.
    #[error("recording `{recording}` of `{place}` is being written by {holder}")]
    Leased {
        /// The collection.
        place: String,
        /// The recording.
        recording: RecordingId,
        /// Who that is.
        holder: String,
    },
    /// Another writer has taken the recording over, because nothing was heard of this one for as long as it had said.
    #[error("recording `{recording}` of `{place}` was taken over by {holder}")]
    TakenOver {
        /// The collection.
        place: String,
        /// The recording.
        recording: RecordingId,
        /// Who that is.
        holder: String,
    },
    /// The alias of the served space leads to what is no space; a stranger's mistake.
    #[error("the alias `{alias}` leads to no space of `{place}`")]
    Pointer {
        /// The collection.
        place: String,
        /// The alias.
        alias: String,
    },
    /// Something was written while epochs were counted, or snapshots made.
    #[error("`{place}` was written to after it was opened")]
    Changed {
        /// The collection.
        place: String,
    },
}

impl QdrantProblem {
    /// Returns whether the server did not answer, as one that is down, too busy or not reached; it may later.
    pub fn is_out_of_reach(&self) -> bool {
        const PASSING: [&str; 7] = [
            "Unavailable",
            "DeadlineExceeded",
            "Cancelled",
            "Internal",
            "Aborted",
            "ResourceExhausted",
            "Unknown",
        ];
        matches!(self, Self::Refused { code, .. } if PASSING.contains(&code.as_str()))
    }

    /// Returns the next step for the user, where there is one.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Url { .. } => None,
            Self::PlainKey { .. } => {
                Some("use `qdrants://`, which encrypts, or a server on this machine")
            }
            Self::Refused { .. } => Some(
                "check that the server runs and that the key is right, then run again; what was acknowledged is safe",
            ),
            Self::Lost { .. } => {
                Some("delete the list in Qdrant as well and copy the collection once more")
            }
            Self::Optimizer { .. } => Some(
                "look into the log of the server; what was acknowledged is safe, and is found without a graph",
            ),
            Self::OldServer { .. } => Some("update the server; reading is possible meanwhile"),
            Self::Foreign { .. } => Some("choose another name"),
            Self::Pointer { .. } => Some(
                "delete the alias in Qdrant, which serves `main`, then promote the space that is to be served",
            ),
            Self::Point { .. } | Self::Damaged { .. } => Some("copy the recording once more"),
            Self::Leased { .. } | Self::TakenOver { .. } => {
                Some("run again; what is done by then is passed over")
            }
            Self::Replaced { .. } | Self::Changed { .. } => Some("open the collection again"),
        }
    }
}
