//! `nocturne optimize`

use anyhow::Result;
use nocturne_index::{Collection, HnswSettings, PlannedIndex, VectorIndex};
use serde_json::json;

use crate::args::Optimize;
use crate::console;
use crate::error::CommandOutcome;

pub(super) fn run(arguments: &Optimize) -> Result<CommandOutcome> {
    let Optimize { collection, graph, json } = arguments;
    let index = PlannedIndex::open(Collection::open(collection)?.segments()?)?;
    let mut is_new = index.maintain()?;
    if *graph {
        is_new |= index.build_hnsw(&HnswSettings::default())?;
    }
    let n_epochs = index.n_epochs();
    let n_lists = index.ivf().map_or(0, |ivf| ivf.n_lists());
    let has_graph = index.hnsw().is_some();
    if *json {
        console::print_json(&json!({
            "epochs": n_epochs,
            "lists": n_lists,
            "graph": has_graph,
            "changed": is_new,
        }))?;
        return Ok(CommandOutcome::Done);
    }
    match (n_lists, has_graph) {
        (0, false) => console::print(format_args!(
            "nothing to do: exact search over {n_epochs} epochs is as fast as an index"
        ))?,
        (_, has_graph) => console::print(format_args!(
            "{n_epochs} epochs in {n_lists} inverted lists{}{}",
            if has_graph { " and an HNSW index" } else { "" },
            if is_new { "" } else { ", unchanged" }
        ))?,
    }
    Ok(CommandOutcome::Done)
}
