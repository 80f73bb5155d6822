//! Waits until a Qdrant server has finished its HNSW index.

use std::time::Duration;

use anyhow::Result;
use nocturne_index::qdrant::{QdrantBuilding, QdrantSettings, wait_until_green};
use serde_json::json;

use crate::args::WritingArguments;
use crate::console;

/// Waits up to the given time and reports the state of the index.
pub(super) fn wait(settings: QdrantSettings, writing: &WritingArguments, json: bool) -> Result<()> {
    if writing.no_wait {
        return Ok(());
    }
    let place = settings.url.to_string();
    let bar = console::progress("indexing on the server", 0);
    let at_most = Duration::from_secs(writing.wait.into());
    let built = wait_until_green(settings, at_most, &mut |building| {
        bar.set_length(building.n_points.max(building.n_indexed));
        bar.set_position(building.n_indexed);
    });
    bar.finish_and_clear();
    let QdrantBuilding { is_green, n_points, n_indexed } = built?;
    if json {
        console::print_json(&json!({
            "event": "graphs",
            "place": place,
            "green": is_green,
            "points": n_points,
            "indexed": n_indexed,
        }))?;
    } else if !is_green {
        console::note(format_args!(
            "the server is still building the HNSW index of {place} ({n_indexed} of {n_points} points); \
             searches are correct in the meantime"
        ));
    }
    Ok(())
}
