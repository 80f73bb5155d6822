//! `nocturne verify`

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use anyhow::{Context, Result, bail};
use nocturne_index::qdrant::{QdrantCollection, QdrantSettings, QdrantSpaces, Repaired, repair};
use nocturne_index::{CacheProblem, Collection, Error, RecordingEntry, SpaceName, Spaces};
use nocturne_psg::RecordingId;
use serde::Deserialize;
use serde_json::json;

use crate::args::{Place, Verify};
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
    let Verify { collection: place, server, repair: repairs, from, acked, json } = arguments;
    let mut caches = Vec::new();
    let mut n_damaged_elsewhere = 0;
    let VerifiedSpace { entries, mut problems } = match place {
        Place::Folder(_) if *repairs => {
            bail!(
                "`--repair` is for collections in Qdrant; restore a folder from a backup with `nocturne restore`"
            )
        }
        Place::Folder(folder) => {
            let collection = Collection::open(folder)?;
            caches = collection.verify_caches()?;
            n_damaged_elsewhere =
                verify_others(&Spaces::of(folder), &collection, &mut caches, *json)?;
            VerifiedSpace::new(collection.recordings(), collection.verify())
        }
        Place::Qdrant(url) => {
            let collection = QdrantCollection::open(server.settings(url))?;
            for id in collection.pending() {
                console::note(format_args!("`{id}` is not searchable: its upload is incomplete"));
            }
            if !place.names_space() {
                let spaces = QdrantSpaces::of(server.settings(url))?;
                n_damaged_elsewhere = verify_others_in_qdrant(&spaces, &collection, *json)?;
            }
            let mut verified = VerifiedSpace::new(collection.recordings(), collection.verify());
            if let Some(from) = from {
                let pending = collection.pending().cloned();
                verified.repair(pending, from, collection.settings().clone(), *json)?;
            }
            verified
        }
    };
    for (id, n_epochs) in acked.as_deref().map(acknowledged).transpose()?.unwrap_or_default() {
        let problem = match entries.get(&id) {
            None => Some("acknowledged, but missing".to_owned()),
            Some(entry) => {
                n_epochs.filter(|n_epochs| *n_epochs != entry.n_epochs).map(|n_epochs| {
                    format!("has {} epochs; {n_epochs} were acknowledged", entry.n_epochs)
                })
            }
        };
        if let Some(problem) = problem {
            problems.entry(id).or_insert(problem);
        }
    }
    print(None, &entries, &problems, *json)?;
    for CacheProblem { path, problem } in &caches {
        let path = path.display().to_string();
        if *json {
            console::print_json(&json!({ "cache": path, "problem": problem }))?;
        } else {
            console::print(format_args!(
                "`{path}` is damaged {problem}; searches ignore it, and `nocturne optimize` rebuilds it"
            ))?;
        }
    }
    match problems.len() + n_damaged_elsewhere {
        0 if caches.is_empty() => Ok(CommandOutcome::Done),
        0 => Ok(CommandOutcome::PartlyDone),
        n => bail!("{n} recordings of `{place}` are damaged or missing"),
    }
}

impl VerifiedSpace {
    fn new<'a>(
        entries: impl Iterator<Item = &'a RecordingEntry>,
        problems: impl Iterator<Item = (&'a RecordingId, Error)>,
    ) -> Self {
        Self {
            entries: entries.map(|entry| (entry.id.clone(), entry.clone())).collect(),
            problems: problems.map(|(id, error)| (id.clone(), error.to_string())).collect(),
        }
    }

    /// Uploads pending and damaged recordings again and reports each one; repaired recordings are no longer problems.
    fn repair(
        &mut self,
        pending: impl Iterator<Item = RecordingId>,
        from: &Path,
        to: QdrantSettings,
        json: bool,
    ) -> Result<()> {
        let from = Collection::open(from)?;
        let broken: BTreeSet<RecordingId> = pending.chain(self.problems.keys().cloned()).collect();
        let mut written = Ok(());
        repair(&from, to, &broken, &mut |id, repaired| match (repaired, from.entry(id)) {
            (Repaired::Sent(_), Some(entry)) => {
                self.problems.remove(id);
                self.entries.insert(id.clone(), entry.clone());
                if written.is_ok() {
                    written = print_repaired(entry, json);
                }
            }
            (Repaired::Sent(_) | Repaired::NotInFolder, _) => {
                let problem =
                    format!("incomplete, and `{}` does not contain it", from.path().display());
                self.problems.insert(id.clone(), problem);
            }
        })?;
        Ok(written?)
    }
}

fn print_repaired(entry: &RecordingEntry, json: bool) -> std::io::Result<()> {
    let RecordingEntry { id, n_epochs, .. } = entry;
    if json {
        // The event of `nocturne index --json`.
        let line = json!({ "event": "acknowledged", "recording": id, "epochs": n_epochs });
        return console::print_json(&line);
    }
    console::print(format_args!("{id}: uploaded again and verified"))
}

/// Verifies the spaces that are not served, and returns how many of their recordings are damaged.
fn verify_others(
    spaces: &Spaces,
    served: &Collection,
    caches: &mut Vec<CacheProblem>,
    json: bool,
) -> Result<usize> {
    let mut n_damaged = 0;
    for name in spaces.names()?.iter().filter(|name| *name != served.space_name()) {
        let collection = spaces.open(name)?;
        caches.extend(collection.verify_caches()?);
        let VerifiedSpace { entries, problems } =
            VerifiedSpace::new(collection.recordings(), collection.verify());
        n_damaged += problems.len();
        print(Some(name), &entries, &problems, json)?;
    }
    Ok(n_damaged)
}

/// Verifies the spaces in Qdrant that are not served, and returns how many of their recordings are damaged.
fn verify_others_in_qdrant(
    spaces: &QdrantSpaces,
    served: &QdrantCollection,
    json: bool,
) -> Result<usize> {
    let mut n_damaged = 0;
    for name in spaces.names()?.iter().filter(|name| **name != served.space_name()) {
        let collection = spaces.open(name)?;
        let VerifiedSpace { entries, problems } =
            VerifiedSpace::new(collection.recordings(), collection.verify());
        n_damaged += problems.len();
        print(Some(name), &entries, &problems, json)?;
    }
    Ok(n_damaged)
}

/// Reports each recording; `space` is `None` for the served space.
fn print(
    space: Option<&SpaceName>,
    entries: &BTreeMap<RecordingId, RecordingEntry>,
    problems: &BTreeMap<RecordingId, String>,
    json: bool,
) -> Result<()> {
    let of_space = space.map(|space| format!("space {space}: ")).unwrap_or_default();
    for entry in entries.values() {
        let problem = problems.get(&entry.id);
        if json {
            console::print_json(&json!({
                "recording": entry.id,
                "epochs": entry.n_epochs,
                "captions": entry.n_captions,
                "problem": problem,
                "space": space,
            }))?;
        } else if problem.is_none() {
            console::print(format_args!(
                "{of_space}{}: {} epochs, intact",
                entry.id, entry.n_epochs
            ))?;
        }
    }
    for (id, problem) in problems {
        let is_printed = json && entries.contains_key(id);
        match (is_printed, json) {
            (true, _) => {}
            (false, true) => {
                console::print_json(
                    &json!({ "recording": id, "problem": problem, "space": space }),
                )?;
            }
            (false, false) => console::print(format_args!("{of_space}{id}: {problem}"))?,
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
        let event: EventLine = serde_json::from_str(line).with_context(position)?;
        match (&*event.event, event.recording) {
            ("acknowledged", Some(recording)) => {
                acknowledged.insert(recording, event.epochs);
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
