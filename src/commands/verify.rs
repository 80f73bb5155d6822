//! `nocturne verify`

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::{Context, Result, bail};
use nocturne_index::{CacheProblem, Collection, Error};
use nocturne_psg::RecordingId;
use serde::Deserialize;
use serde_json::json;

use crate::args::Verify;
use crate::console;
use crate::error::Outcome;

/// Line of a list of what was acknowledged, as `nocturne index --json` writes it; lines of other events are passed over.
#[derive(Deserialize)]
struct Told {
    event: String,
    recording: Option<RecordingId>,
    epochs: Option<usize>,
}

pub(super) fn run(arguments: &Verify) -> Result<Outcome> {
    let Verify { collection, acked, json } = arguments;
    let collection = Collection::open(collection)?;
    let mut problems: BTreeMap<RecordingId, String> = collection
        .verify()
        .map(|(id, error): (&RecordingId, Error)| (id.clone(), error.to_string()))
        .collect();
    for (id, n_epochs) in acked.as_deref().map(acknowledged).transpose()?.unwrap_or_default() {
        let problem = match collection.entry(&id) {
            None => Some("it was acknowledged and is not there".to_owned()),
            Some(entry) => {
                n_epochs.filter(|n_epochs| *n_epochs != entry.n_epochs).map(|n_epochs| {
                    format!("it has {} epochs; {n_epochs} were acknowledged", entry.n_epochs)
                })
            }
        };
        if let Some(problem) = problem {
            problems.entry(id).or_insert(problem);
        }
    }
    tell(&collection, &problems, *json)?;
    let caches = collection.verify_caches()?;
    for CacheProblem { path, problem } in &caches {
        let path = path.display().to_string();
        if *json {
            console::print_json(&json!({ "cache": path, "problem": problem }))?;
        } else {
            console::print(format_args!(
                "`{path}` is damaged {problem}; searches do without it, and `nocturne optimize` makes it anew"
            ))?;
        }
    }
    match problems.len() {
        0 if caches.is_empty() => Ok(Outcome::Done),
        0 => Ok(Outcome::PartlyDone),
        n => bail!("{n} recordings of `{}` are damaged or lost", collection.path().display()),
    }
}

fn tell(
    collection: &Collection,
    problems: &BTreeMap<RecordingId, String>,
    json: bool,
) -> Result<()> {
    for entry in collection.recordings() {
        let problem = problems.get(&entry.id);
        if json {
            console::print_json(&json!({
                "recording": entry.id,
                "epochs": entry.n_epochs,
                "captions": entry.n_captions,
                "problem": problem,
            }))?;
        } else if problem.is_none() {
            console::print(format_args!("{}: {} epochs, whole", entry.id, entry.n_epochs))?;
        }
    }
    for (id, problem) in problems {
        let is_told = json && collection.entry(id).is_some();
        match (is_told, json) {
            (true, _) => {}
            (false, true) => console::print_json(&json!({ "recording": id, "problem": problem }))?,
            (false, false) => console::print(format_args!("{id}: {problem}"))?,
        }
    }
    Ok(())
}

/// Reads a list of recordings: names, or the lines of `nocturne index --json`.
fn acknowledged(list: &Path) -> Result<BTreeMap<RecordingId, Option<usize>>> {
    let text = std::fs::read_to_string(list)
        .with_context(|| format!("cannot read `{}`", list.display()))?;
    let mut acknowledged = BTreeMap::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let place = || format!("line {} of `{}`", number + 1, list.display());
        if !line.trim_start().starts_with('{') {
            acknowledged.insert(line.trim().parse().with_context(place)?, None);
            continue;
        }
        let told: Told = serde_json::from_str(line).with_context(place)?;
        match (&*told.event, told.recording) {
            ("acknowledged", Some(recording)) => {
                acknowledged.insert(recording, told.epochs);
            }
            // It was there already, with as many epochs as an earlier line may tell.
            ("unchanged", Some(recording)) => {
                acknowledged.entry(recording).or_insert(None);
            }
            _ => {}
        }
    }
    Ok(acknowledged)
}
