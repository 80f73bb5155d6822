//! Waits until a Qdrant server has finished its HNSW index.

use anyhow::Result;
use nocturne_index::Location;
use nocturne_index::qdrant::IndexingStatus;
use serde_json::json;

use crate::args::WaitArguments;
use crate::console;

/// Waits up to the given time and reports the state of the index; returns at once for a folder.
pub(super) fn wait(location: &Location, arguments: &WaitArguments, json: bool) -> Result<()> {
    let Some(at_most) = arguments.at_most() else { return Ok(()) };
    let bar = console::progress("indexing on the server", 0);
    let status = location.wait_until_indexed(at_most, &mut |status| {
        bar.set_length(status.n_points.max(status.n_indexed));
        bar.set_position(status.n_indexed);
    });
    bar.finish_and_clear();
    let Some(IndexingStatus { is_green, n_points, n_indexed }) = status? else { return Ok(()) };
    if json {
        console::print_json(&json!({
            "event": "graphs",
            "location": location.to_string(),
            "green": is_green,
            "points": n_points,
            "indexed": n_indexed,
        }))?;
    } else if !is_green {
        console::note(format_args!(
            "the server is still building the HNSW index of {location} ({n_indexed} of {n_points} points); \
             searches are correct in the meantime"
        ));
    }
    Ok(())
}
