//! `nocturne backup` and `nocturne restore`

use std::fmt::Write;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use nocturne_index::qdrant::{
    QdrantAlias, QdrantCollection, QdrantSettings, QdrantSnapshot, QdrantSpaces,
};
use nocturne_index::storage::Folder;
use nocturne_index::{Copied, Existing, Spaces, SpacesCopied};
use serde_json::json;

use crate::args::{Backup, Place, Restore};
use crate::console;
use crate::error::CommandOutcome;
use crate::table::table;

/// Longest time that a server may take to write a snapshot.
const LONGEST_SNAPSHOT: Duration = Duration::from_hours(2);

pub(super) fn back_up(arguments: &Backup) -> Result<CommandOutcome> {
    let Backup { collection, place, server, update, json } = arguments;
    let not_backed_up = || format!("`{collection}` is not backed up");
    match (collection, place) {
        (Place::Folder(folder), Some(place)) => {
            let existing = if *update { Existing::Replace } else { Existing::Refuse };
            let copied = copy(folder, place, existing).with_context(not_backed_up)?;
            tell(&copied, place, *json)?;
        }
        (Place::Folder(_), None) => bail!("no folder is named for the backup"),
        (Place::Qdrant(url), None) => {
            let settings = QdrantSettings { timeout: LONGEST_SNAPSHOT, ..server.settings(url) };
            let (snapshots, alias) = snapshots(settings).with_context(not_backed_up)?;
            tell_snapshots(&snapshots, *json)?;
            if let Some(alias) = alias {
                tell_alias(&alias, *json)?;
            }
        }
        (Place::Qdrant(_), Some(_)) => {
            bail!("snapshots stay on the server; `nocturne copy` copies into a folder")
        }
    }
    Ok(CommandOutcome::Done)
}

/// Has the server make snapshots of the space that the address names, or of all; then the alias of the one that is served
/// belongs to them.
fn snapshots(
    settings: QdrantSettings,
) -> Result<(Vec<QdrantSnapshot>, Option<QdrantAlias>), nocturne_index::Error> {
    if settings.url.space().is_some() {
        return Ok((QdrantCollection::open(settings)?.snapshot()?, None));
    }
    let spaces = QdrantSpaces::of(settings)?;
    let mut snapshots = Vec::new();
    for name in spaces.names()? {
        snapshots.extend(spaces.open(&name)?.snapshot()?);
    }
    Ok((snapshots, spaces.alias()?))
}

fn tell_alias(alias: &QdrantAlias, json: bool) -> std::io::Result<()> {
    if json {
        return console::print_json(alias);
    }
    let QdrantAlias { alias, collection } = alias;
    console::print(format_args!("`{alias}` is an alias of `{collection}`, which no snapshot holds"))
}

fn tell_snapshots(snapshots: &[QdrantSnapshot], json: bool) -> std::io::Result<()> {
    if json {
        return snapshots.iter().try_for_each(console::print_json);
    }
    let rows = snapshots.iter().map(|snapshot| {
        let QdrantSnapshot { collection, name, size, checksum } = snapshot.clone();
        let size = format!("{:.1} MB", size as f64 / 1e6);
        vec![collection, name, size, checksum.unwrap_or_default()]
    });
    console::print(table(&["collection", "snapshot", ">size", "SHA-256"], rows))
}

pub(super) fn restore(arguments: &Restore) -> Result<CommandOutcome> {
    let Restore { backup, collection, json } = arguments;
    let copied = copy(backup, collection, Existing::Refuse)
        .with_context(|| format!("`{}` is not restored", backup.display()))?;
    tell(&copied, collection, *json)?;
    Ok(CommandOutcome::Done)
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
