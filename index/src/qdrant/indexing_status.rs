//! Waits until a server has built its graph over the points that were written.
//!
//! Searches are answered before that, and exact ones no slower. Approximate ones are slower, because the server compares the
//! query with every vector that is not yet in the graph.

use std::time::{Duration, Instant};

use qdrant_client::qdrant::{CollectionInfo, CollectionStatus};

use super::connection::Connection;
use super::spaces::SpaceConnection;
use super::{QdrantError, QdrantSettings};
use crate::error::Result;

/// The progress of a server with its graph.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct IndexingStatus {
    /// Whether the graph is complete.
    pub is_green: bool,
    /// Estimated number of points: epochs and captions.
    pub n_points: u64,
    /// Estimated number of vectors in the graph. Small collections have no graph.
    pub n_indexed: u64,
}

/// Waits until the server has built the graph of the space that the address names, or that is served, or until the time is
/// over. Calls `report` with each status, and returns the last one.
///
/// # Errors
///
/// [`QdrantError::Optimizer`] if the server has stopped to build, and [`QdrantError::Request`].
pub fn wait_until_green(
    settings: QdrantSettings,
    at_most: Duration,
    report: &mut dyn FnMut(IndexingStatus),
) -> Result<IndexingStatus> {
    let pause = settings.poll_interval;
    let connection = SpaceConnection::of_writer(Connection::new(settings)?)?;
    let started = Instant::now();
    loop {
        let status = read_status(&connection)?;
        report(status);
        let left = at_most.saturating_sub(started.elapsed());
        if status.is_green || left.is_zero() {
            return Ok(status);
        }
        connection.run(async { tokio::time::sleep(pause.min(left)).await });
    }
}

fn read_status(connection: &Connection) -> Result<IndexingStatus> {
    let name = connection.settings().url.collection();
    let answer = connection
        .ask("read the status of", |client| async move { client.collection_info(name).await })?;
    let info = answer.result.unwrap_or_default();
    if let Some(message) = failure(&info) {
        return Err(QdrantError::Optimizer { address: connection.address(), message }.into());
    }
    Ok(IndexingStatus {
        is_green: info.status() == CollectionStatus::Green,
        n_points: info.points_count(),
        n_indexed: info.indexed_vectors_count(),
    })
}

/// Returns the message of the server if it has stopped to build.
fn failure(info: &CollectionInfo) -> Option<String> {
    let status = info.optimizer_status.as_ref().filter(|status| !status.ok);
    status.map(|status| status.error.clone())
}
