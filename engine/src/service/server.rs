//! The server around the service: limits, health, reflection, and an end that waits for what is under way.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use nocturne_proto::FILE_DESCRIPTORS;
use nocturne_proto::v1::nocturne_service_server::NocturneServiceServer;
use tokio::net::TcpListener;
use tokio_stream::wrappers::TcpListenerStream;
use tonic::transport::Server;

use super::{Service, health};
use crate::{Engine, Error, Result};

/// Largest message that is taken, in bytes.
const LARGEST_REQUEST: usize = 1 << 20;
/// Largest message that is given, in bytes.
const LARGEST_ANSWER: usize = 8 << 20;

/// How the server behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServeOptions {
    /// Questions that are worked on at once; the next is refused with `RESOURCE_EXHAUSTED`.
    pub most_at_once: usize,
    /// Longest time for an answer.
    pub deadline: Duration,
    /// Longest time that the server waits, at its end, for answers that are under way.
    pub drain: Duration,
    /// Pause between two looks whether the collection can be reached, on which the health of the service depends.
    pub look: Duration,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            most_at_once: 64,
            deadline: Duration::from_secs(30),
            drain: Duration::from_secs(8),
            look: Duration::from_secs(5),
        }
    }
}

/// Serves an engine until `stop` is done; then it takes no more questions, finishes those under way, and returns.
///
/// # Errors
///
/// [`Error::Serve`] where the listener fails.
pub async fn serve(
    engine: Arc<Engine>,
    listener: TcpListener,
    options: ServeOptions,
    stop: impl Future<Output = ()> + Send,
) -> Result<()> {
    let address = listener.local_addr().unwrap_or_else(|_| SocketAddr::from(([0, 0, 0, 0], 0)));
    let error = |source: Box<dyn std::error::Error + Send + Sync>| Error::Serve { address, source };
    let (reporter, health_service) = tonic_health::server::health_reporter();
    reporter.set_serving::<NocturneServiceServer<Service>>().await;
    let reflection = || {
        tonic_reflection::server::Builder::configure()
            .register_encoded_file_descriptor_set(FILE_DESCRIPTORS)
            .register_encoded_file_descriptor_set(tonic_health::pb::FILE_DESCRIPTOR_SET)
    };
    let reflection_v1 = reflection().build_v1().map_err(|source| error(source.into()))?;
    let reflection_v1alpha = reflection().build_v1alpha().map_err(|source| error(source.into()))?;
    let looked_at = Arc::clone(&engine);
    let followed = health::follow(reporter.clone(), options.look, move || looked_at.look());
    let service = NocturneServiceServer::new(Service::new(engine, options))
        .max_decoding_message_size(LARGEST_REQUEST)
        .max_encoding_message_size(LARGEST_ANSWER);

    let (stopping, mut stopped) = tokio::sync::watch::channel(false);
    let server = Server::builder()
        .timeout(options.deadline)
        .max_concurrent_streams(128)
        .http2_keepalive_interval(Some(Duration::from_secs(30)))
        .http2_keepalive_timeout(Some(Duration::from_secs(10)))
        .http2_max_header_list_size(16 << 10)
        .add_service(health_service)
        .add_service(reflection_v1)
        .add_service(reflection_v1alpha)
        .add_service(service)
        .serve_with_incoming_shutdown(TcpListenerStream::new(listener), async move {
            // An error means that the sender is gone, which is a reason to stop too.
            let _ = stopped.wait_for(|stopped| *stopped).await;
        });
    tokio::pin!(server);
    tokio::select! {
        ended = &mut server => return ended.map_err(|source| error(source.into())),
        never = followed => match never {},
        () = stop => {}
    }
    reporter.set_not_serving::<NocturneServiceServer<Service>>().await;
    tracing::info!("stopping: answers under way are finished, new questions refused");
    let _ = stopping.send(true);
    // Connections that are open without a question would hold the server for ever.
    match tokio::time::timeout(options.drain, server).await {
        Ok(ended) => ended.map_err(|source| error(source.into())),
        Err(_) => Ok(()),
    }
}
