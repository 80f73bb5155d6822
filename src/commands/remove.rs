//! `nocturne remove`

use anyhow::Result;
use nocturne_index::{CollectionWriter, Error, Spaces};
use nocturne_psg::RecordingId;
use serde_json::json;

use crate::args::Remove;
use crate::console;
use crate::error::CommandOutcome;

pub(super) fn run(arguments: &Remove) -> Result<CommandOutcome> {
    let Remove { recordings, collection, purge, json } = arguments;
    let mut writers = writers(&Spaces::of(collection))?;
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
        let mut files = 0;
        for writer in &mut writers {
            files += writer.purge()?.len();
        }
        if *json {
            console::print_json(&json!({ "event": "purged", "files": files }))?;
        } else {
            console::print(format_args!("{files} files deleted"))?;
        }
    }
    Ok(outcome)
}

/// Opens all spaces for writing before removing anything, so that a recording is removed from all of them or from none.
fn writers(spaces: &Spaces) -> Result<Vec<CollectionWriter>, Error> {
    spaces.names()?.iter().map(|name| spaces.writer(name)).collect()
}

/// Removes a recording from every space that contains it; fails if none does.
fn remove(writers: &mut [CollectionWriter], recording: &RecordingId) -> Result<(), Error> {
    let mut is_known = false;
    for writer in writers.iter_mut().filter(|writer| writer.entry(recording).is_some()) {
        writer.remove(recording)?;
        is_known = true;
    }
    is_known.then_some(()).ok_or_else(|| Error::UnknownRecording { recording: recording.clone() })
}
