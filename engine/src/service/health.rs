//! The health of the service follows whether its collection can be reached.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use nocturne_proto::v1::nocturne_service_server::NocturneServiceServer;
use tonic_health::server::HealthReporter;

use super::Service;
use crate::Result;

/// Looks again and again whether the collection can be reached, and reports it where that has changed. It never ends.
///
/// The service must have been reported as serving.
pub(super) async fn follow(
    health: HealthReporter,
    pause: Duration,
    look: impl Fn() -> Result<()> + Send + Sync + 'static,
) -> Infallible {
    let look = Arc::new(look);
    let mut was_reached = true;
    loop {
        tokio::time::sleep(pause).await;
        let look = Arc::clone(&look);
        let looked = tokio::task::spawn_blocking(move || look()).await;
        let is_reached = matches!(&looked, Ok(Ok(())));
        if is_reached == was_reached {
            continue;
        }
        was_reached = is_reached;
        if is_reached {
            tracing::info!("the collection is reached again");
            health.set_serving::<NocturneServiceServer<Service>>().await;
        } else {
            if let Ok(Err(error)) = looked {
                tracing::error!("the collection is out of reach: {error}");
            }
            health.set_not_serving::<NocturneServiceServer<Service>>().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use nocturne_index::qdrant::double::{Double, Fault, When};
    use tonic::Request;
    use tonic::server::NamedService;
    use tonic_health::pb::HealthCheckRequest;
    use tonic_health::pb::health_check_response::ServingStatus;
    use tonic_health::pb::health_server::Health;
    use tonic_health::server::HealthService;

    use super::*;
    use crate::doubles::{send, settings};
    use crate::snapshot::Snapshot;

    async fn status(health: &HealthService) -> i32 {
        let service = NocturneServiceServer::<Service>::NAME.to_owned();
        let answer = health.check(Request::new(HealthCheckRequest { service })).await.unwrap();
        answer.into_inner().status
    }

    /// Waits until the service has a status.
    async fn until(health: &HealthService, expect: ServingStatus) {
        while status(health).await != i32::from(expect) {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    #[test]
    fn service_serves_while_its_server_of_qdrant_answers() {
        let double = Double::start();
        send(&double, 2, vec![]);
        let snapshot = Snapshot::open(&settings(&double).into()).unwrap();
        let runtime = tokio::runtime::Runtime::new().unwrap();
        runtime.block_on(async {
            let reporter = HealthReporter::new();
            let health = HealthService::from_health_reporter(reporter.clone());
            reporter.set_serving::<NocturneServiceServer<Service>>().await;
            let look = move || Ok(snapshot.look()?);
            let followed = tokio::spawn(follow(reporter, Duration::from_millis(1), look));
            assert_eq!(status(&health).await, i32::from(ServingStatus::Serving));
            double.faults().plan(When::From(0), Fault::Unavailable);
            until(&health, ServingStatus::NotServing).await;
            double.faults().heal();
            until(&health, ServingStatus::Serving).await;
            followed.abort();
        });
    }
}
