//! `nocturne verify`

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result, bail};
use nocturne_index::{
    CacheProblem, CollectionReader, Location, RecordingEntry, RepairOutcome, SpaceName, repair,
};
use nocturne_psg::RecordingId;
use serde::Deserialize;
use serde_json::json;

use crate::args::Verify;
use crate::console;
use crate::error::CommandOutcome;

/// A line of the output of `nocturne index --json`.
#[derive(Deserialize)]
struct EventLine {
    event: String,
    recording: Option<RecordingId>,
    epochs: Option<usize>,
}

/// The recordings of a space, and the problems of the damaged ones.
struct VerifiedSpace {
    entries: BTreeMap<RecordingId, RecordingEntry>,
    problems: BTreeMap<RecordingId, String>,
}

pub(super) fn run(arguments: &Verify) -> Result<CommandOutcome> {
    let Verify { collection, repair: repairs, from, acked, json } = arguments;
    let location = collection.location();
    let reader = location.open()?;
    for id in reader.unfinished() {
        console::note(format_args!("`{id}` is not searchable: its upload is incomplete"));
    }
    let mut caches = reader.verify_caches()?;
    let mut n_damaged = verify_other_spaces(&location, &*reader, &mut caches, *json)?;
    let mut space = VerifiedSpace::of(&*reader);
    if let (true, Some(from)) = (*repairs, from) {
        let from = collection.with_key(from);
        space.repair(&location, &from, reader.unfinished(), *json)?;
    }
    if let Some(list) = acked {
        space.compare(acknowledged(list)?);
    }
    space.print(None, *json)?;
    print_caches(&caches, *json)?;
    n_damaged += space.problems.len();
    match n_damaged {
        0 if caches.is_empty() => Ok(CommandOutcome::Done),
        0 => Ok(CommandOutcome::PartlyDone),
        n => bail!("{n} recordings of `{location}` are damaged or missing"),
    }
}

/// Verifies the spaces that are not served, unless the location names one, and returns the number of damaged recordings.
fn verify_other_spaces(
    location: &Location,
    served: &dyn CollectionReader,
    caches: &mut Vec<CacheProblem>,
    json: bool,
) -> Result<usize> {
    if location.space_name().is_some() {
        return Ok(0);
    }
    let spaces = location.spaces()?;
    let mut n_damaged = 0;
    for name in spaces.names()?.iter().filter(|name| **name != served.space_name()) {
        let reader = spaces.reader(name)?;
        caches.extend(reader.verify_caches()?);
        let space = VerifiedSpace::of(&*reader);
        n_damaged += space.problems.len();
        space.print(Some(name), json)?;
    }
    Ok(n_damaged)
}

impl VerifiedSpace {
    /// Reads and checks every byte of a space.
    fn of(reader: &dyn CollectionReader) -> Self {
        let entries = reader.entries().into_iter();
        Self {
            entries: entries.map(|entry| (entry.id.clone(), entry.clone())).collect(),
            problems: reader.verify().map(|(id, error)| (id.clone(), error.to_string())).collect(),
        }
    }

    /// Copies damaged and incomplete recordings again from another collection and reports each one; repaired recordings are
    /// no longer problems.
    fn repair(
        &mut self,
        location: &Location,
        from: &Location,
        unfinished: Vec<RecordingId>,
        json: bool,
    ) -> Result<()> {
        let source = from.open()?;
        let damaged = self.problems.keys().cloned();
        let broken: BTreeSet<RecordingId> = unfinished.into_iter().chain(damaged).collect();
        if broken.is_empty() {
            return Ok(());
        }
        let mut writer = location.open_or_create(source.space())?;
        let mut written = Ok(());
        let mut observe = |id: &RecordingId, outcome| match (outcome, source.entry(id)) {
            (RepairOutcome::Repaired, Some(entry)) => {
                self.problems.remove(id);
                self.entries.insert(id.clone(), entry.clone());
                if written.is_ok() {
                    written = print_repaired(entry, json);
                }
            }
            (RepairOutcome::Repaired | RepairOutcome::NotInSource, _) => {
                let problem = format!("incomplete, and `{from}` does not contain it");
                self.problems.insert(id.clone(), problem);
            }
        };
        repair(&*source, &mut *writer, &broken, &mut observe)?;
        Ok(written?)
    }

    /// Adds the problems of recordings that were acknowledged and are missing, or have another number of epochs.
    fn compare(&mut self, acknowledged: BTreeMap<RecordingId, Option<usize>>) {
        for (id, n_epochs) in acknowledged {
            let problem = match self.entries.get(&id) {
                None => Some("acknowledged, but missing".to_owned()),
                Some(entry) => n_epochs
                    .filter(|n_epochs| *n_epochs != entry.n_epochs)
                    .map(|n| format!("has {} epochs; {n} were acknowledged", entry.n_epochs)),
            };
            if let Some(problem) = problem {
                self.problems.entry(id).or_insert(problem);
            }
        }
    }

    /// Reports each recording; `name` is `None` for the served space.
    fn print(&self, name: Option<&SpaceName>, json: bool) -> Result<()> {
        let of_space = name.map(|name| format!("space {name}: ")).unwrap_or_default();
        for entry in self.entries.values() {
            let problem = self.problems.get(&entry.id);
            if json {
                console::print_json(&json!({
                    "recording": entry.id,
                    "epochs": entry.n_epochs,
                    "captions": entry.n_captions,
                    "problem": problem,
                    "space": name,
                }))?;
            } else if problem.is_none() {
                console::print(format_args!(
                    "{of_space}{}: {} epochs, intact",
                    entry.id, entry.n_epochs
                ))?;
            }
        }
        for (id, problem) in &self.problems {
            if !json {
                console::print(format_args!("{of_space}{id}: {problem}"))?;
            } else if !self.entries.contains_key(id) {
                console::print_json(
                    &json!({ "recording": id, "problem": problem, "space": name }),
                )?;
            }
        }
        Ok(())
    }
}

fn print_repaired(entry: &RecordingEntry, json: bool) -> std::io::Result<()> {
    let RecordingEntry { id, n_epochs, .. } = entry;
    if json {
        // The event of `nocturne index --json`.
        let line = json!({ "event": "acknowledged", "recording": id, "epochs": n_epochs });
        return console::print_json(&line);
    }
    console::print(format_args!("{id}: repaired and verified"))
}

fn print_caches(caches: &[CacheProblem], json: bool) -> std::io::Result<()> {
    for CacheProblem { location, problem } in caches {
        if json {
            console::print_json(&json!({ "cache": location.to_string(), "problem": problem }))?;
        } else {
            console::print(format_args!(
                "`{location}` is damaged {problem}; it is ignored, and can be rebuilt"
            ))?;
        }
    }
    Ok(())
}

/// Reads a list of acknowledged recordings: names, or the output of `nocturne index --json`.
fn acknowledged(list: &Path) -> Result<BTreeMap<RecordingId, Option<usize>>> {
    let text = std::fs::read_to_string(list)
        .with_context(|| format!("cannot read `{}`", list.display()))?;
    let mut acknowledged = BTreeMap::new();
    for (number, line) in text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty()) {
        let position = || format!("line {} of `{}`", number + 1, list.display());
        if !line.trim_start().starts_with('{') {
            acknowledged.insert(line.trim().parse().with_context(position)?, None);
            continue;
        }
        let line: EventLine = serde_json::from_str(line).with_context(position)?;
        match (&*line.event, line.recording) {
            ("acknowledged", Some(recording)) => {
                acknowledged.insert(recording, line.epochs);
            }
            // It was acknowledged by an earlier run, whose line may have the number of epochs.
            ("unchanged", Some(recording)) => {
                acknowledged.entry(recording).or_insert(None);
            }
            _ => {}
        }
    }
    Ok(acknowledged)
}
