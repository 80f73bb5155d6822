//! Errors as gRPC codes.

use nocturne_engine::Error;
use nocturne_index::qdrant::QdrantError;
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
        Code::Unavailable if is_unreachable(error) => Some(UNREACHABLE),
        Code::Unavailable => Some("the collection is being replaced; ask again"),
        Code::Internal => Some(FAILED),
        _ => None,
    }
}

fn is_unreachable(error: &Error) -> bool {
    matches!(error, Error::Index(error) if error.is_unreachable())
}

fn code(error: &Error) -> Code {
    match error {
        Error::Field { .. } | Error::Encoder(nocturne_encoder::Error::DecodingOption { .. }) => {
            Code::InvalidArgument
        }
        Error::Overloaded { .. } => Code::ResourceExhausted,
        Error::Deadline => Code::DeadlineExceeded,
        Error::Unsupported { .. } | Error::NotMeasurable { .. } | Error::NotRecorded { .. } => {
            Code::FailedPrecondition
        }
        Error::Unreadable(problem) if problem.is_precondition() => Code::FailedPrecondition,
        Error::Unreadable(_) => Code::InvalidArgument,
        Error::Index(error) => index_code(error),
        Error::EncoderLost
        | Error::BundleUnknown { .. }
        | Error::Encoder(_)
        | Error::Psg(_)
        | Error::Concepts(_) => Code::Internal,
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
        Error::Damaged { .. } => Code::DataLoss,
        Error::Outdated { .. } => Code::Unavailable,
        Error::Io { .. }
        | Error::NotACollection { .. }
        | Error::AlreadyACollection { .. }
        | Error::FolderInUse { .. }
        | Error::OtherBundle { .. }
        | Error::Format { .. }
        | Error::Locked { .. }
        | Error::WriterStopped { .. }
        | Error::InvalidDraft { .. }
        | Error::Setting { .. }
        | Error::SpaceName(_)
        | Error::UnknownSpace { .. }
        | Error::SpaceExists { .. }
        | Error::ServedSpace { .. }
        | Error::IncompleteSpace { .. }
        | Error::SpaceChanged { .. }
        | Error::UnfinishedUpload { .. }
        | Error::NothingToRollBack { .. } => Code::Internal,
        Error::Store { .. } => QdrantError::of(error).map_or(Code::Internal, qdrant_code),
    }
}

fn qdrant_code(error: &QdrantError) -> Code {
    match error {
        QdrantError::Request { source, .. } if source.is_transient() => Code::Unavailable,
        QdrantError::ReplacedRecording { .. } | QdrantError::Changed { .. } => Code::Unavailable,
        QdrantError::DamagedRecording { .. }
        | QdrantError::InvalidPoint { .. }
        | QdrantError::PointsMissing { .. } => Code::DataLoss,
        QdrantError::Request { .. }
        | QdrantError::Address { .. }
        | QdrantError::PlainKey { .. }
        | QdrantError::OldServer { .. }
        | QdrantError::Optimizer { .. }
        | QdrantError::Conflict { .. }
        | QdrantError::ForeignCollection { .. }
        | QdrantError::ServedAlias { .. } => Code::Internal,
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
    use nocturne_index::qdrant::{QdrantReader, QdrantSettings};
    use nocturne_qdrant_double::{Fault, QdrantDouble, When};

    use super::*;

    /// Returns the status of a question to a collection in Qdrant whose server has a fault.
    fn status_of(fault: Fault) -> Status {
        let double = QdrantDouble::start();
        double.faults().plan(When::From(0), fault);
        let mut settings = QdrantSettings::at(double.url("sleep").parse().unwrap());
        settings.attempts = 1;
        status(&Error::Index(QdrantReader::open(settings).unwrap_err()))
    }

    #[test]
    fn qdrant_servers_that_do_not_answer_are_unavailable_and_not_named() {
        for fault in [Fault::Unavailable, Fault::Exhausted] {
            let status = status_of(fault);
            assert_eq!((status.code(), status.message()), (Code::Unavailable, UNREACHABLE));
        }
        let status = status_of(Fault::Refused);
        assert_eq!(status.code(), Code::Internal);
        assert!(!status.message().contains("127.0.0.1"));
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
