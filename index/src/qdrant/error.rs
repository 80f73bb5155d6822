//! Errors of collections in Qdrant.

use std::fmt;
use std::time::Duration;

use nocturne_psg::RecordingId;
use qdrant_client::QdrantError as ClientError;
use tonic::Code;

use super::retry::is_transient;
use super::url::AddressProblem;
use crate::error::{Error, StoreErrorKind};

/// Why a collection in Qdrant could not be written, read or searched.
///
/// [`Error::Store`] carries it; [`QdrantError::of`] returns it from there.
#[derive(Debug, thiserror::Error)]
pub enum QdrantError {
    /// The address cannot be parsed; the caller's mistake.
    #[error("`{address}` is not the address of a collection: {source}")]
    Address {
        /// The text that was given.
        address: String,
        /// What is wrong with it.
        source: AddressProblem,
    },
    /// The key would be sent in plain text; the caller's mistake.
    #[error("the API key for `{address}` would cross the network unencrypted")]
    PlainKey {
        /// The collection.
        address: String,
    },
    /// The server refused a request, or did not answer it; the server's or the network's mistake.
    #[error("cannot {action} `{address}` after {attempts} attempts: {source}")]
    Request {
        /// The collection.
        address: String,
        /// What was tried, as a verb.
        action: &'static str,
        /// How often it was tried.
        attempts: usize,
        /// The answer to the last attempt.
        source: ServerError,
    },
    /// The server is too old for conditional writes; the caller's mistake.
    #[error(
        "`{address}` is on Qdrant {found}, which does not support conditional writes; expected 1.17 or newer"
    )]
    OldServer {
        /// The collection.
        address: String,
        /// Version of the server.
        found: String,
    },
    /// The server has stopped to build its graph; the server's mistake.
    #[error("the server of `{address}` has stopped to build its graph: {message}")]
    Optimizer {
        /// The collection.
        address: String,
        /// Message of the server.
        message: String,
    },
    /// The server has a collection of that name that Nocturne did not create; the caller's mistake.
    #[error("`{address}` was not created by Nocturne: the server has no collection `{manifest}`")]
    ForeignCollection {
        /// The collection.
        address: String,
        /// The collection that would hold its manifest.
        manifest: String,
    },
    /// The manifest exists and the collection of points does not; somebody has deleted it.
    #[error("the points of `{address}` are missing, although its manifest exists")]
    PointsMissing {
        /// The collection.
        address: String,
    },
    /// A point is not one that this library writes; another program's mistake.
    #[error("point `{point}` of `{address}` has an invalid `{field}`; expected {expected}")]
    InvalidPoint {
        /// The collection.
        address: String,
        /// Id of the point.
        point: String,
        /// The field of the payload, or the vector.
        field: &'static str,
        /// What the field should be.
        expected: &'static str,
    },
    /// The points of a recording are not those that were acknowledged; the server's or another program's mistake.
    #[error("recording `{recording}` in `{address}` is damaged: {problem}")]
    DamagedRecording {
        /// The collection.
        address: String,
        /// The recording.
        recording: RecordingId,
        /// What differs.
        problem: String,
    },
    /// The recording was replaced after the collection was opened.
    #[error("recording `{recording}` of `{address}` was replaced after the collection was opened")]
    ReplacedRecording {
        /// The collection.
        address: String,
        /// The recording.
        recording: RecordingId,
    },
    /// Two writers write the same recording; this one has lost, and what it wrote is not stored.
    #[error(
        "recording `{recording}` of `{address}` was written by another writer at the same time"
    )]
    Conflict {
        /// The collection.
        address: String,
        /// The recording.
        recording: RecordingId,
    },
    /// The alias of the served space names a collection that is not a space; another program's mistake.
    #[error("the alias `{alias}` does not name a space of `{address}`")]
    ServedAlias {
        /// The collection.
        address: String,
        /// The alias.
        alias: String,
    },
    /// The collection was changed while epochs were counted or snapshots taken.
    #[error("`{address}` was changed after it was opened")]
    Changed {
        /// The collection.
        address: String,
    },
}

impl QdrantError {
    /// Returns the error of Qdrant that an error carries, if it is one.
    pub fn of(error: &Error) -> Option<&Self> {
        let Error::Store { source, .. } = error else { return None };
        source.downcast_ref()
    }

    /// Returns the next step for the user, if there is one.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Address { .. } => None,
            Self::PlainKey { .. } => {
                Some("use `qdrants://`, which encrypts, or a server on this machine")
            }
            Self::Request { action, .. } if ["write to", "delete from"].contains(action) => Some(
                "check that the server runs and that the key is right, then run again; acknowledged recordings are safe",
            ),
            Self::Request { .. } => {
                Some("check that the server runs and that the key is right, then run again")
            }
            Self::OldServer { .. } => {
                Some("update the server; the collection can be read meanwhile")
            }
            Self::Optimizer { .. } => Some(
                "see the log of the server; acknowledged recordings are safe and are found without the graph",
            ),
            Self::ForeignCollection { .. } => Some("choose another name"),
            Self::PointsMissing { .. } => {
                Some("delete the manifest in Qdrant as well, and copy the collection again")
            }
            Self::InvalidPoint { .. } | Self::DamagedRecording { .. } => {
                Some("copy the recording again")
            }
            Self::ReplacedRecording { .. } | Self::Changed { .. } => {
                Some("open the collection again")
            }
            Self::Conflict { .. } => {
                Some("give each writer recordings of its own; run again to complete the recording")
            }
            Self::ServedAlias { .. } => Some(
                "delete the alias in Qdrant, which serves `main`, then promote the space to serve",
            ),
        }
    }

    fn kind(&self) -> StoreErrorKind {
        match self {
            Self::InvalidPoint { .. } | Self::DamagedRecording { .. } => StoreErrorKind::Damage,
            Self::ReplacedRecording { .. } => StoreErrorKind::Outdated,
            Self::Conflict { .. } => StoreErrorKind::Conflict,
            Self::Request { source, .. } if source.is_transient() => StoreErrorKind::Unreachable,
            Self::Address { .. }
            | Self::PlainKey { .. }
            | Self::Request { .. }
            | Self::OldServer { .. }
            | Self::Optimizer { .. }
            | Self::ForeignCollection { .. }
            | Self::PointsMissing { .. }
            | Self::ServedAlias { .. }
            | Self::Changed { .. } => StoreErrorKind::Other,
        }
    }
}

impl From<QdrantError> for Error {
    fn from(error: QdrantError) -> Self {
        Self::Store { kind: error.kind(), hint: error.hint(), source: Box::new(error) }
    }
}

/// An error that the client of Qdrant returned.
#[derive(Debug)]
pub struct ServerError(ClientError);

impl ServerError {
    /// Returns the code of the answer; `None` if the client failed before it sent the request.
    pub fn code(&self) -> Option<Code> {
        match &self.0 {
            ClientError::ResponseError { status }
            | ClientError::ResourceExhaustedError { status, .. } => Some(status.code()),
            ClientError::ConversionError(_)
            | ClientError::InvalidUri(_)
            | ClientError::NoSnapshotFound(_)
            | ClientError::Io(_) => None,
        }
    }

    /// Returns whether the server may answer later: it is down, overloaded, or cannot be reached.
    pub fn is_transient(&self) -> bool {
        self.code().is_some_and(is_transient)
    }

    /// Returns the pause that an exhausted server asks for.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match &self.0 {
            ClientError::ResourceExhaustedError { retry_after_seconds, .. } => {
                Some(Duration::from_secs(*retry_after_seconds))
            }
            ClientError::ResponseError { .. }
            | ClientError::ConversionError(_)
            | ClientError::InvalidUri(_)
            | ClientError::NoSnapshotFound(_)
            | ClientError::Io(_) => None,
        }
    }
}

impl From<ClientError> for ServerError {
    fn from(error: ClientError) -> Self {
        Self(error)
    }
}

/// Writes the code and the message of the answer, without the metadata that the client appends.
impl fmt::Display for ServerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            ClientError::ResponseError { status }
            | ClientError::ResourceExhaustedError { status, .. } => {
                write!(f, "{:?}: {}", status.code(), without_debug(status.message()))
            }
            error @ (ClientError::ConversionError(_)
            | ClientError::InvalidUri(_)
            | ClientError::NoSnapshotFound(_)
            | ClientError::Io(_)) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for ServerError {}

/// Returns the message of a failed connection without the `Debug` output that the client puts into it.
fn without_debug(message: &str) -> String {
    let Some((what, debug)) = message.split_once(": tonic::transport::Error(") else {
        return message.to_owned();
    };
    let reason = debug.split_once("message: \"").and_then(|(_, rest)| rest.split_once('"'));
    match reason {
        Some((reason, _)) => format!("{what}: {reason}"),
        None => what.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn message_of_a_failed_connection_has_no_debug_output() {
        let message = "Failed to connect to http://h:1/: tonic::transport::Error(Transport, \
            ConnectError(ConnectError(\"tcp connect error\", Os { code: 111, message: \"Connection refused\" })))";
        let expect = "Failed to connect to http://h:1/: Connection refused";
        assert_eq!(without_debug(message), expect);
        assert_eq!(without_debug("Failed: tonic::transport::Error(Transport)"), "Failed");
        assert_eq!(without_debug("Doesn't exist: `x`"), "Doesn't exist: `x`");
    }
}
