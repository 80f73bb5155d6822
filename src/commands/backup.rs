//! `nocturne backup` and `nocturne restore`

use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, Result};
use nocturne_index::storage::Folder;
use nocturne_index::{Copied, Existing, Spaces, SpacesCopied};
use serde_json::json;

use crate::args::{Backup, Restore};
use crate::console;
use crate::error::Outcome;

pub(super) fn back_up(arguments: &Backup) -> Result<Outcome> {
    let Backup { collection, place, update, json } = arguments;
    let existing = if *update { Existing::Replace } else { Existing::Refuse };
    let copied = copy(collection, place, existing)
        .with_context(|| format!("`{}` is not backed up", collection.display()))?;
    tell(&copied, place, *json)?;
    Ok(Outcome::Done)
}

pub(super) fn restore(arguments: &Restore) -> Result<Outcome> {
    let Restore { backup, collection, json } = arguments;
    let copied = copy(backup, collection, Existing::Refuse)
        .with_context(|| format!("`{}` is not restored", backup.display()))?;
    tell(&copied, collection, *json)?;
    Ok(Outcome::Done)
}

fn copy(from: &Path, to: &Path, existing: Existing) -> Result<SpacesCopied, nocturne_index::Error> {
    Spaces::of(from).copy_to(Arc::new(Folder::at(to)), existing)
}

fn tell(copied: &SpacesCopied, place: &Path, json: bool) -> std::io::Result<()> {
    let SpacesCopied { served: (space, copied), others } = copied;
    let Copied { n_recordings, n_epochs, n_written, n_bytes, generation } = copied;
    if json {
        return console::print_json(&json!({
            "place": place,
            "generation": generation,
            "recordings": n_recordings,
            "epochs": n_epochs,
            "written": n_written,
            "bytes": n_bytes,
            "space": space,
            "other_spaces": others,
        }));
    }
    let mut spaces = String::new();
    for name in others {
        let _ = write!(spaces, ", and the space {name}");
    }
    console::print(format_args!(
        "{}: {n_recordings} recordings with {n_epochs} epochs{spaces}, all checked; {n_written} written, {:.1} MB",
        place.display(),
        *n_bytes as f64 / 1e6
    ))
}
