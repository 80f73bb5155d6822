//! `nocturne copy`

use anyhow::{Context, Result};
use nocturne_index::{
    CollectionReader, CopyConflict, CopyOutcome, CopyReport, Location, OnConflict, RecordingEntry,
    join,
};
use serde_json::json;

use super::graphs;
use crate::args::Copy;
use crate::console;
use crate::error::CommandOutcome;

pub(super) fn run(arguments: &Copy) -> Result<CommandOutcome> {
    let Copy { from, into, server, waiting, replace, json } = arguments;
    let from: Vec<Location> = from.iter().map(|it| server.with_key(it)).collect();
    let into = server.with_key(into);
    let on_conflict = if *replace { OnConflict::Replace } else { OnConflict::Keep };
    let report = copy(&from, &into, on_conflict, *json)
        .with_context(|| format!("cannot copy into `{into}`"))?;
    graphs::wait(&into, waiting, *json)?;
    print(&report, &into, *json)?;
    for CopyConflict { recording, source } in &report.conflicts {
        console::note(format_args!(
            "skipped: `{into}` has another recording named `{recording}` than `{source}`"
        ));
    }
    Ok(if report.conflicts.is_empty() { CommandOutcome::Done } else { CommandOutcome::PartlyDone })
}

fn copy(
    from: &[Location],
    into: &Location,
    on_conflict: OnConflict,
    json: bool,
) -> Result<CopyReport> {
    let mut sources: Vec<Box<dyn CollectionReader>> = Vec::with_capacity(from.len());
    for location in from {
        let source = location.open()?;
        for recording in source.unfinished() {
            console::note(format_args!(
                "skipped: the upload of `{recording}` to `{location}` is incomplete"
            ));
        }
        sources.push(source);
    }
    let space = sources.first().context("no collection to copy")?.space().clone();
    let mut target = into.open_or_create(&space)?;
    let sources: Vec<&dyn CollectionReader> = sources.iter().map(|source| &**source).collect();
    let n_recordings = sources.iter().map(|source| source.entries().len()).sum();
    let mut progress = CopyProgress::new(n_recordings, json);
    let report = join(&sources, &mut *target, on_conflict, &mut |entry, outcome| {
        progress.report(entry, outcome);
    })?;
    progress.finish()?;
    Ok(report)
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

    fn report(&mut self, entry: &RecordingEntry, outcome: CopyOutcome) {
        self.bar.set_message(entry.id.to_string());
        self.bar.inc(1);
        if self.json && self.written.is_ok() {
            // The events of `nocturne index --json`, so that `nocturne verify --acked` can read this output.
            let event = match outcome {
                CopyOutcome::Written => "acknowledged",
                CopyOutcome::Unchanged => "unchanged",
                CopyOutcome::Conflict => "conflict",
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

fn print(report: &CopyReport, into: &Location, json: bool) -> std::io::Result<()> {
    let CopyReport { n_recordings, n_epochs, n_written, n_bytes, n_others, conflicts } = report;
    if json {
        return console::print_json(&json!({
            "event": "copied",
            "location": into.to_string(),
            "recordings": n_recordings,
            "epochs": n_epochs,
            "written": n_written,
            "bytes": n_bytes,
            "others": n_others,
            "conflicts": conflicts.len(),
        }));
    }
    console::print(format_args!(
        "{into}: {n_recordings} recordings with {n_epochs} epochs, all verified; {n_written} written, {:.1} MB; \
         {n_others} others in the target",
        *n_bytes as f64 / 1e6
    ))
}
