//! The health of the service: it serves as long as its collection can be reached.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use nocturne_engine::Result;
use nocturne_proto::v1::nocturne_service_server::NocturneServiceServer;
use tonic_health::server::HealthReporter;

use crate::grpc::Service;

/// Checks periodically whether the collection can be reached, and reports changes. It never returns.
///
/// The service must have been reported as serving.
pub(crate) async fn follow(
    health: HealthReporter,
    pause: Duration,
    check: impl Fn() -> Result<()> + Send + Sync + 'static,
) -> Infallible {
    let check = Arc::new(check);
    let mut was_reached = true;
    loop {
        tokio::time::sleep(pause).await;
        let check = Arc::clone(&check);
        let checked = tokio::task::spawn_blocking(move || check()).await;
        let is_reached = matches!(&checked, Ok(Ok(())));
        if is_reached == was_reached {
            continue;
        }
        was_reached = is_reached;
        if is_reached {
            tracing::info!("the collection can be reached again");
            health.set_serving::<NocturneServiceServer<Service>>().await;
        } else {
            if let Ok(Err(error)) = checked {
                tracing::error!("cannot reach the collection: {error}");
            }
            health.set_not_serving::<NocturneServiceServer<Service>>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use nocturne_engine::Error;
    use tonic::Request;
    use tonic::server::NamedService;
    use tonic_health::pb::HealthCheckRequest;
    use tonic_health::pb::health_check_response::ServingStatus;
    use tonic_health::pb::health_server::Health;
    use tonic_health::server::HealthService;

    use super::*;

    async fn status(health: &HealthService) -> i32 {
        let service = NocturneServiceServer::<Service>::NAME.to_owned();
        let answer = health.check(Request::new(HealthCheckRequest { service })).await.unwrap();
        answer.into_inner().status
    }

    /// Waits until the service has a status.
    async fn wait_for(health: &HealthService, expected: ServingStatus) {
        while status(health).await != i32::from(expected) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    #[tokio::test]
    async fn service_is_healthy_while_its_collection_can_be_reached() {
        let is_down = Arc::new(AtomicBool::new(false));
        let down = Arc::clone(&is_down);
        let check =
            move || if down.load(Ordering::Relaxed) { Err(Error::Deadline) } else { Ok(()) };
        let reporter = HealthReporter::new();
        let health = HealthService::from_health_reporter(reporter.clone());
        reporter.set_serving::<NocturneServiceServer<Service>>().await;
        let followed = tokio::spawn(follow(reporter, Duration::from_millis(1), check));
        assert_eq!(status(&health).await, i32::from(ServingStatus::Serving));
        is_down.store(true, Ordering::Relaxed);
        wait_for(&health, ServingStatus::NotServing).await;
        is_down.store(false, Ordering::Relaxed);
        wait_for(&health, ServingStatus::Serving).await;
        followed.abort();
    }
}
