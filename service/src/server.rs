//! The server around the service: socket, limits, health, reflection, and a shutdown that finishes answers in progress.

use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use nocturne_engine::Engine;
use nocturne_proto::FILE_DESCRIPTORS;
use nocturne_proto::v1::nocturne_service_server::NocturneServiceServer;
use tokio::net::TcpListener;
use tonic::transport::Server;
use tonic::transport::server::TcpIncoming;

use crate::error::{Error, Result};
use crate::grpc::Service;
use crate::health;
use crate::options::ServeOptions;

/// Maximum size of a request, in bytes.
const MAX_REQUEST_BYTES: usize = 1 << 20;
/// Maximum size of an answer, in bytes.
const MAX_ANSWER_BYTES: usize = 8 << 20;

/// Serves an engine until `stop` completes, then refuses new questions, finishes those in progress, and returns.
///
/// # Errors
///
/// [`Error::Serve`] if the listener or the transport fails.
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
    let checked = Arc::clone(&engine);
    let check = move || checked.check_reachable();
    let health = health::follow(reporter.clone(), options.health_interval, check);
    let service = NocturneServiceServer::new(Service::new(engine, options))
        .max_decoding_message_size(MAX_REQUEST_BYTES)
        .max_encoding_message_size(MAX_ANSWER_BYTES);

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
        .serve_with_incoming_shutdown(incoming(listener), async move {
            // An error means that the sender is gone, which is a reason to stop too.
            let _ = stopped.wait_for(|stopped| *stopped).await;
        });
    tokio::pin!(server);
    tokio::select! {
        ended = &mut server => return ended.map_err(|source| error(source.into())),
        // The health check never completes; it is polled here until `stop` does.
        never = health => match never {},
        () = stop => {}
    }
    reporter.set_not_serving::<NocturneServiceServer<Service>>().await;
    tracing::info!("stopping: finishing answers in progress, refusing new questions");
    let _ = stopping.send(true);
    // Idle connections would keep the server alive, so the wait is limited.
    match tokio::time::timeout(options.drain, server).await {
        Ok(ended) => ended.map_err(|source| error(source.into())),
        Err(_) => Ok(()),
    }
}

/// Accepts connections, each with `TCP_NODELAY`.
///
/// An answer of several kB ends in a segment that is not full. Without the option, Nagle's algorithm holds that segment
/// back until the client acknowledges the previous ones, and clients delay acknowledgements by 40 ms. `tonic` sets the
/// option only on sockets that it binds itself.
fn incoming(listener: TcpListener) -> TcpIncoming {
    TcpIncoming::from(listener).with_nodelay(Some(true))
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpStream;
    use tokio_stream::StreamExt;

    use super::*;

    #[tokio::test]
    async fn accepted_connections_have_tcp_nodelay() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let _client = TcpStream::connect(address).await.unwrap();
        let accepted = incoming(listener).next().await.unwrap().unwrap();
        assert!(accepted.nodelay().unwrap());
    }
}
