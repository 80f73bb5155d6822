//! `nocturne optimize`

use anyhow::Result;
use nocturne_index::{Collection, GraphSettings, PlannedIndex, VectorIndex};
use serde_json::json;

use crate::args::Optimize;
use crate::console;
use crate::error::CommandOutcome;

pub(super) fn run(arguments: &Optimize) -> Result<CommandOutcome> {
    let Optimize { collection, graph, json } = arguments;
    let index = PlannedIndex::open(&Collection::open(collection)?)?;
    let mut is_new = index.improve()?;
    if *graph {
        is_new |= index.improve_graph(&GraphSettings::default())?;
    }
    let n_epochs = index.n_epochs();
    let n_lists = index.partitions().map_or(0, |partitions| partitions.n_lists());
    let has_graph = index.graph().is_some();
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
