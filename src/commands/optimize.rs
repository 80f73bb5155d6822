//! `nocturne optimize`

use anyhow::{Result, bail};
use nocturne_index::{FolderReader, HnswSettings, Location, VectorIndex};
use serde_json::json;

use crate::args::Optimize;
use crate::console;
use crate::error::CommandOutcome;

pub(super) fn run(arguments: &Optimize) -> Result<CommandOutcome> {
    let Optimize { collection, hnsw, json } = arguments;
    let folder = match collection.location() {
        Location::Folder(folder) => folder,
        address @ Location::Qdrant(_) => {
            bail!("`{address}` needs no optimization: a Qdrant server builds its own HNSW index")
        }
    };
    let reader = FolderReader::open(&folder)?;
    let index = reader.index()?;
    let mut is_new = index.maintain()?;
    if *hnsw {
        is_new |= index.build_hnsw(&HnswSettings::default())?;
    }
    let n_epochs = index.n_epochs();
    let n_lists = index.ivf().map_or(0, |ivf| ivf.n_lists());
    let has_hnsw = index.hnsw().is_some();
    if *json {
        console::print_json(&json!({
            "epochs": n_epochs,
            "lists": n_lists,
            "hnsw": has_hnsw,
            "changed": is_new,
        }))?;
        return Ok(CommandOutcome::Done);
    }
    if n_lists == 0 && !has_hnsw {
        console::print(format_args!(
            "nothing to do: exact search over {n_epochs} epochs is as fast as an index"
        ))?;
    } else {
        console::print(format_args!(
            "{n_epochs} epochs in {n_lists} inverted lists{}{}",
            if has_hnsw { " and an HNSW index" } else { "" },
            if is_new { "" } else { ", unchanged" }
        ))?;
    }
    Ok(CommandOutcome::Done)
}
