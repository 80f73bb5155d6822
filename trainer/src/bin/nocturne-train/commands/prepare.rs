//! `nocturne-train prepare`

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::thread;

use anyhow::{Context, Result, bail};
use nocturne_psg::annotation::is_annotation_recording;
use nocturne_psg::{RecordingList, RowProblem};
use nocturne_trainer::Error;
use nocturne_trainer::data::{PrepareOutcome, RecordingInput, SetInfo, prepare};

use crate::args::PrepareArgs;
use crate::console;
use crate::error::CommandOutcome;

/// File extensions of recordings, in lower case.
const RECORDINGS: [&str; 2] = ["edf", "bdf"];

pub(super) fn run(arguments: &PrepareArgs) -> Result<CommandOutcome> {
    let (recordings, n_unusable) = match &arguments.manifest {
        Some(list) => listed(list, arguments.data_root.as_deref())?,
        None => (recordings(&arguments.recordings)?, 0),
    };
    if recordings.is_empty() {
        bail!("no `*.edf` or `*.bdf` recordings found");
    }
    let folder = &arguments.out;
    std::fs::create_dir_all(folder)
        .with_context(|| format!("cannot create `{}`", folder.display()))?;
    let PrepareArgs { source, licence, z_score, .. } = arguments;
    let info = SetInfo::new((*z_score).into(), source.clone(), licence.clone());
    info.write(folder)?;
    let threads = arguments.threads.map_or_else(cores, usize::from);
    let (n_epochs, failed) = prepare_all(&recordings, folder, &info, threads);
    let done = recordings.len() - failed;
    let failed = failed + n_unusable;
    console::print(format_args!(
        "{done} recordings in {}, {n_epochs} new epochs",
        folder.display()
    ))?;
    match failed {
        0 => Ok(CommandOutcome::Done),
        _ if done == 0 => bail!("none of {failed} recordings could be prepared"),
        _ => Ok(CommandOutcome::PartlyDone),
    }
}

/// Returns the recordings of a list, and the number of unusable rows, which are reported.
fn listed(path: &Path, root: Option<&Path>) -> Result<(Vec<RecordingInput>, usize)> {
    let RecordingList { recordings, problems, .. } =
        RecordingList::read(path, root).map_err(Error::from)?;
    for RowProblem { line, problem } in &problems {
        console::note(format_args!("skipped line {line} of `{}`: {problem}", path.display()));
    }
    Ok((recordings.into_iter().map(RecordingInput::from).collect(), problems.len()))
}

/// Returns the named files, and the recordings found recursively in the named folders, sorted.
fn recordings(paths: &[PathBuf]) -> Result<Vec<RecordingInput>> {
    let mut found = Vec::new();
    for path in paths {
        if path.is_dir() { walk(path, &mut found)? } else { found.push(path.clone()) }
    }
    found.sort_unstable();
    found.dedup();
    Ok(found.into_iter().map(RecordingInput::from).collect())
}

fn walk(folder: &Path, found: &mut Vec<PathBuf>) -> Result<()> {
    let problem = || format!("cannot read `{}`", folder.display());
    for entry in std::fs::read_dir(folder).with_context(problem)? {
        let entry = entry.with_context(problem)?;
        let path = entry.path();
        if entry.file_type().with_context(problem)?.is_dir() {
            walk(&path, found)?;
            continue;
        }
        let ending = path.extension().unwrap_or_default().to_string_lossy().to_lowercase();
        let is_recording = RECORDINGS.contains(&ending.as_str());
        if is_recording && !is_annotation_recording(&path).unwrap_or(false) {
            found.push(path);
        }
    }
    Ok(())
}

/// Prepares all recordings; returns the number of new epochs and of failed recordings, which are reported.
fn prepare_all(
    recordings: &[RecordingInput],
    folder: &Path,
    info: &SetInfo,
    threads: usize,
) -> (usize, usize) {
    let next = AtomicUsize::new(0);
    let (sender, receiver) = channel();
    let bar = console::progress("preparing", recordings.len() as u64);
    let (mut n_epochs, mut failed) = (0, 0);
    thread::scope(|scope| {
        for _ in 0..threads.min(recordings.len()) {
            let (sender, next) = (sender.clone(), &next);
            scope.spawn(move || prepare_some(recordings, next, folder, info, &sender));
        }
        drop(sender);
        for (recording, prepared) in receiver {
            bar.inc(1);
            match prepared {
                Ok(PrepareOutcome::Written(n)) => n_epochs += n,
                Ok(PrepareOutcome::Existing) => {}
                Err(error) => {
                    failed += 1;
                    bar.suspend(|| {
                        console::note(format_args!("skipped `{}`: {error}", recording.display()));
                    });
                }
            }
        }
    });
    bar.finish_and_clear();
    (n_epochs, failed)
}

type OutcomeSender<'a> = Sender<(&'a Path, std::result::Result<PrepareOutcome, Error>)>;

/// Takes one recording after another until none is left.
fn prepare_some<'a>(
    recordings: &'a [RecordingInput],
    next: &AtomicUsize,
    folder: &Path,
    info: &SetInfo,
    outcomes: &OutcomeSender<'a>,
) {
    while let Some(recording) = recordings.get(next.fetch_add(1, Ordering::Relaxed)) {
        let prepared = prepare(recording, folder, info);
        if outcomes.send((&recording.recording, prepared)).is_err() {
            return;
        }
    }
}

fn cores() -> usize {
    thread::available_parallelism().map_or(1, std::num::NonZero::get)
}
