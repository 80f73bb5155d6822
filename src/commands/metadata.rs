//! `nocturne metadata`

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Result;
use nocturne_index::RecordingEntry;
use nocturne_psg::{MatchedMetadata, MetadataTable};
use serde_json::json;

use super::index::print_row_problem;
use crate::args::Metadata;
use crate::error::CommandOutcome;
use crate::{console, hint};

pub(super) fn run(arguments: &Metadata) -> Result<CommandOutcome> {
    let Metadata { table, collection, without, json } = arguments;
    let table = read_table(table)?;
    let mut writer = collection.location().open_for_writing()?;
    let subject = |entry: &RecordingEntry| entry.metadata.get("subject").cloned();
    let known: Vec<_> =
        writer.entries().into_iter().map(|it| (it.id.clone(), subject(it))).collect();
    let named = known.iter().map(|(id, subject)| (id.as_str(), subject.as_deref()));
    let MatchedMetadata { metadata: matched, problems } = table.matched(named);
    let changes = writer.entries().into_iter().zip(matched).filter_map(|(entry, matched)| {
        let mut metadata = entry.metadata.clone();
        metadata.retain(|column, _| !without.contains(column));
        metadata.extend(matched?.clone());
        Some((entry.id.clone(), metadata))
    });
    let changes: BTreeMap<_, _> = changes.collect();
    let n_named = changes.len();
    let n_changed = writer.set_metadata(changes)?;
    problems.iter().try_for_each(|problem| print_row_problem(problem, *json))?;
    if *json {
        let (n_unchanged, n_problems) = (n_named - n_changed, problems.len());
        console::print_json(&json!({
            "event": "summary", "changed": n_changed, "unchanged": n_unchanged, "rows_failed": n_problems,
        }))?;
    } else {
        console::print(format_args!(
            "{n_changed} recordings changed, {} unchanged, {} rows skipped",
            n_named - n_changed,
            problems.len()
        ))?;
    }
    Ok(if problems.is_empty() { CommandOutcome::Done } else { CommandOutcome::PartlyDone })
}

/// Reads a table of metadata.
pub(super) fn read_table(path: &Path) -> Result<MetadataTable> {
    MetadataTable::read(path).map_err(|error| {
        hint::with(
            error,
            "a table of metadata has a column `recording` or `subject`, and one column for each property, such as `age`",
        )
    })
}
