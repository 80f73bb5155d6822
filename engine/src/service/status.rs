//! Errors as gRPC codes.

use tonic::{Code, Status};

use crate::Error;

/// Turns an error into a status. What went wrong inside is logged here and told without paths.
pub(super) fn status(error: &Error) -> Status {
    let code = code(error);
    let Some(message) = message_without_paths(code) else {
        let hint = error.hint().map(|hint| format!("; hint: {hint}")).unwrap_or_default();
        return Status::new(code, format!("{error}{hint}"));
    };
    tracing::error!(code = ?code, "{error}");
    Status::new(code, message)
}

/// Returns what a client is told of what went wrong inside.
#[expect(clippy::wildcard_enum_match_arm, reason = "of the codes of gRPC, three are ours to veil")]
fn message_without_paths(code: Code) -> Option<&'static str> {
    match code {
        Code::DataLoss => Some("a part of the collection is damaged; the server's log says which"),
        Code::Unavailable => Some("the collection is being replaced; ask again"),
        Code::Internal => Some("the server has failed; its log says how"),
        _ => None,
    }
}

fn code(error: &Error) -> Code {
    match error {
        Error::Field { .. } | Error::Encoder(nocturne_encoder::Error::Search { .. }) => {
            Code::InvalidArgument
        }
        Error::Overloaded { .. } => Code::ResourceExhausted,
        Error::Deadline => Code::DeadlineExceeded,
        Error::Lacks { .. } => Code::FailedPrecondition,
        Error::Index(error) => index_code(error),
        Error::EncoderLost
        | Error::BundleUnknown { .. }
        | Error::Encoder(_)
        | Error::Psg(_)
        | Error::Serve { .. }
        | Error::Evaluation { .. } => Code::Internal,
    }
}

fn index_code(error: &nocturne_index::Error) -> Code {
    use nocturne_index::Error;
    match error {
        Error::UnknownRecording { .. } | Error::UnknownEpoch { .. } => Code::NotFound,
        Error::Dimension { .. }
        | Error::Filter(_)
        | Error::UnknownFacet { .. }
        | Error::PageToken => Code::InvalidArgument,
        Error::DamagedSegment { .. }
        | Error::DamagedManifest { .. }
        | Error::DamagedNote { .. } => Code::DataLoss,
        Error::Outdated { .. } => Code::Unavailable,
        Error::Io { .. }
        | Error::NotACollection { .. }
        | Error::AlreadyACollection { .. }
        | Error::FolderInUse { .. }
        | Error::OtherBundle { .. }
        | Error::Format { .. }
        | Error::Locked { .. }
        | Error::WriterStopped { .. }
        | Error::Draft { .. }
        | Error::Setting { .. }
        | Error::SpaceName { .. }
        | Error::UnknownSpace { .. }
        | Error::SpaceExists { .. }
        | Error::ServedSpace { .. }
        | Error::IncompleteSpace { .. }
        | Error::NothingToRollBack { .. }
        | Error::Qdrant(_) => Code::Internal,
    }
}

/// Returns a status for a field of a request that cannot be understood.
pub(super) fn invalid(
    field: &'static str,
    value: impl std::fmt::Display,
    expected: &str,
) -> Status {
    status(&Error::field(field, value, expected))
}
