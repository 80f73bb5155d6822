//! `nocturne caption`

use std::collections::BTreeMap;

use anyhow::{Context, Result, bail};
use nocturne_encoder::caption::DecodingOptions;
use nocturne_encoder::{Captioner, EpochReading, SignalEncoder, caption};
use nocturne_indexer::{CaptionKinds, CaptionWriter, discover};
use nocturne_psg::caption::CaptionKind;
use nocturne_psg::{EpochNumber, Night, Recording, RecordingId, ZScore};
use serde::Serialize;

use crate::args::{Caption, CaptionSource, Common};
use crate::epoch_numbers::ranges;
use crate::error::CommandOutcome;
use crate::session::Session;
use crate::table::clock;
use crate::{bundle, console};

/// Where a caption comes from.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "snake_case")]
enum Source {
    /// A rule, from the signals.
    Measured,
    /// A rule, from the annotations.
    Scored,
    /// The captioner.
    Generated,
}

/// A caption with its recording, epoch and kind.
#[derive(Serialize)]
struct CaptionLine<'a> {
    recording: &'a str,
    epoch: u32,
    onset_s: f64,
    local_time: Option<String>,
    about: CaptionKind,
    source: Source,
    text: String,
    /// Of a generated caption.
    #[serde(flatten)]
    decoded: Option<Decoded>,
}

/// How a generated caption was decoded.
#[derive(Serialize)]
struct Decoded {
    ids: Vec<u32>,
    raw: String,
    finish_reason: caption::FinishReason,
}

/// The captioner of a bundle with what it needs.
struct Generator<'a> {
    signal: SignalEncoder,
    captioner: Captioner,
    options: DecodingOptions,
    kinds: &'a CaptionKinds,
}

pub(super) fn run(common: &Common, arguments: &Caption) -> Result<CommandOutcome> {
    let (z_score, mut generator) = generator(common, arguments)?;
    let path = &arguments.recording;
    if path.is_dir() {
        bail!("`{}` is a folder; expected one recording", path.display());
    }
    let id = discover(path, None)?.pop().context("a file is one recording")?.id?;
    let recording = Recording::open_with(path, &arguments.reading.open_options())?;
    let night = Night::read(&recording, z_score)?;
    for warning in recording.warnings().iter().chain(night.warnings()) {
        console::note(format_args!("warning: {}", warning.message));
    }
    let events_scored = !recording.scoring().events.is_empty();
    let mut writer = (arguments.source != CaptionSource::Generated)
        .then(|| CaptionWriter::new(arguments.about.clone(), &id, events_scored));
    let (found, outcome) = choose(&night, &id, arguments)?;
    for epoch_idx in found {
        let mut lines = Vec::new();
        if let Some(writer) = &mut writer {
            lines.extend(written(writer, &id, &night, epoch_idx));
        }
        if let Some(generator) = &mut generator {
            lines.extend(generator.lines(&id, &night, epoch_idx)?);
        }
        if lines.is_empty() {
            let number = night.epochs()[epoch_idx].number;
            console::note(format_args!("{id}:{number}: nothing is measured or scored"));
        }
        for line in &lines {
            if arguments.json {
                console::print_json(line)?;
            } else {
                line.print()?;
            }
        }
    }
    Ok(outcome)
}

/// Opens the captioner, if the source asks for one and the bundle has one, and returns the span over which the encoder
/// scales its signals. Rules need no bundle.
fn generator<'a>(
    common: &Common,
    arguments: &'a Caption,
) -> Result<(ZScore, Option<Generator<'a>>)> {
    if arguments.source == CaptionSource::Rules {
        return Ok((ZScore::Recording, None));
    }
    let options = DecodingOptions::from(&arguments.decoding);
    let bundle = bundle::open(arguments.encoder.bundle.as_deref())?;
    options.check(bundle.manifest().tokenizer.context)?;
    let z_score = bundle.manifest().preprocessing.z_score;
    if arguments.source == CaptionSource::Auto && !bundle.has_captioner() {
        return Ok((z_score, None));
    }
    let (signal, captioner) = Session::with(bundle, common, &arguments.encoder)?.captioner()?;
    Ok((z_score, Some(Generator { signal, captioner, options, kinds: &arguments.about })))
}

/// Returns the captions of an epoch that are written by rule.
fn written<'a>(
    writer: &mut CaptionWriter,
    id: &'a RecordingId,
    night: &Night,
    epoch_idx: usize,
) -> Vec<CaptionLine<'a>> {
    let captions = writer.of_epoch(night, epoch_idx).into_iter();
    let line = |it: nocturne_indexer::Caption| {
        let source = match it.kind {
            CaptionKind::StageEvent => Source::Scored,
            CaptionKind::Brain
            | CaptionKind::Heart
            | CaptionKind::Respiratory
            | CaptionKind::PositionMuscle => Source::Measured,
        };
        CaptionLine::new(id, night, epoch_idx, (it.kind, source), it.text)
    };
    captions.map(line).collect()
}

impl Generator<'_> {
    /// Returns the captions that the captioner generates for an epoch.
    fn lines<'a>(
        &mut self,
        id: &'a RecordingId,
        night: &Night,
        epoch_idx: usize,
    ) -> Result<Vec<CaptionLine<'a>>> {
        let reading = read_epoch(&mut self.signal, night, epoch_idx)?;
        let memory = self.captioner.expect_memory(reading.memory)?;
        let mut lines = Vec::new();
        for kind in &self.kinds.0 {
            let caption =
                self.captioner.caption(&memory, (*kind).into(), &self.options, &mut |_| true)?;
            let caption::Caption { ids, raw, text, finish_reason } = caption;
            let line = CaptionLine::new(id, night, epoch_idx, (*kind, Source::Generated), text);
            lines.push(CaptionLine { decoded: Some(Decoded { ids, raw, finish_reason }), ..line });
        }
        Ok(lines)
    }
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
        (about, source): (CaptionKind, Source),
        text: String,
    ) -> Self {
        let epoch = &night.epochs()[epoch_idx];
        let local_time = night.local_time(epoch_idx).map(|time| time.to_string());
        let (epoch, onset_s) = (epoch.number.0, epoch.onset_s);
        let recording = id.as_str();
        Self { recording, epoch, onset_s, local_time, about, source, text, decoded: None }
    }

    fn print(&self) -> std::io::Result<()> {
        let Self { recording, epoch, onset_s, local_time, about, source, text, decoded } = self;
        let time = local_time.as_deref().and_then(|time| time.split('T').next_back());
        let time = time.map(|time| format!(", {time}")).unwrap_or_default();
        let ellipsis = match decoded.as_ref().map(|it| it.finish_reason) {
            None | Some(caption::FinishReason::EndToken) => "",
            Some(caption::FinishReason::MaxLength | caption::FinishReason::Cancelled) => " …",
        };
        let source = match source {
            Source::Measured => "measured",
            Source::Scored => "scored",
            Source::Generated => "generated",
        };
        let from_start = clock(*onset_s);
        console::print(format_args!(
            "{recording}:{epoch} at {from_start}{time}, {about} ({source}): {text}{ellipsis}"
        ))
    }
}
