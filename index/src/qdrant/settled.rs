//! Waits until a server has built its graphs over what was written.
//!
//! A question is answered before that as well, and as exactly; an approximate one is slower, because the server compares
//! the query with every vector that is in no graph yet.

use std::time::{Duration, Instant};

use qdrant_client::qdrant::{CollectionInfo, CollectionStatus};

use super::client::Connection;
use super::spaces::Place;
use super::{QdrantProblem, QdrantSettings};
use crate::error::{Error, Result};

/// Pause between two looks, unless the settings say a shorter one.
const PAUSE: Duration = Duration::from_secs(1);

/// How far a server is with its graphs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct QdrantBuilding {
    /// Whether nothing is left to do.
    pub is_green: bool,
    /// Points, as the server estimates them: epochs and captions.
    pub n_points: u64,
    /// Vectors that are in a graph, as the server estimates them; small collections need none.
    pub n_indexed: u64,
}

/// Waits until the server has nothing left to do for the points of the space that is served, or that is named, or the time is over, and calls `told` after
/// each look. Returns what the last look saw.
///
/// # Errors
///
/// [`QdrantProblem::Optimizer`] where the server cannot go on, and [`QdrantProblem::Refused`].
pub fn wait_until_green(
    settings: QdrantSettings,
    at_most: Duration,
    told: &mut dyn FnMut(QdrantBuilding),
) -> Result<QdrantBuilding> {
    let pause = PAUSE.min(settings.look_again);
    let connection = Place::of_writer(Connection::new(settings)?)?;
    let started = Instant::now();
    loop {
        let building = look(&connection)?;
        told(building);
        let left = at_most.saturating_sub(started.elapsed());
        if building.is_green || left.is_zero() {
            return Ok(building);
        }
        connection.run(async { tokio::time::sleep(pause.min(left)).await });
    }
}

fn look(connection: &Connection) -> Result<QdrantBuilding> {
    let name = connection.settings().url.collection();
    let answer =
        connection.ask("look at", |client| async move { client.collection_info(name).await })?;
    let info = answer.result.unwrap_or_default();
    if let Some(error) = failure(&info) {
        let place = connection.place();
        return Err(Error::Qdrant(QdrantProblem::Optimizer { place, error }));
    }
    Ok(QdrantBuilding {
        is_green: info.status() == CollectionStatus::Green,
        n_points: info.points_count(),
        n_indexed: info.indexed_vectors_count(),
    })
}

/// Returns what the server says where it has stopped to build.
fn failure(info: &CollectionInfo) -> Option<String> {
    let status = info.optimizer_status.as_ref().filter(|status| !status.ok);
    status.map(|status| status.error.clone())
}
