//! Errors as gRPC codes.

use nocturne_engine::Error;
use nocturne_index::qdrant::QdrantProblem;
use tonic::{Code, Status};

/// Message of an internal error.
pub(crate) const FAILED: &str = "internal error; see the log of the server";

/// Message while Qdrant does not answer.
const UNREACHABLE: &str =
    "the Qdrant server of the collection does not answer; hint: ask again in a moment";

/// Turns an error into a status. Internal errors are logged here, and the client gets a message without paths.
pub(crate) fn status(error: &Error) -> Status {
    let code = code(error);
    let Some(message) = message_without_paths(error, code) else {
        let hint = error.hint().map(|hint| format!("; hint: {hint}")).unwrap_or_default();
        return Status::new(code, format!("{error}{hint}"));
    };
    tracing::error!(code = ?code, "{error}");
    Status::new(code, message)
}

/// Returns the message that replaces the one of an internal error.
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "of the codes of gRPC, three are internal errors of ours"
)]
fn message_without_paths(error: &Error, code: Code) -> Option<&'static str> {
    match code {
        Code::DataLoss => Some("a part of the collection is damaged; see the log of the server"),
        Code::Unavailable if is_out_of_reach(error) => Some(UNREACHABLE),
        Code::Unavailable => Some("the collection is being replaced; ask again"),
        Code::Internal => Some(FAILED),
        _ => None,
    }
}

fn is_out_of_reach(error: &Error) -> bool {
    use nocturne_index::Error::Qdrant;
    matches!(error, Error::Index(Qdrant(problem)) if problem.is_out_of_reach())
}

fn code(error: &Error) -> Code {
    match error {
        Error::Field { .. } | Error::Encoder(nocturne_encoder::Error::DecodingOption { .. }) => {
            Code::InvalidArgument
        }
        Error::Overloaded { .. } => Code::ResourceExhausted,
        Error::Deadline => Code::DeadlineExceeded,
        Error::Unsupported { .. } => Code::FailedPrecondition,
        Error::Index(error) => index_code(error),
        Error::EncoderLost | Error::BundleUnknown { .. } | Error::Encoder(_) | Error::Psg(_) => {
            Code::Internal
        }
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
        | Error::NothingToRollBack { .. } => Code::Internal,
        Error::Qdrant(problem) => qdrant_code(problem),
    }
}

fn qdrant_code(problem: &QdrantProblem) -> Code {
    match problem {
        QdrantProblem::Refused { .. } if problem.is_out_of_reach() => Code::Unavailable,
        QdrantProblem::Replaced { .. } | QdrantProblem::Changed { .. } => Code::Unavailable,
        QdrantProblem::Damaged { .. }
        | QdrantProblem::Point { .. }
        | QdrantProblem::Lost { .. } => Code::DataLoss,
        QdrantProblem::Refused { .. }
        | QdrantProblem::Url { .. }
        | QdrantProblem::PlainKey { .. }
        | QdrantProblem::OldServer { .. }
        | QdrantProblem::Optimizer { .. }
        | QdrantProblem::Leased { .. }
        | QdrantProblem::TakenOver { .. }
        | QdrantProblem::Foreign { .. }
        | QdrantProblem::Pointer { .. } => Code::Internal,
    }
}

/// Returns the status of a field of a request that is out of range.
pub(crate) fn invalid(
    field: &'static str,
    value: impl std::fmt::Display,
    expected: &str,
) -> Status {
    status(&Error::field(field, value, expected))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: &str) -> Status {
        status(&Error::Index(nocturne_index::Error::Qdrant(QdrantProblem::Refused {
            place: "qdrant://10.0.0.7:6334/sleep".to_owned(),
            action: "search",
            code: code.to_owned(),
            message: "no route to 10.0.0.7".to_owned(),
            attempts: 6,
        })))
    }

    #[test]
    fn qdrant_servers_that_do_not_answer_are_unavailable_and_not_named() {
        for code in ["Unavailable", "DeadlineExceeded", "ResourceExhausted", "Cancelled"] {
            let status = refused(code);
            assert_eq!((status.code(), status.message()), (Code::Unavailable, UNREACHABLE));
        }
        let status = refused("Unauthenticated");
        assert_eq!(status.code(), Code::Internal);
        assert!(!status.message().contains("10.0.0.7"));
    }

    #[test]
    fn mistakes_of_the_asker_are_explained() {
        let refused = invalid("top_k", 0, "1 to 1000");
        let expected = (Code::InvalidArgument, "`top_k` is 0; expected 1 to 1000");
        assert_eq!((refused.code(), refused.message()), expected);
        let refused = status(&Error::Overloaded { waiting: 64 });
        assert_eq!(refused.code(), Code::ResourceExhausted);
        assert!(refused.message().contains("64 requests waiting"), "{}", refused.message());
        let unsupported =
            Error::Unsupported { bundle: "small".to_owned(), feature: "attention maps" };
        let refused = status(&unsupported);
        assert_eq!(refused.code(), Code::FailedPrecondition);
        assert!(refused.message().contains("attention maps; hint: "), "{}", refused.message());
    }

    #[test]
    fn internal_errors_reveal_no_path() {
        let failed = status(&Error::EncoderLost);
        assert_eq!((failed.code(), failed.message()), (Code::Internal, FAILED));
    }
}
