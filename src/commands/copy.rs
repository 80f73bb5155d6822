//! `nocturne copy`

use std::path::Path;

use anyhow::{Context, Result, bail};
use nocturne_index::qdrant::{
    QdrantCollection, QdrantCopied, QdrantSettings, Sent, copy_from_qdrant, copy_to_qdrant,
};
use nocturne_index::{Collection, CollectionWriter, RecordingEntry};
use serde_json::json;

use super::graphs;
use crate::args::{Copy, Place};
use crate::console;
use crate::error::CommandOutcome;

pub(super) fn run(arguments: &Copy) -> Result<CommandOutcome> {
    let Copy { from, to, server, waiting, json } = arguments;
    let copied = match (from, to) {
        (Place::Folder(from), Place::Qdrant(to)) => upload(from, server.settings(to), *json),
        (Place::Qdrant(from), Place::Folder(to)) => download(server.settings(from), to, *json),
        (Place::Folder(_), Place::Folder(_)) => {
            bail!("both collections are folders; use `nocturne backup` to copy a folder")
        }
        (Place::Qdrant(_), Place::Qdrant(_)) => {
            bail!("both collections are in Qdrant; copy to a folder first")
        }
    };
    let copied = copied.with_context(|| format!("cannot copy `{from}` to `{to}`"))?;
    if let Place::Qdrant(url) = to {
        graphs::wait(server.settings(url), waiting, *json)?;
    }
    print(copied, to, *json)?;
    Ok(CommandOutcome::Done)
}

fn upload(from: &Path, to: QdrantSettings, json: bool) -> Result<QdrantCopied> {
    let from = Collection::open(from)?;
    let mut progress = CopyProgress::new(from.recordings().len(), json);
    let copied = copy_to_qdrant(&from, to, &mut |entry, sent| progress.report(entry, sent))?;
    progress.finish()?;
    Ok(copied)
}

fn download(from: QdrantSettings, to: &Path, json: bool) -> Result<QdrantCopied> {
    let from = QdrantCollection::open(from)?;
    for id in from.pending() {
        console::note(format_args!("skipped: the upload of `{id}` is incomplete"));
    }
    let mut writer = CollectionWriter::open_or_create(to, from.space())?;
    let mut progress = CopyProgress::new(from.recordings().len(), json);
    let copied =
        copy_from_qdrant(&from, &mut writer, &mut |entry, sent| progress.report(entry, sent))?;
    progress.finish()?;
    Ok(copied)
}

/// Reports each recording when it is done.
struct CopyProgress {
    bar: indicatif::ProgressBar,
    json: bool,
    /// The first failure of the output; it does not stop the copy.
    written: std::io::Result<()>,
}

impl CopyProgress {
    fn new(n_recordings: usize, json: bool) -> Self {
        Self { bar: console::progress("copying", n_recordings), json, written: Ok(()) }
    }

    fn report(&mut self, entry: &RecordingEntry, sent: Sent) {
        self.bar.set_message(entry.id.to_string());
        self.bar.inc(1);
        if self.json && self.written.is_ok() {
            // The events of `nocturne index --json`, so that `nocturne verify --acked` can read this output.
            let event = match sent {
                Sent::Unchanged => "unchanged",
                Sent::Written | Sent::WrittenTwice => "acknowledged",
            };
            let line = json!({ "event": event, "recording": entry.id, "epochs": entry.n_epochs });
            self.written = console::print_json(&line);
        }
    }

    fn finish(self) -> std::io::Result<()> {
        self.bar.finish_and_clear();
        self.written
    }
}

fn print(copied: QdrantCopied, place: &Place, json: bool) -> std::io::Result<()> {
    let QdrantCopied { n_recordings, n_epochs, n_written, n_others } = copied;
    if json {
        return console::print_json(&json!({
            "event": "copied",
            "place": place.to_string(),
            "recordings": n_recordings,
            "epochs": n_epochs,
            "written": n_written,
            "others": n_others,
        }));
    }
    console::print(format_args!(
        "{place}: {n_recordings} recordings with {n_epochs} epochs, all verified; {n_written} written, {n_others} others in the target"
    ))
}
