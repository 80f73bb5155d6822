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

/// Timeout for a server to write a snapshot.
const SNAPSHOT_TIMEOUT: Duration = Duration::from_hours(2);

pub(super) fn back_up(arguments: &Backup) -> Result<CommandOutcome> {
    let Backup { collection, place, server, update, json } = arguments;
    let cannot_back_up = || format!("cannot back up `{collection}`");
    match (collection, place) {
        (Place::Folder(folder), Some(place)) => {
            let existing = if *update { Existing::Replace } else { Existing::Refuse };
            let copied = copy(folder, place, existing).with_context(cannot_back_up)?;
            print(&copied, place, *json)?;
        }
        (Place::Folder(_), None) => bail!("the backup of a folder needs a target folder"),
        (Place::Qdrant(url), None) => {
            let settings = QdrantSettings { timeout: SNAPSHOT_TIMEOUT, ..server.settings(url) };
            let (snapshots, alias) = snapshots(settings).with_context(cannot_back_up)?;
            print_snapshots(&snapshots, *json)?;
            if let Some(alias) = alias {
                print_alias(&alias, *json)?;
            }
        }
        (Place::Qdrant(_), Some(_)) => {
            bail!(
                "Qdrant writes its snapshots on the server; to back up into a folder, use `nocturne copy`"
            )
        }
    }
    Ok(CommandOutcome::Done)
}

/// Makes the server write snapshots of the space in the address, or of all spaces; in the latter case, also returns the
/// alias of the served space.
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

fn print_alias(alias: &QdrantAlias, json: bool) -> std::io::Result<()> {
    if json {
        return console::print_json(alias);
    }
    let QdrantAlias { alias, collection } = alias;
    console::print(format_args!("alias `{alias}` → `{collection}` (not part of a snapshot)"))
}

fn print_snapshots(snapshots: &[QdrantSnapshot], json: bool) -> std::io::Result<()> {
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
        .with_context(|| format!("cannot restore `{}`", backup.display()))?;
    print(&copied, collection, *json)?;
    Ok(CommandOutcome::Done)
}

fn copy(from: &Path, to: &Path, existing: Existing) -> Result<SpacesCopied, nocturne_index::Error> {
    Spaces::of(from).copy_to(Arc::new(Folder::at(to)), existing)
}

fn print(copied: &SpacesCopied, place: &Path, json: bool) -> std::io::Result<()> {
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
        let _ = write!(spaces, ", space {name}");
    }
    console::print(format_args!(
        "{}: {n_recordings} recordings with {n_epochs} epochs{spaces}, all verified; {n_written} written, {:.1} MB",
        place.display(),
        *n_bytes as f64 / 1e6
    ))
}
