//! `nocturne space list`

use anyhow::Result;
use nocturne_index::{Collection, Coverage, SpaceName, SpaceRecord, Spaces};
use serde_json::json;

use super::short;
use crate::args::SpaceList;
use crate::console;
use crate::error::Outcome;
use crate::table::table;

/// A space as it is listed.
struct Listed {
    name: SpaceName,
    record: Option<SpaceRecord>,
    collection: Collection,
    /// What it has of the served space; nothing for that one.
    coverage: Option<Coverage>,
}

pub(super) fn run(arguments: &SpaceList) -> Result<Outcome> {
    let spaces = Spaces::of(&arguments.of.collection);
    let serving = spaces.serving()?;
    let served = spaces.open(&serving.space)?;
    let mut listed = Vec::new();
    for name in spaces.names()? {
        let (record, collection) = (spaces.record(&name)?, spaces.open(&name)?);
        let coverage = (name != serving.space).then(|| Coverage::of(&served, &collection));
        listed.push(Listed { name, record, collection, coverage });
    }
    if arguments.of.json {
        for Listed { name, record, collection, coverage } in &listed {
            console::print_json(&json!({
                "space": name,
                "served": coverage.is_none(),
                "previous": serving.previous.as_ref() == Some(name),
                "bundle": collection.space(),
                "bundle_folder": record.as_ref().map(|record| &record.bundle_folder),
                "made": record.as_ref().and_then(|record| record.made),
                "recordings": collection.recordings().len(),
                "epochs": collection.n_epochs(),
                "generation": collection.generation(),
                "coverage": coverage,
            }))?;
        }
        return Ok(Outcome::Done);
    }
    let headings = ["space", "bundle", "fingerprint", "made", ">recordings", ">epochs", "state"];
    console::print(table(&headings, listed.iter().map(row)))?;
    Ok(Outcome::Done)
}

fn row(listed: &Listed) -> Vec<String> {
    let Listed { name, record, collection, coverage } = listed;
    let made = record.as_ref().and_then(|record| record.made);
    let state = match coverage {
        None => "served".to_owned(),
        Some(coverage) if coverage.is_whole() => "whole".to_owned(),
        Some(Coverage { lacking, extra, differing, .. }) => format!(
            "lacks {}, has {} others, {} differ",
            lacking.len(),
            extra.len(),
            differing.len()
        ),
    };
    vec![
        name.to_string(),
        collection.space().bundle.clone(),
        short(&collection.space().fingerprint).to_owned(),
        made.map_or_else(|| "–".to_owned(), |made| format!("{made:.0}")),
        collection.recordings().len().to_string(),
        collection.n_epochs().to_string(),
        state,
    ]
}
