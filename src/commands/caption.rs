//! `nocturne caption`

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use nocturne_encoder::{EpochReading, SignalEncoder, caption};
use nocturne_indexer::discover;
use nocturne_psg::caption::CaptionKind;
use nocturne_psg::{EpochNumber, Night, OpenOptions, Recording, RecordingId};
use serde::Serialize;

use crate::args::{Caption, Common};
use crate::console;
use crate::epoch_numbers::ranges;
use crate::error::CommandOutcome;
use crate::session::Session;
use crate::table::clock;

/// A caption with its recording, epoch and kind.
#[derive(Serialize)]
struct CaptionLine<'a> {
    recording: &'a str,
    epoch: u32,
    onset_s: f64,
    local_time: Option<String>,
    about: CaptionKind,
    #[serde(flatten)]
    caption: caption::Caption,
}

pub(super) fn run(common: &Common, arguments: &Caption) -> Result<CommandOutcome> {
    let options = caption::DecodingOptions::from(&arguments.decoding);
    let session = Session::open(common, &arguments.encoder)?;
    options.check(session.bundle.manifest().tokenizer.context)?;
    session.bundle.expect_captioner()?;
    let path = &arguments.recording;
    if path.is_dir() {
        bail!("`{}` is a folder; expected one recording", path.display());
    }
    let id = discover(path, None)?.pop().context("a file is one recording")?.id?;
    let open_options =
        OpenOptions { profile: arguments.labels.profile.clone(), ..OpenOptions::default() };
    let recording = Recording::open_with(path, &open_options)?;
    let night = Night::read(&recording, session.bundle.manifest().preprocessing.z_score)?;
    for warning in recording.warnings().iter().chain(night.warnings()) {
        console::note(format_args!("warning: {}", warning.message));
    }
    let (mut signal, mut captioner) = session.captioner()?;
    let (found, outcome) = choose(&night, &id, arguments)?;
    for epoch_idx in found {
        let reading = read_epoch(&mut signal, &night, epoch_idx)?;
        let memory = captioner.expect_memory(reading.memory)?;
        for kind in &arguments.about.0 {
            let caption = captioner.caption(&memory, (*kind).into(), &options, &mut |_| true)?;
            let line = CaptionLine::new(&id, &night, epoch_idx, *kind, caption);
            if arguments.json {
                console::print_json(&line)?;
            } else {
                line.print()?;
            }
        }
    }
    Ok(outcome)
}

/// Returns the indices of the requested epochs in the night; missing ones are reported.
fn choose(
    night: &Night,
    id: &RecordingId,
    arguments: &Caption,
) -> Result<(Vec<usize>, CommandOutcome)> {
    let indices: BTreeMap<EpochNumber, usize> =
        night.epochs().iter().enumerate().map(|(i, epoch)| (epoch.number, i)).collect();
    let requested = &arguments.epoch.0;
    let missing = requested.iter().filter(|number| !indices.contains_key(number)).copied();
    let missing = ranges(missing.collect::<Vec<_>>());
    let (n, known) = (indices.len(), ranges(indices.keys().copied()));
    let problem = format!("`{id}` has no epoch {missing}; it has {n} epochs, {known}");
    let found: Vec<usize> =
        requested.iter().filter_map(|number| indices.get(number)).copied().collect();
    if found.is_empty() {
        bail!(problem);
    }
    if found.len() == requested.len() {
        return Ok((found, CommandOutcome::Done));
    }
    console::note(format_args!("skipped: {problem}"));
    Ok((found, CommandOutcome::PartlyDone))
}

fn read_epoch(signal: &mut SignalEncoder, night: &Night, epoch_idx: usize) -> Result<EpochReading> {
    let epoch = &night.epochs()[epoch_idx];
    if epoch.mask.is_empty() {
        let number = epoch.number;
        console::note(format_args!("warning: epoch {number} has no signal in any channel"));
    }
    let reading = signal.read_epochs(night, &[epoch_idx])?.pop();
    reading.context("one epoch has one reading")
}

impl<'a> CaptionLine<'a> {
    fn new(
        id: &'a RecordingId,
        night: &Night,
        epoch_idx: usize,
        about: CaptionKind,
        caption: caption::Caption,
    ) -> Self {
        let epoch = &night.epochs()[epoch_idx];
        let local_time = night.local_time(epoch_idx).map(|time| time.to_string());
        let (epoch, onset_s) = (epoch.number.0, epoch.onset_s);
        Self { recording: id.as_str(), epoch, onset_s, local_time, about, caption }
    }

    fn print(&self) -> std::io::Result<()> {
        let Self { recording, epoch, onset_s, local_time, about, caption } = self;
        let time = local_time.as_deref().and_then(|time| time.split('T').next_back());
        let time = time.map(|time| format!(", {time}")).unwrap_or_default();
        let ellipsis = match caption.finish_reason {
            caption::FinishReason::EndToken => "",
            caption::FinishReason::MaxLength | caption::FinishReason::Cancelled => " …",
        };
        let (from_start, text) = (clock(*onset_s), &caption.text);
        console::print(format_args!(
            "{recording}:{epoch} at {from_start}{time}, {about}: {text}{ellipsis}"
        ))
    }
}
