//! `nocturne duplicates`

use anyhow::Result;
use nocturne_index::{Duplicate, DuplicateSettings, Duplicates, find_duplicates};
use serde_json::json;

use crate::args::Duplicates as Arguments;
use crate::console;
use crate::error::CommandOutcome;
use crate::table::table;

pub(super) fn run(arguments: &Arguments) -> Result<CommandOutcome> {
    let Arguments { collection, threshold, json } = arguments;
    let collection = collection.location().open()?;
    let settings = DuplicateSettings { min_share: *threshold, ..DuplicateSettings::default() };
    let Duplicates { pairs, missing } = find_duplicates(&*collection, settings)?;
    for recording in &missing {
        console::note(format_args!("warning: `{recording}` is damaged; not compared"));
    }
    if *json {
        for pair in &pairs {
            let mut line = serde_json::to_value(pair)?;
            line["share"] = json!(pair.share());
            console::print_json(&line)?;
        }
    } else if pairs.is_empty() {
        console::print("no duplicates found")?;
    } else {
        let headings = ["recording", "duplicate", ">shift", ">epochs", ">agree", ">mean cosine"];
        console::print(table(&headings, pairs.iter().map(row)))?;
    }
    Ok(if missing.is_empty() { CommandOutcome::Done } else { CommandOutcome::PartlyDone })
}

fn row(pair: &Duplicate) -> Vec<String> {
    vec![
        pair.first.to_string(),
        pair.second.to_string(),
        format!("{:+}", pair.offset_epochs),
        pair.n_overlapping.to_string(),
        format!("{:.1} %", 100.0 * pair.share()),
        format!("{:.3}", pair.mean_cosine),
    ]
}
