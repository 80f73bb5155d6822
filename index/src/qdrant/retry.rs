//! Which requests are retried, and after which pause.

use std::time::Duration;

use backon::ExponentialBuilder;
use tonic::Code;

use super::QdrantSettings;
use super::error::ServerError;

/// How often a request is sent, and the pauses between.
#[derive(Debug, Clone, Copy)]
pub(super) struct RetryPolicy {
    max_attempts: usize,
    first_pause: Duration,
    max_pause: Duration,
}

impl RetryPolicy {
    pub(super) fn of(settings: &QdrantSettings) -> Self {
        Self {
            max_attempts: settings.attempts,
            first_pause: settings.first_pause,
            max_pause: settings.longest_pause,
        }
    }

    /// Returns the policy that sends a request once.
    pub(super) fn once(self) -> Self {
        Self { max_attempts: 1, ..self }
    }

    /// Returns pauses that double each time, up to the maximum.
    pub(super) fn backoff(self) -> ExponentialBuilder {
        ExponentialBuilder::new()
            .with_factor(2.0)
            .with_min_delay(self.first_pause)
            .with_max_delay(self.max_pause)
            .with_max_times(self.max_attempts - 1)
    }

    /// Returns the pause before a failed request is sent again, in place of a pause of the backoff; `None` if it is not to
    /// be sent again.
    pub(super) fn pause_after(
        self,
        error: &ServerError,
        backoff: Option<Duration>,
    ) -> Option<Duration> {
        let backoff = backoff.filter(|_| error.is_transient())?;
        Some(error.retry_after().unwrap_or(backoff).min(self.max_pause))
    }
}

/// Returns whether an error of this code may go away by itself.
#[expect(clippy::wildcard_enum_match_arm, reason = "all other codes of gRPC are final")]
pub(super) fn is_transient(code: Code) -> bool {
    match code {
        // The client reports an exceeded deadline as `Cancelled`, and a failed connection as `Internal`.
        Code::Unavailable
        | Code::DeadlineExceeded
        | Code::Cancelled
        | Code::Internal
        | Code::Aborted
        | Code::ResourceExhausted
        | Code::Unknown => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use tonic::Status;
    use tonic::metadata::MetadataValue;

    use super::*;

    const PAUSE: Duration = Duration::from_millis(300);

    fn pause_after(status: Status) -> Option<Duration> {
        let max_pause = Duration::from_secs(30);
        let policy = RetryPolicy { max_attempts: 6, first_pause: PAUSE, max_pause };
        policy
            .pause_after(&ServerError::from(qdrant_client::QdrantError::from(status)), Some(PAUSE))
    }

    #[test]
    fn exhausted_servers_say_when_to_retry() {
        let mut status = Status::resource_exhausted("too many requests");
        assert_eq!(pause_after(status.clone()), Some(PAUSE));
        status.metadata_mut().insert("retry-after", MetadataValue::from_static("7"));
        assert_eq!(pause_after(status.clone()), Some(Duration::from_secs(7)));
        status.metadata_mut().insert("retry-after", MetadataValue::from_static("3600"));
        assert_eq!(pause_after(status), Some(Duration::from_secs(30)));
    }

    #[test]
    fn transient_errors_are_retried_and_others_are_not() {
        for status in [
            Status::unavailable(""),
            Status::deadline_exceeded(""),
            Status::cancelled(""),
            Status::internal(""),
            Status::aborted(""),
            Status::unknown(""),
        ] {
            assert_eq!(pause_after(status), Some(PAUSE));
        }
        for status in [
            Status::invalid_argument(""),
            Status::unauthenticated(""),
            Status::permission_denied(""),
            Status::not_found(""),
            Status::unimplemented(""),
        ] {
            assert_eq!(pause_after(status), None);
        }
    }
}
