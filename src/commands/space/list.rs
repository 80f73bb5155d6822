//! `nocturne space list`

use anyhow::Result;
use nocturne_index::{CollectionReader, Coverage, SpaceName, SpaceRecord};
use serde_json::json;

use super::short;
use crate::args::SpaceList;
use crate::console;
use crate::error::CommandOutcome;
use crate::table::table;

/// A space in the list.
struct ListedSpace {
    name: SpaceName,
    record: Option<SpaceRecord>,
    reader: Box<dyn CollectionReader>,
    /// How it differs from the served space; `None` for the served space itself.
    coverage: Option<Coverage>,
}

pub(super) fn run(arguments: &SpaceList) -> Result<CommandOutcome> {
    let spaces = arguments.of.collection.location().spaces()?;
    let serving = spaces.serving()?;
    let served = spaces.reader(&serving.space)?;
    let mut listed = Vec::new();
    for name in spaces.names()? {
        let (record, reader) = (spaces.record(&name)?, spaces.reader(&name)?);
        let coverage = (name != serving.space).then(|| Coverage::of(&*served, &*reader));
        listed.push(ListedSpace { name, record, reader, coverage });
    }
    if arguments.of.json {
        for ListedSpace { name, record, reader, coverage } in &listed {
            console::print_json(&json!({
                "space": name,
                "served": coverage.is_none(),
                "previous": serving.previous.as_ref() == Some(name),
                "bundle": reader.space(),
                "bundle_folder": record.as_ref().map(|record| &record.bundle_folder),
                "created": record.as_ref().and_then(|record| record.created),
                "recordings": reader.entries().len(),
                "epochs": reader.n_epochs(),
                "generation": reader.generation(),
                "coverage": coverage,
            }))?;
        }
        return Ok(CommandOutcome::Done);
    }
    let headings = ["space", "bundle", "fingerprint", "created", ">recordings", ">epochs", "state"];
    console::print(table(&headings, listed.iter().map(row)))?;
    Ok(CommandOutcome::Done)
}

fn row(listed: &ListedSpace) -> Vec<String> {
    let ListedSpace { name, record, reader, coverage } = listed;
    let created = record.as_ref().and_then(|record| record.created);
    let state = match coverage {
        None => "served".to_owned(),
        Some(coverage) if coverage.is_complete() => "complete".to_owned(),
        Some(Coverage { missing, extra, changed, .. }) => {
            format!("{} missing, {} extra, {} changed", missing.len(), extra.len(), changed.len())
        }
    };
    vec![
        name.to_string(),
        reader.space().bundle.clone(),
        short(&reader.space().fingerprint).to_owned(),
        created.map_or_else(|| "–".to_owned(), |created| format!("{created:.0}")),
        reader.entries().len().to_string(),
        reader.n_epochs().to_string(),
        state,
    ]
}
