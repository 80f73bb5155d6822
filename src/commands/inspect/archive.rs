//! `nocturne inspect` of a folder or a list: a summary of its recordings.

use std::path::{Path, PathBuf};

use anyhow::{Result, bail};
use nocturne_indexer::{FoundRecording, RecordingList, RowProblem, discover, other_files};
use nocturne_psg::{LabelCount, OpenOptions, Recording, Survey, SurveyedAnnotations};

use crate::args::Inspect;
use crate::console;
use crate::error::CommandOutcome;
use crate::table::table;

/// Number of unknown labels shown.
const MAX_SHOWN: usize = 20;

pub(super) fn run(
    folder: &Path,
    options: &OpenOptions,
    arguments: &Inspect,
) -> Result<CommandOutcome> {
    let others = other_files(folder)?;
    let found = match discover(folder, None) {
        // A folder of annotation files can be summarised, too.
        Err(nocturne_indexer::Error::NoRecordings { .. }) if !others.is_empty() => Vec::new(),
        found => found?,
    };
    survey(found, others, &[], options, arguments)
}

/// Summarises the recordings of a list and reports the rows with errors.
pub(super) fn run_list(
    manifest: RecordingList,
    options: &OpenOptions,
    arguments: &Inspect,
) -> Result<CommandOutcome> {
    let RecordingList { recordings, problems } = manifest;
    survey(recordings, Vec::new(), &problems, options, arguments)
}

fn survey(
    found: Vec<FoundRecording>,
    others: Vec<PathBuf>,
    problems: &[RowProblem],
    options: &OpenOptions,
    arguments: &Inspect,
) -> Result<CommandOutcome> {
    let Inspect { strict, json, .. } = *arguments;
    let bar = console::progress("reading", found.len());
    let mut survey = Survey::default();
    for found in found {
        let scoring = options.scoring.clone().or(&found.scoring);
        let annotations = found.annotations;
        let options = OpenOptions { annotations, scoring, ..options.clone() };
        match Recording::open_with(&found.path, &options) {
            Ok(recording) if strict && !recording.warnings().is_empty() => {
                let n = recording.warnings().len();
                let problem = format!("`{}` has {n} warnings", found.path.display());
                survey.add_failed(found.path, &problem);
            }
            Ok(recording) => survey.add(&recording),
            Err(error) => survey.add_failed(found.path, &error),
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    let known = survey.files();
    others.into_iter().filter(|path| !known.contains(path)).for_each(|path| survey.add_other(path));
    if json {
        let mut value = serde_json::to_value(&survey)?;
        value["rows_failed"] = serde_json::to_value(problems)?;
        console::print_pretty_json(&value)?;
    } else {
        print(&survey)?;
        for RowProblem { line, problem } in problems {
            console::print(format_args!("  line {line}: {problem}"))?;
        }
    }
    match (survey.recordings, survey.failed.len() + problems.len()) {
        (_, 0) => Ok(CommandOutcome::Done),
        (0, n) => bail!("none of {n} recordings can be read"),
        _ => Ok(CommandOutcome::PartlyDone),
    }
}

/// Prints what was read of the annotation files: each of them if they are few, else one line for each way of reading.
fn print_files(survey: &Survey) -> Result<()> {
    let files = &survey.annotation_files;
    if !files.is_empty() {
        console::print("")?;
        console::print(table(&FILE_HEADS, file_rows(files)))?;
    }
    if !survey.not_understood.is_empty() {
        console::print("")?;
        let paths = survey.not_understood.iter();
        let names = paths.map(|path| vec![path.display().to_string().escape_debug().to_string()]);
        console::print(table(&["not understood"], names.take(MAX_SHOWN)))?;
    }
    if survey.not_understood.len() > MAX_SHOWN {
        console::print(format_args!(
            "… and {} more; `--json` lists all",
            survey.not_understood.len() - MAX_SHOWN
        ))?;
    }
    Ok(())
}

const FILE_HEADS: [&str; 8] = [
    "annotation file",
    "format",
    "columns used",
    "not used",
    ">stages",
    ">events",
    ">unknown",
    ">warnings",
];

/// Returns a row for each file, or if they are many, for all files of a folder of the same format and columns.
fn file_rows(files: &[SurveyedAnnotations]) -> Vec<Vec<String>> {
    let mut groups: Vec<(Vec<String>, [usize; 5], String)> = Vec::new();
    let is_grouped = files.len() > MAX_SHOWN;
    for SurveyedAnnotations { has_recording, summary } in files {
        let columns = |names: &[String]| {
            let named = |name: &String| if name.is_empty() { "(no name)" } else { name }.to_owned();
            let names: Vec<String> = names.iter().map(named).collect();
            if names.is_empty() { "–".to_owned() } else { names.join(", ") }
        };
        let orphan = if *has_recording { "" } else { " (of no recording)" };
        let name = format!("{}{orphan}", file_name(&summary.path));
        let key = vec![
            summary.format.name().to_owned(),
            columns(&summary.columns.used),
            columns(&summary.columns.unused),
            orphan.to_owned(),
        ];
        let counts = [summary.n_stages, summary.n_events, summary.n_unknown, summary.n_warnings];
        let group = groups.iter_mut().find(|(known, ..)| is_grouped && *known == key);
        let [stages, events, unknown, warnings] = counts;
        if let Some((_, sums, _)) = group {
            let counts = [1, stages, events, unknown, warnings];
            sums.iter_mut().zip(counts).for_each(|(sum, n)| *sum += n);
        } else {
            groups.push((key, [1, stages, events, unknown, warnings], name));
        }
    }
    let row = |(key, [n, counts @ ..], name): (Vec<String>, [usize; 5], String)| {
        let name = if n > 1 { format!("{name} and {} more", n - 1) } else { name };
        let key = key.into_iter().take(3);
        std::iter::once(name).chain(key).chain(counts.map(|n| n.to_string())).collect()
    };
    groups.into_iter().map(row).collect()
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().escape_debug().to_string()
}

fn print(survey: &Survey) -> Result<()> {
    let Survey { recordings, with_stages, with_events, profiles, failed, .. } = survey;
    console::print(format_args!(
        "{recordings} recordings, {with_stages} with stages, {with_events} with events, {} unreadable",
        failed.len()
    ))?;
    let profiles: Vec<String> = profiles.iter().map(|(name, n)| format!("{name} {n}")).collect();
    console::print(format_args!("profiles: {}", profiles.join(", ")))?;
    let rows = survey.channels.iter().map(|count| {
        let example =
            count.examples.first().map(|path| path.display().to_string()).unwrap_or_default();
        vec![
            count.channel.to_owned(),
            count.present.to_string(),
            count.missing.to_string(),
            example,
        ]
    });
    console::print(table(&["channel", ">present", ">missing", "example"], rows))?;
    let mut labels: Vec<(&String, &LabelCount)> = survey.unknown_labels.iter().collect();
    labels.sort_by_key(|(_, count)| std::cmp::Reverse(count.recordings));
    if !labels.is_empty() {
        console::print("")?;
        let rows = labels.iter().take(MAX_SHOWN).map(|(label, count)| {
            vec![(*label).clone(), count.recordings.to_string(), count.nearest.join(", ")]
        });
        console::print(table(&["unknown label", ">recordings", "similar"], rows))?;
    }
    if labels.len() > MAX_SHOWN {
        console::print(format_args!(
            "… and {} more; `--json` lists all",
            labels.len() - MAX_SHOWN
        ))?;
    }
    print_files(survey)?;
    if !survey.warnings.is_empty() {
        console::print("")?;
        let rows = survey.warnings.iter().map(|(code, n)| {
            let code = serde_json::to_value(code).ok();
            let name = code.as_ref().and_then(|code| code.as_str()).unwrap_or_default().to_owned();
            vec![name, n.to_string()]
        });
        console::print(table(&["warning", ">recordings"], rows))?;
    }
    for (_, error) in failed {
        console::print(format_args!("  {error}"))?;
    }
    Ok(())
}
