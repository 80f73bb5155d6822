//! `nocturne remove`

use anyhow::Result;
use nocturne_index::{Collection, CollectionWriter, Error};
use serde_json::json;

use crate::args::Remove;
use crate::console;
use crate::error::Outcome;

pub(super) fn run(arguments: &Remove) -> Result<Outcome> {
    let Remove { recordings, collection, purge, json } = arguments;
    let space = Collection::open(collection)?.space().clone();
    let mut writer = CollectionWriter::open(collection, &space)?;
    let mut outcome = Outcome::Done;
    for recording in recordings {
        match writer.remove(recording) {
            Ok(()) if *json => {
                console::print_json(&json!({ "event": "removed", "recording": recording }))?;
            }
            Ok(()) => console::print(format_args!("{recording}: removed"))?,
            Err(error @ Error::UnknownRecording { .. }) => {
                outcome = Outcome::PartlyDone;
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
        let files = writer.purge()?.len();
        if *json {
            console::print_json(&json!({ "event": "purged", "files": files }))?;
        } else {
            console::print(format_args!("{files} files are gone from the disk"))?;
        }
    }
    Ok(outcome)
}
