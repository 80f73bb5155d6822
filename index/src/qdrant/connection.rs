//! The connection to a server: one small runtime, and requests that are retried.

use std::future::Future;
use std::sync::Arc;

use backon::Retryable;
use qdrant_client::{Qdrant, QdrantError as ClientError};
use tokio::runtime::{Builder, Runtime};

use super::error::ServerError;
use super::retry::RetryPolicy;
use super::{ApiKey, QdrantError, QdrantSettings, QdrantUrl};
use crate::error::{Error, LocationName, Result};
use crate::recording::SpaceName;

/// A connection with a runtime of its own, so that the rest of the library stays synchronous.
///
/// Its methods block, and must not be called from tasks of another runtime.
pub(super) struct Connection {
    caller: Caller,
    settings: QdrantSettings,
    runtime: Arc<BackgroundRuntime>,
}

/// A runtime that is shared by the connections to one server.
struct BackgroundRuntime(Option<Runtime>);

impl Connection {
    /// Prepares a connection; the first request opens it.
    pub(super) fn new(settings: QdrantSettings) -> Result<Arc<Self>> {
        settings.check()?;
        let address: Arc<str> = settings.url.to_string().into();
        // The compatibility check of the client prints to standard output; `server_version` checks instead.
        let builder = Qdrant::from_url(&settings.url.server()).skip_compatibility_check();
        let builder = builder.timeout(settings.timeout).connect_timeout(settings.connect_timeout);
        let mut builder = builder.api_key(settings.api_key.as_ref().map(ApiKey::secret));
        builder.set_pool_size(settings.streams);
        let client = builder.build().map_err(|error| QdrantError::Request {
            address: address.to_string(),
            action: "connect to",
            attempts: 0,
            source: ServerError::from(error),
        })?;
        let runtime = Builder::new_multi_thread()
            .worker_threads(1)
            .thread_name("qdrant")
            .enable_all()
            .build()
            .map_err(|source| Error::Io {
                path: (*address).into(),
                action: "connect to",
                source,
            })?;
        let retry = RetryPolicy::of(&settings);
        let caller = Caller { client, address, retry };
        Ok(Arc::new(Self { caller, settings, runtime: Arc::new(BackgroundRuntime(Some(runtime))) }))
    }

    /// Returns this connection for another collection of the same server.
    pub(super) fn to(&self, url: QdrantUrl) -> Arc<Self> {
        let caller = Caller { address: url.to_string().into(), ..self.caller.clone() };
        let settings = QdrantSettings { url, ..self.settings.clone() };
        Arc::new(Self { caller, settings, runtime: Arc::clone(&self.runtime) })
    }

    pub(super) fn settings(&self) -> &QdrantSettings {
        &self.settings
    }

    /// Returns the address of the collection, for messages.
    pub(super) fn address(&self) -> String {
        self.caller.address.to_string()
    }

    /// Returns the name of the space that the address names, or `main`.
    pub(super) fn space_name(&self) -> SpaceName {
        self.settings.url.space().cloned().unwrap_or_else(SpaceName::main)
    }

    /// Returns the address of the collection as an error names it.
    pub(super) fn location(&self) -> LocationName {
        LocationName::Address(self.address())
    }

    /// Returns what tasks of this connection call the server with.
    pub(super) fn caller(&self) -> &Caller {
        &self.caller
    }

    /// Runs a task to its end.
    pub(super) fn run<T>(&self, task: impl Future<Output = T>) -> T {
        self.runtime.0.as_ref().expect("the runtime exists until it is dropped").block_on(task)
    }

    /// Sends a request, retries it, and waits for the answer.
    pub(super) fn ask<T, F>(&self, action: &'static str, request: impl Fn(Qdrant) -> F) -> Result<T>
    where
        F: Future<Output = Result<T, ClientError>>,
    {
        self.run(self.caller.ask(action, request))
    }
}

impl Drop for BackgroundRuntime {
    /// Does not wait for the thread of the runtime: waiting inside a task of another runtime would panic.
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

/// Sends requests and retries them.
#[derive(Clone)]
pub(super) struct Caller {
    client: Qdrant,
    address: Arc<str>,
    retry: RetryPolicy,
}

impl Caller {
    /// Returns a caller that sends every request once.
    pub(super) fn once(&self) -> Self {
        Self { retry: self.retry.once(), ..self.clone() }
    }

    /// Sends a request until it is answered or the attempts are used up.
    ///
    /// Every request that this module sends may be executed twice, with the same result as once.
    ///
    /// # Errors
    ///
    /// [`QdrantError::Request`].
    pub(super) async fn ask<T, F>(
        &self,
        action: &'static str,
        request: impl Fn(Qdrant) -> F,
    ) -> Result<T>
    where
        F: Future<Output = Result<T, ClientError>>,
    {
        let mut attempts = 0;
        // The futures of the client are large, hence the box.
        let send = || {
            attempts += 1;
            let answer = Box::pin(request(self.client.clone()));
            async move { answer.await.map_err(ServerError::from) }
        };
        let answer = send
            .retry(self.retry.backoff())
            .adjust(|error: &ServerError, pause| self.retry.pause_after(error, pause))
            .notify(|error, pause| {
                let pause_s = pause.as_secs_f64();
                tracing::warn!(
                    "cannot {action} `{}` yet; trying again in {pause_s:.1} s: {error}",
                    self.address
                );
            })
            .await;
        answer.map_err(|source| {
            let address = self.address.to_string();
            QdrantError::Request { address, action, attempts, source }.into()
        })
    }
}
