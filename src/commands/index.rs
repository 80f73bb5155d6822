//! `nocturne index`

use std::path::Path;

use anyhow::Result;
use nocturne_concepts::{Registry, TrackBuilder};
use nocturne_index::{CollectionWriter, EmbeddingSpace, Location};
use nocturne_indexer::{
    CaptionKinds, Failed, FoundRecording, IndexOptions, Indexer, Progress, RecordingError,
    RecordingList, Report, RowProblem, discover,
};
use nocturne_psg::annotation::ScoringOptions;
use nocturne_psg::montage::ProfileChoice;
use nocturne_psg::{MatchedMetadata, MetadataTable};
use serde_json::json;

use super::{graphs, metadata};
use crate::args::{Common, Index};
use crate::error::CommandOutcome;
use crate::session::Session;
use crate::{console, hint};

/// The recordings to index, the collection, and how.
pub(super) struct IndexRun<'a> {
    pub(super) found: Vec<FoundRecording>,
    pub(super) writer: Box<dyn CollectionWriter>,
    pub(super) cohort: Option<&'a str>,
    pub(super) captions: CaptionKinds,
    pub(super) profile: ProfileChoice,
    pub(super) scoring: ScoringOptions,
    pub(super) strict: bool,
}

pub(super) fn run(common: &Common, arguments: Index) -> Result<CommandOutcome> {
    let Index { folder, list, collection, cohort, metadata, captions, .. } = arguments;
    let Index { waiting, shard, strict, json, reading, encoder, .. } = arguments;
    let (mut found, mut problems) = match (&list.manifest, &folder) {
        (Some(manifest), _) => {
            let manifest = RecordingList::read(manifest, list.data_root.as_deref())?;
            (manifest.recordings, manifest.problems)
        }
        (None, folder) => {
            (discover(folder.as_deref().unwrap_or(Path::new(".")), cohort.as_deref())?, vec![])
        }
    };
    if let Some(table) = metadata {
        problems.extend(add_metadata(&metadata::read_table(&table)?, &mut found));
    }
    if let Some(shard) = shard {
        found.retain(|recording| recording.is_in(shard));
        // Rows that belong to no recording are reported once, not by every shard.
        problems.retain(|_| shard.is_first());
    }
    reading.labels.profile.profile()?;
    let location = collection.location();
    let session = Session::open_for(common, &encoder, &location)?;
    let index_run = IndexRun {
        found,
        writer: writer(&session, &location)?,
        cohort: cohort.as_deref(),
        captions,
        scoring: reading.scoring(),
        profile: reading.labels.profile,
        strict,
    };
    let report = fill(&session, index_run, json)?;
    graphs::wait(&location, &waiting, json)?;
    let outcome = summarise(&report, json)?;
    problems.iter().try_for_each(|problem| print_row_problem(problem, json))?;
    Ok(if problems.is_empty() { outcome } else { CommandOutcome::PartlyDone })
}

/// Indexes recordings and reports each one when it is done.
pub(super) fn fill(session: &Session, index_run: IndexRun<'_>, json: bool) -> Result<Report> {
    let IndexRun { found, writer, cohort, captions, profile, scoring, strict } = index_run;
    let (signal, mut text) = session.towers()?;
    let tracks = TrackBuilder::of_bundle(&session.bundle, &mut text, Registry::shipped())?;
    let options = IndexOptions {
        z_score: session.bundle.manifest().preprocessing.z_score,
        captions,
        profile,
        scoring,
        strict,
        metadata: cohort.iter().map(|cohort| ("cohort".to_owned(), (*cohort).to_owned())).collect(),
    };
    let mut progress = RunProgress::new("indexing", found.len(), json);
    let report = Indexer::new(signal, text, writer, options)
        .with_tracks(tracks)
        .run(found, |event| progress.report(&event))?;
    progress.finish()?;
    Ok(report)
}

/// Opens a collection for writing; creates it if it does not exist.
pub(super) fn writer(session: &Session, location: &Location) -> Result<Box<dyn CollectionWriter>> {
    let mut writer = location.open_or_create(&EmbeddingSpace::of(&session.bundle))?;
    writer.set_bundle(&session.bundle, jiff::Timestamp::now())?;
    Ok(writer)
}

/// Reports each recording when it is done.
pub(super) struct RunProgress {
    bar: indicatif::ProgressBar,
    json: bool,
    /// The first failure of the output; it does not stop the run.
    written: std::io::Result<()>,
}

impl RunProgress {
    pub(super) fn new(what: &str, n_recordings: usize, json: bool) -> Self {
        Self { bar: console::progress(what, n_recordings), json, written: Ok(()) }
    }

    pub(super) fn report(&mut self, event: &Progress<'_>) {
        let written = report(event, self.json, &self.bar);
        if self.written.is_ok() {
            self.written = written;
        }
    }

    pub(super) fn finish(self) -> std::io::Result<()> {
        self.bar.finish_and_clear();
        self.written
    }
}

fn report(event: &Progress<'_>, json: bool, bar: &indicatif::ProgressBar) -> std::io::Result<()> {
    let line = match event {
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
        Progress::Removed(recording) => json!({ "event": "removed", "recording": recording }),
        Progress::Failed(failed) => {
            bar.suspend(|| print_failure(failed));
            failure(failed)
        }
    };
    let counts = match event {
        Progress::Acknowledged(_) | Progress::Unchanged(_) | Progress::Failed(_) => true,
        Progress::Found { .. } | Progress::Damaged { .. } | Progress::Removed(_) => false,
    };
    if counts {
        bar.inc(1);
    }
    if json { bar.suspend(|| console::print_json(&line)) } else { Ok(()) }
}

/// Adds the metadata of a table to recordings; returns the rows with errors.
fn add_metadata(table: &MetadataTable, found: &mut [FoundRecording]) -> Vec<RowProblem> {
    // A file without a valid name is reported later and matches no row.
    let named = found.iter().map(|it| {
        let name = it.id.as_ref().map_or("", |id| id.as_str());
        (name, it.metadata.get("subject").map(String::as_str))
    });
    let MatchedMetadata { metadata, problems } = table.matched(named);
    for (recording, matched) in found.iter_mut().zip(metadata) {
        recording.metadata.extend(matched.cloned().unwrap_or_default());
    }
    problems
}

/// Reports a row of a table or list with an error.
pub(super) fn print_row_problem(problem: &RowProblem, json: bool) -> std::io::Result<()> {
    let RowProblem { line, problem } = problem;
    if json {
        return console::print_json(
            &json!({ "event": "row_failed", "line": line, "error": problem }),
        );
    }
    console::note(format_args!("skipped line {line}: {problem}"));
    Ok(())
}

fn print_failure(failed: &Failed) {
    console::note(format_args!("skipped: {}", failed.error));
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
    let Report { acknowledged, unchanged, removed, failed } = report;
    if json {
        let failures: Vec<serde_json::Value> = failed.iter().map(failure).collect();
        console::print_json(&json!({
            "event": "summary",
            "acknowledged": acknowledged.len(),
            "epochs": report.n_epochs(),
            "unchanged": unchanged.len(),
            "removed": removed.len(),
            "failed": failures,
        }))?;
    } else {
        let unless_zero =
            |n: usize, what| if n == 0 { String::new() } else { format!("{n} {what}, ") };
        let removed = unless_zero(removed.len(), "removed");
        console::print(format_args!(
            "{} recordings with {} epochs added, {} unchanged, {removed}{} skipped",
            acknowledged.len(),
            report.n_epochs(),
            unchanged.len(),
            failed.len()
        ))?;
        for failed in failed {
            console::print(format_args!("  {}", failed.error))?;
        }
    }
    if failed.is_empty() {
        return Ok(CommandOutcome::Done);
    }
    // After a conflict the collection has the recording, from another writer.
    let is_conflict = |failed: &Failed| matches!(&failed.error, RecordingError::Index(error) if error.is_conflict());
    let has_some = !acknowledged.is_empty() || !unchanged.is_empty();
    if has_some || failed.iter().any(is_conflict) {
        return Ok(CommandOutcome::PartlyDone);
    }
    anyhow::bail!("none of {} recordings could be indexed", failed.len())
}
