//! `nocturne backup` and `nocturne restore`

use std::time::Duration;

use anyhow::{Context, Result, bail};
use nocturne_index::qdrant::{QdrantAlias, QdrantSnapshot};
use nocturne_index::{
    CollectionCopy, CopyReport, ExistingCopy, Location, ServerBackup, copy_collection,
};
use serde_json::json;

use crate::args::{Backup, Restore};
use crate::error::CommandOutcome;
use crate::table::table;
use crate::{console, hint};

/// Timeout for a server to write a snapshot.
const SNAPSHOT_TIMEOUT: Duration = Duration::from_hours(2);

pub(super) fn back_up(arguments: &Backup) -> Result<CommandOutcome> {
    let Backup { collection, target, server, update, json } = arguments;
    let from = server.with_key(collection);
    let Some(target) = target else {
        back_up_on_server(&from, *json).with_context(|| format!("cannot back up `{from}`"))?;
        return Ok(CommandOutcome::Done);
    };
    let existing = if *update { ExistingCopy::Update } else { ExistingCopy::Refuse };
    let to = server.with_key(target);
    let update = "to bring an existing backup up to date, pass `--update`";
    let copy = copy(&from, &to, existing, update)
        .with_context(|| format!("cannot back up `{from}` to `{to}`"))?;
    print(&copy, &to, *json)?;
    Ok(CommandOutcome::Done)
}

pub(super) fn restore(arguments: &Restore) -> Result<CommandOutcome> {
    let Restore { backup, collection, server, json } = arguments;
    let (from, to) = (server.with_key(backup), server.with_key(collection));
    let elsewhere = match to {
        Location::Folder(_) => "restore into a folder that is empty or does not exist",
        Location::Qdrant(_) => "restore to an address without a collection",
    };
    let copy = copy(&from, &to, ExistingCopy::Refuse, elsewhere)
        .with_context(|| format!("cannot restore `{from}` to `{to}`"))?;
    print(&copy, &to, *json)?;
    Ok(CommandOutcome::Done)
}

/// Copies a collection; `if_exists` is the next step if the target exists already.
fn copy(
    from: &Location,
    to: &Location,
    existing: ExistingCopy,
    if_exists: &'static str,
) -> Result<CollectionCopy> {
    copy_collection(&*from.spaces()?, &*to.spaces()?, existing).map_err(|error| {
        if matches!(error, nocturne_index::Error::AlreadyACollection { .. }) {
            return hint::with(error, if_exists);
        }
        error.into()
    })
}

fn print(copy: &CollectionCopy, to: &Location, json: bool) -> std::io::Result<()> {
    let CollectionCopy { served, report, generation, others } = copy;
    let CopyReport { n_recordings, n_epochs, n_written, n_bytes, .. } = report;
    if json {
        return console::print_json(&json!({
            "location": to.to_string(),
            "generation": generation,
            "recordings": n_recordings,
            "epochs": n_epochs,
            "written": n_written,
            "bytes": n_bytes,
            "space": served,
            "other_spaces": others,
        }));
    }
    let others = others.iter().fold(String::new(), |list, name| list + ", space " + name.as_str());
    console::print(format_args!(
        "{to}: {n_recordings} recordings with {n_epochs} epochs{others}, all verified; {n_written} written, {:.1} MB",
        *n_bytes as f64 / 1e6
    ))
}

fn back_up_on_server(from: &Location, json: bool) -> Result<()> {
    let from = from.clone().with_settings(|settings| settings.timeout = SNAPSHOT_TIMEOUT);
    let Some(ServerBackup { snapshots, alias }) = from.back_up_on_server()? else {
        bail!("the backup of a folder needs a target");
    };
    if json {
        snapshots.iter().try_for_each(console::print_json)?;
        alias.iter().try_for_each(console::print_json)?;
        return Ok(());
    }
    let rows = snapshots.into_iter().map(|snapshot| {
        let QdrantSnapshot { collection, name, size, checksum } = snapshot;
        let size = format!("{:.1} MB", size as f64 / 1e6);
        vec![collection, name, size, checksum.unwrap_or_default()]
    });
    console::print(table(&["collection", "snapshot", ">size", "SHA-256"], rows))?;
    if let Some(QdrantAlias { alias, collection }) = alias {
        console::print(format_args!("alias `{alias}` → `{collection}` (not part of a snapshot)"))?;
    }
    Ok(())
}
