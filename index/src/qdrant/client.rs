//! The way to a server: one small runtime, and requests that are sent again where that may help.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use qdrant_client::{Qdrant, QdrantError};
use tokio::runtime::{Builder, Runtime};
use tonic::Code;

use super::{ApiKey, QdrantProblem, QdrantSettings, QdrantUrl};
use crate::error::{Error, Result};

/// A connection with a thread of its own, so that the rest of the library stays synchronous.
///
/// Its methods block, and must not be called from within another runtime's tasks.
pub(super) struct Connection {
    caller: Caller,
    settings: QdrantSettings,
    thread: Arc<Thread>,
}

/// The thread of a runtime, there until its last connection is dropped.
struct Thread(Option<Runtime>);

impl Connection {
    /// Prepares a connection; the first request opens it.
    pub(super) fn new(settings: QdrantSettings) -> Result<Arc<Self>> {
        settings.check()?;
        let place: Arc<str> = settings.url.to_string().into();
        // Only the version is left unchecked: the client would print to standard output.
        let builder = Qdrant::from_url(&settings.url.server()).skip_compatibility_check();
        let builder = builder.timeout(settings.timeout).connect_timeout(settings.connect_timeout);
        let mut builder = builder.api_key(settings.api_key.as_ref().map(ApiKey::secret));
        builder.set_pool_size(settings.streams);
        let client = builder.build().map_err(|error| refused(&place, "reach", 0, &error))?;
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("qdrant")
            .enable_all()
            .build()
            .map_err(|source| Error::Io { path: (*place).into(), action: "speak to", source })?;
        let pauses = Pauses {
            attempts: settings.attempts,
            first: settings.first_pause,
            longest: settings.longest_pause,
        };
        let caller = Caller { client, place, pauses };
        Ok(Arc::new(Self { caller, settings, thread: Arc::new(Thread(Some(runtime))) }))
    }

    /// Returns this connection for another collection of the same server.
    pub(super) fn to(&self, url: QdrantUrl) -> Arc<Self> {
        let caller = Caller { place: url.to_string().into(), ..self.caller.clone() };
        let settings = QdrantSettings { url, ..self.settings.clone() };
        Arc::new(Self { caller, settings, thread: Arc::clone(&self.thread) })
    }

    pub(super) fn settings(&self) -> &QdrantSettings {
        &self.settings
    }

    /// Returns the collection's address, for messages.
    pub(super) fn place(&self) -> String {
        self.caller.place.to_string()
    }

    /// Returns what tasks of this connection call the server with.
    pub(super) fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Runs a task to its end.
    pub(super) fn run<T>(&self, task: impl Future<Output = T>) -> T {
        self.runtime().block_on(task)
    }

    fn runtime(&self) -> &Runtime {
        self.thread.0.as_ref().expect("it is there until the thread is dropped")
    }

    /// Begins a task that goes on by itself, until the connection is dropped at the latest.
    pub(super) fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        self.runtime().spawn(task);
    }

    /// Sends a request until it is answered, and waits.
    pub(super) fn ask<T, F>(&self, action: &'static str, request: impl Fn(Qdrant) -> F) -> Result<T>
    where
        F: Future<Output = Result<T, QdrantError>>,
    {
        self.run(self.caller.ask(action, request))
    }
}

impl Drop for Thread {
    /// Does not wait for the runtime's thread: where this runs in a task of another one, waiting would panic.
    fn drop(&mut self) {
        if let Some(runtime) = self.0.take() {
            runtime.shutdown_background();
        }
    }
}

impl std::fmt::Debug for Connection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Connection").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// What tasks call the server with.
#[derive(Clone)]
pub(super) struct Caller {
    client: Qdrant,
    place: Arc<str>,
    pauses: Pauses,
}

#[derive(Debug, Clone, Copy)]
struct Pauses {
    attempts: usize,
    first: Duration,
    longest: Duration,
}

impl Caller {
    /// Returns the same that sends every request once.
    pub(super) fn once(&self) -> Self {
        Self { pauses: Pauses { attempts: 1, ..self.pauses }, ..self.clone() }
    }

    /// Sends a request until it is answered or the attempts are used up.
    ///
    /// Every request of ours may be sent twice and still leave what one would have left.
    pub(super) async fn ask<T, F>(
        &self,
        action: &'static str,
        request: impl Fn(Qdrant) -> F,
    ) -> Result<T>
    where
        F: Future<Output = Result<T, QdrantError>>,
    {
        let mut pause = self.pauses.first;
        let mut attempt = 1;
        loop {
            // In a box, because the client's futures are large.
            let error = match Box::pin(request(self.client.clone())).await {
                Ok(answer) => return Ok(answer),
                Err(error) => error,
            };
            let Some(wanted) = pause_wanted(&error).filter(|_| attempt < self.pauses.attempts)
            else {
                return Err(refused(&self.place, action, attempt, &error));
            };
            let (code, message) = words(&error);
            tracing::warn!(attempt, "cannot {action} `{}` yet: {code}: {message}", self.place);
            tokio::time::sleep(wanted.unwrap_or(pause).min(self.pauses.longest)).await;
            pause *= 2;
            attempt += 1;
        }
    }
}

/// Returns whether asking again may help, and the pause that the server asks for, if it does.
#[expect(clippy::option_option, reason = "whether, and then how long")]
#[expect(
    clippy::wildcard_enum_match_arm,
    reason = "of the codes of gRPC, these pass by themselves"
)]
fn pause_wanted(error: &QdrantError) -> Option<Option<Duration>> {
    match error {
        QdrantError::ResourceExhaustedError { retry_after_seconds, .. } => {
            Some(Some(Duration::from_secs(*retry_after_seconds)))
        }
        QdrantError::ResponseError { status } => match status.code() {
            // A time that is over is `Cancelled` in this client, and a connection that fails is `Internal`.
            Code::Unavailable
            | Code::DeadlineExceeded
            | Code::Cancelled
            | Code::Internal
            | Code::Aborted
            | Code::ResourceExhausted
            | Code::Unknown => Some(None),
            _ => None,
        },
        QdrantError::ConversionError(_)
        | QdrantError::InvalidUri(_)
        | QdrantError::NoSnapshotFound(_)
        | QdrantError::Io(_) => None,
    }
}

fn refused(place: &str, action: &'static str, attempts: usize, error: &QdrantError) -> Error {
    let (code, message) = words(error);
    Error::Qdrant(QdrantProblem::Refused {
        place: place.to_owned(),
        action,
        code,
        message,
        attempts,
    })
}

/// Returns the name of the code and the words of an error.
fn words(error: &QdrantError) -> (String, String) {
    match error {
        QdrantError::ResponseError { status }
        | QdrantError::ResourceExhaustedError { status, .. } => {
            (format!("{:?}", status.code()), without_debug(status.message()))
        }
        QdrantError::ConversionError(_)
        | QdrantError::InvalidUri(_)
        | QdrantError::NoSnapshotFound(_)
        | QdrantError::Io(_) => ("Client".to_owned(), error.to_string()),
    }
}

/// Takes the reason out of what the client writes, for programmers, of a connection that failed.
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
    use tonic::Status;
    use tonic::metadata::MetadataValue;

    use super::*;

    #[test]
    fn servers_that_are_exhausted_say_when_to_come_back() {
        let mut status = Status::resource_exhausted("too many requests");
        assert_eq!(pause_wanted(&status.clone().into()), Some(None));
        status.metadata_mut().insert("retry-after", MetadataValue::from_static("7"));
        assert_eq!(pause_wanted(&status.into()), Some(Some(Duration::from_secs(7))));
    }

    #[test]
    fn failed_connection_is_told_in_words() {
        let message = "Failed to connect to http://h:1/: tonic::transport::Error(Transport, \
            ConnectError(ConnectError(\"tcp connect error\", Os { code: 111, message: \"Connection refused\" })))";
        let expect = "Failed to connect to http://h:1/: Connection refused";
        assert_eq!(without_debug(message), expect);
        assert_eq!(without_debug("Failed: tonic::transport::Error(Transport)"), "Failed");
        assert_eq!(without_debug("Doesn't exist: `x`"), "Doesn't exist: `x`");
    }

    #[test]
    fn what_will_not_pass_is_not_asked_again() {
        for status in [
            Status::invalid_argument(""),
            Status::unauthenticated(""),
            Status::permission_denied(""),
            Status::not_found(""),
            Status::unimplemented(""),
        ] {
            assert_eq!(pause_wanted(&status.into()), None);
        }
    }
}
