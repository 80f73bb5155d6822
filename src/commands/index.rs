//! `nocturne index`

use std::path::Path;

use anyhow::Result;
use nocturne_index::qdrant::QdrantWriter;
use nocturne_index::{CollectionWriter, Destination, Space};
use nocturne_indexer::{
    CaptionKinds, Failed, FoundRecording, Indexer, Manifest, Options, Progress, Report, RowProblem,
    discover,
};
use nocturne_psg::montage::ProfileChoice;
use nocturne_psg::{MatchedMetadata, MetadataTable};
use serde_json::json;

use super::graphs;
use crate::args::{Common, Index, Place, QdrantArguments, Reached, WritingArguments};
use crate::error::CommandOutcome;
use crate::session::Session;
use crate::{console, hint};

/// What goes into which collection.
pub(super) struct Filling<'a> {
    pub(super) found: Vec<FoundRecording>,
    pub(super) destination: Box<dyn Destination>,
    pub(super) cohort: Option<&'a str>,
    pub(super) captions: CaptionKinds,
    pub(super) profile: ProfileChoice,
    pub(super) strict: bool,
}

pub(super) fn run(common: &Common, arguments: Index) -> Result<CommandOutcome> {
    let Index { folder, list, collection, cohort, metadata, captions, .. } = arguments;
    let Index { server, writing, strict, json, labels, encoder, .. } = arguments;
    let (mut found, mut problems) = match (&list.manifest, &folder) {
        (Some(manifest), _) => {
            let manifest = Manifest::read(manifest, list.data_root.as_deref())?;
            (manifest.recordings, manifest.problems)
        }
        (None, folder) => {
            (discover(folder.as_deref().unwrap_or(Path::new(".")), cohort.as_deref())?, vec![])
        }
    };
    if let Some(table) = metadata {
        problems.extend(say(&MetadataTable::read(&table)?, &mut found));
    }
    labels.profile.profile()?;
    let place = Reached { place: &collection, server: &server };
    let session = Session::open_for(common, &encoder, place)?;
    let filling = Filling {
        found,
        destination: destination(&session, &collection, &server, &writing)?,
        cohort: cohort.as_deref(),
        captions,
        profile: labels.profile,
        strict,
    };
    let report = fill(&session, filling, json)?;
    if let Place::Qdrant(url) = &collection {
        graphs::wait(server.settings(url), &writing, json)?;
    }
    let outcome = summarise(&report, json)?;
    problems.iter().try_for_each(|problem| tell_problem(problem, json))?;
    Ok(if problems.is_empty() { outcome } else { CommandOutcome::PartlyDone })
}

/// Fills a collection and tells of each recording as it is done.
pub(super) fn fill(session: &Session, filling: Filling<'_>, json: bool) -> Result<Report> {
    let Filling { found, destination, cohort, captions, profile, strict } = filling;
    let (signal, text) = session.towers()?;
    let options = Options {
        z_score: session.bundle.manifest().preprocessing.z_score,
        captions,
        profile,
        strict,
        metadata: cohort.iter().map(|cohort| ("cohort".to_owned(), (*cohort).to_owned())).collect(),
    };
    let mut teller = Teller::new("indexing", found.len(), json);
    let report = Indexer::new(signal, text, destination, options)
        .run(found, |progress| teller.tell(&progress))?;
    teller.end()?;
    Ok(report)
}

/// Opens a collection for writing, or makes it where there is none.
fn destination(
    session: &Session,
    collection: &Place,
    server: &QdrantArguments,
    writing: &WritingArguments,
) -> Result<Box<dyn Destination>> {
    match collection {
        Place::Folder(path) => folder(session, path),
        Place::Qdrant(url) => {
            let (settings, space) = (writing.settings(server, url), Space::of(&session.bundle));
            let mut writer = QdrantWriter::open_or_create(settings, &space)?;
            writer.set_bundle(&session.bundle, jiff::Timestamp::now())?;
            Ok(Box::new(writer))
        }
    }
}

/// Opens a folder for writing, or makes the collection where there is none.
pub(super) fn folder(session: &Session, path: &Path) -> Result<Box<dyn Destination>> {
    let mut writer = CollectionWriter::open_or_create(path, &Space::of(&session.bundle))?;
    writer.set_bundle(&session.bundle, jiff::Timestamp::now())?;
    Ok(Box::new(writer))
}

/// Tells of each recording as it is done.
pub(super) struct Teller {
    bar: indicatif::ProgressBar,
    json: bool,
    /// The first failure of the output, which ends no run.
    told: std::io::Result<()>,
}

impl Teller {
    pub(super) fn new(what: &str, n_recordings: usize, json: bool) -> Self {
        Self { bar: console::progress(what, n_recordings), json, told: Ok(()) }
    }

    pub(super) fn tell(&mut self, progress: &Progress<'_>) {
        let told = tell(progress, self.json, &self.bar);
        if self.told.is_ok() {
            self.told = told;
        }
    }

    pub(super) fn end(self) -> std::io::Result<()> {
        self.bar.finish_and_clear();
        self.told
    }
}

fn tell(progress: &Progress<'_>, json: bool, bar: &indicatif::ProgressBar) -> std::io::Result<()> {
    let line = match progress {
        Progress::Found { n_recordings } => json!({ "event": "found", "recordings": n_recordings }),
        Progress::Damaged { recording, error } => {
            bar.suspend(|| console::note(format_args!("warning: {recording}: {error}")));
            json!({ "event": "damaged", "recording": recording, "error": error.to_string() })
        }
        Progress::Acknowledged(done) => {
            for warning in &done.warnings {
                bar.suspend(|| {
                    console::note(format_args!("warning: {}: {}", done.recording, warning.message));
                });
            }
            json!({
                "event": "acknowledged",
                "recording": done.recording,
                "epochs": done.n_epochs,
                "warnings": done.warnings,
            })
        }
        Progress::Unchanged(recording) => json!({ "event": "unchanged", "recording": recording }),
        Progress::Held { recording, holder } => {
            bar.set_message(format!("{recording} is with {holder}"));
            json!({ "event": "held", "recording": recording, "holder": holder })
        }
        Progress::ByOthers(recording) => json!({ "event": "by_others", "recording": recording }),
        Progress::Removed(recording) => json!({ "event": "removed", "recording": recording }),
        Progress::Failed(failed) => {
            bar.suspend(|| tell_failure(failed));
            failure(failed)
        }
    };
    let is_of_none = matches!(
        progress,
        Progress::Found { .. }
            | Progress::Damaged { .. }
            | Progress::Held { .. }
            | Progress::Removed(_)
    );
    if !is_of_none {
        bar.inc(1);
    }
    if json { bar.suspend(|| console::print_json(&line)) } else { Ok(()) }
}

/// Adds what a table says of recordings; returns what is wrong with which of its rows.
fn say(table: &MetadataTable, found: &mut [FoundRecording]) -> Vec<RowProblem> {
    // A file that makes no name is told of later, and has no row.
    let named = found.iter().map(|it| {
        let name = it.id.as_ref().map_or("", |id| id.as_str());
        (name, it.metadata.get("subject").map(String::as_str))
    });
    let MatchedMetadata { said, problems } = table.matched(named);
    for (recording, said) in found.iter_mut().zip(said) {
        recording.metadata.extend(said.cloned().unwrap_or_default());
    }
    problems
}

/// Tells which row of a list could not be used.
pub(super) fn tell_problem(problem: &RowProblem, json: bool) -> std::io::Result<()> {
    let RowProblem { line, problem } = problem;
    if json {
        return console::print_json(
            &json!({ "event": "row_failed", "line": line, "error": problem }),
        );
    }
    console::note(format_args!("passed over line {line}: {problem}"));
    Ok(())
}

fn tell_failure(failed: &Failed) {
    console::note(format_args!("passed over: {}", failed.error));
    if let Some(hint) = hint::of_recording(&failed.error) {
        console::note(format_args!("  hint: {hint}"));
    }
}

fn failure(failed: &Failed) -> serde_json::Value {
    json!({
        "event": "failed",
        "path": failed.path,
        "error": failed.error.to_string(),
        "hint": hint::of_recording(&failed.error),
    })
}

pub(super) fn summarise(report: &Report, json: bool) -> Result<CommandOutcome> {
    let Report { acknowledged, unchanged, by_others, removed, failed } = report;
    if json {
        let failures: Vec<serde_json::Value> = failed.iter().map(failure).collect();
        console::print_json(&json!({
            "event": "summary",
            "acknowledged": acknowledged.len(),
            "epochs": report.n_epochs(),
            "unchanged": unchanged.len(),
            "by_others": by_others.len(),
            "removed": removed.len(),
            "failed": failures,
        }))?;
    } else {
        let some = |n: usize, what| if n == 0 { String::new() } else { format!("{n} {what}, ") };
        let removed = some(removed.len(), "removed");
        let by_others = some(by_others.len(), "done by others");
        console::print(format_args!(
            "{} recordings with {} epochs added, {} unchanged, {by_others}{removed}{} passed over",
            acknowledged.len(),
            report.n_epochs(),
            unchanged.len(),
            failed.len()
        ))?;
        for failed in failed {
            console::print(format_args!("  {}", failed.error))?;
        }
    }
    let n_there = acknowledged.len() + unchanged.len() + by_others.len();
    match (failed.is_empty(), n_there == 0) {
        (true, _) => Ok(CommandOutcome::Done),
        (false, false) => Ok(CommandOutcome::PartlyDone),
        (false, true) => anyhow::bail!("not one of {} recordings could be indexed", failed.len()),
    }
}
