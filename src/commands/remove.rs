//! `nocturne remove`

use anyhow::Result;
use nocturne_index::{CollectionWriter, Error, Location};
use nocturne_psg::RecordingId;
use serde_json::json;

use crate::args::Remove;
use crate::console;
use crate::error::CommandOutcome;

pub(super) fn run(arguments: &Remove) -> Result<CommandOutcome> {
    let Remove { recordings, collection, purge, json } = arguments;
    let mut writers = writers(&collection.location())?;
    let mut outcome = CommandOutcome::Done;
    for recording in recordings {
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
    if *purge {
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
    Ok(outcome)
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
