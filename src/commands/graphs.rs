//! Waits until a Qdrant server has finished its HNSW index.

use std::time::Duration;

use anyhow::Result;
use nocturne_index::qdrant::{IndexingStatus, QdrantSettings, wait_until_green};
use serde_json::json;

use crate::args::WaitArguments;
use crate::console;

/// Waits up to the given time and reports the state of the index.
pub(super) fn wait(settings: QdrantSettings, waiting: &WaitArguments, json: bool) -> Result<()> {
    if waiting.no_wait {
        return Ok(());
    }
    let address = settings.url.to_string();
    let bar = console::progress("indexing on the server", 0);
    let at_most = Duration::from_secs(waiting.wait.into());
    let status = wait_until_green(settings, at_most, &mut |status| {
        bar.set_length(status.n_points.max(status.n_indexed));
        bar.set_position(status.n_indexed);
    });
    bar.finish_and_clear();
    let IndexingStatus { is_green, n_points, n_indexed } = status?;
    if json {
        console::print_json(&json!({
            "event": "graphs",
            "place": address,
            "green": is_green,
            "points": n_points,
            "indexed": n_indexed,
        }))?;
    } else if !is_green {
        console::note(format_args!(
            "the server is still building the HNSW index of {address} ({n_indexed} of {n_points} points); \
             searches are correct in the meantime"
        ));
    }
    Ok(())
}
