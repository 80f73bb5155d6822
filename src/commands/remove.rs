//! `nocturne remove`

use std::collections::BTreeSet;

use anyhow::{Result, bail};
use nocturne_index::{CollectionWriter, Error, Location, RecordingEntry};
use nocturne_psg::{RecordingId, subject_of};
use serde_json::json;

use crate::args::Remove;
use crate::console;
use crate::error::CommandOutcome;

pub(super) fn run(arguments: &Remove) -> Result<CommandOutcome> {
    let Remove { recordings, subject, collection, purge, json } = arguments;
    let mut writers = writers(&collection.location())?;
    let mut outcome = CommandOutcome::Done;
    let mut recordings = recordings.clone();
    if let Some(subject) = subject {
        let of_subject = recordings_of(subject, &writers);
        if of_subject.is_empty() {
            bail!("no recording has the subject `{subject}`");
        }
        recordings.extend(of_subject);
    }
    for recording in &recordings {
        match remove(&mut writers, recording) {
            Ok(()) if *json => {
                console::print_json(&json!({ "event": "removed", "recording": recording }))?;
            }
            Ok(()) => console::print(format_args!("{recording}: removed"))?,
            Err(error @ Error::UnknownRecording { .. }) => {
                outcome = CommandOutcome::PartlyDone;
                if *json {
                    let error = error.to_string();
                    console::print_json(
                        &json!({ "event": "failed", "recording": recording, "error": error }),
                    )?;
                } else {
                    console::note(format_args!("{recording}: {error}"));
                }
            }
            Err(error) => return Err(error.into()),
        }
    }
    // A person who is erased must not stay in files that nothing refers to.
    if *purge || subject.is_some() {
        let mut n_files = 0;
        for writer in &mut writers {
            n_files += writer.purge()?;
        }
        if *json {
            console::print_json(&json!({ "event": "purged", "files": n_files }))?;
        } else {
            console::print(format_args!("{n_files} files deleted"))?;
        }
    }
    if subject.is_some() && !*json {
        console::note(
            "hint: the recordings themselves, backups, copies, and files written by `label`, `export` or `stats` are not \
             reached; delete them, too",
        );
    }
    Ok(outcome)
}

/// Returns the recordings of a subject in any space.
fn recordings_of(subject: &str, writers: &[Box<dyn CollectionWriter>]) -> BTreeSet<RecordingId> {
    let entries = writers.iter().flat_map(|writer| writer.entries());
    let is_of = |entry: &&RecordingEntry| match entry.metadata.get("subject") {
        Some(stored) => stored == subject,
        None => subject_of(entry.id.as_str()).as_deref() == Some(subject),
    };
    entries.filter(is_of).map(|entry| entry.id.clone()).collect()
}

/// Opens every space for writing, or the one that an address names, before anything is removed: a removed recording must
/// not come back with another space.
fn writers(location: &Location) -> Result<Vec<Box<dyn CollectionWriter>>, Error> {
    let spaces = location.of_collection().spaces()?;
    let names = match location.space_name() {
        Some(name) => vec![name.clone()],
        None => spaces.names()?,
    };
    names.iter().map(|name| spaces.writer(name)).collect()
}

/// Removes a recording from every space that has it; at least one must.
fn remove(writers: &mut [Box<dyn CollectionWriter>], recording: &RecordingId) -> Result<(), Error> {
    let mut is_known = false;
    for writer in writers {
        match writer.remove(recording) {
            Ok(()) => is_known = true,
            Err(Error::UnknownRecording { .. }) => {}
            Err(error) => return Err(error),
        }
    }
    is_known.then_some(()).ok_or_else(|| Error::UnknownRecording { recording: recording.clone() })
}
