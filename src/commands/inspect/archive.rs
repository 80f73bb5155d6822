//! `nocturne inspect` of a folder or a list: a summary of its recordings.

use std::path::Path;

use anyhow::{Result, bail};
use nocturne_indexer::{FoundRecording, RecordingList, RowProblem, discover};
use nocturne_psg::{LabelCount, OpenOptions, Recording, Survey};

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
    survey(discover(folder, None)?, &[], options, arguments)
}

/// Summarises the recordings of a list and reports the rows with errors.
pub(super) fn run_list(
    manifest: RecordingList,
    options: &OpenOptions,
    arguments: &Inspect,
) -> Result<CommandOutcome> {
    let RecordingList { recordings, problems } = manifest;
    survey(recordings, &problems, options, arguments)
}

fn survey(
    found: Vec<FoundRecording>,
    problems: &[RowProblem],
    options: &OpenOptions,
    arguments: &Inspect,
) -> Result<CommandOutcome> {
    let Inspect { strict, json, .. } = *arguments;
    let bar = console::progress("reading", found.len());
    let mut survey = Survey::default();
    for found in found {
        let options = OpenOptions { annotations: found.annotations, ..options.clone() };
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
