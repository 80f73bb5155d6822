//! `nocturne label --out`: labels as files for other programs.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use nocturne_engine::Engine;
use nocturne_index::{Filter, RecordingEntry};
use nocturne_psg::EPOCH_S;
use nocturne_psg::annotation::ScoredAnnotation;
use nocturne_psg::annotation::write::{NsrrHeader, bids_tsv, luna_annot, luna_eannot, nsrr_xml};
use nocturne_psg::edf::{NewRecording, durable};
use serde_json::{Value, json};

use super::night::{LabelledEpoch, LabelledNight};
use super::parquet;
use crate::args::{LabelFormat, LabelSet};
use crate::console;
use crate::error::CommandOutcome;

/// Where labels are written, and how.
pub(super) struct LabelFiles<'a> {
    pub(super) folder: &'a Path,
    pub(super) formats: &'a [LabelFormat],
    pub(super) sets: &'a [LabelSet],
    /// The expression that restricts the epochs, as written.
    pub(super) expression: Option<&'a str>,
    /// Whether files of other labels are overwritten.
    pub(super) is_forced: bool,
}

/// Where every file of labels comes from.
struct Provenance(Value);

impl LabelFiles<'_> {
    /// Labels the recordings of a collection, one after the other, and writes a file of each format for each.
    ///
    /// What an earlier call wrote with the same model is skipped, so that a call resumes an interrupted one.
    pub(super) fn write(&self, engine: &Engine, filter: &Filter) -> Result<CommandOutcome> {
        let provenance = Provenance::of(engine, self.sets, self.expression)?;
        let page = engine.list_recordings(filter, usize::MAX, "")?;
        let bar = console::progress("labelling", page.recordings.len());
        let (mut n_written, mut n_present) = (0, 0);
        let mut failed: Vec<String> =
            page.missing.iter().map(|id| format!("{id}: damaged; index it again")).collect();
        for entry in page.recordings {
            let name = entry.id.to_string();
            match self.write_night(engine, filter, entry, &provenance) {
                Ok(true) => n_written += 1,
                Ok(false) => n_present += 1,
                Err(error) => failed.push(format!("{name}: {error:#}")),
            }
            bar.inc(1);
        }
        bar.finish_and_clear();
        console::print(format_args!(
            "{n_written} recordings labelled in {}, {n_present} were there already",
            self.folder.display()
        ))?;
        for problem in &failed {
            console::note(format_args!("skipped: {problem}"));
        }
        match failed.len() {
            0 => Ok(CommandOutcome::Done),
            n if n_written + n_present == 0 => bail!("none of {n} recordings could be labelled"),
            _ => Ok(CommandOutcome::PartlyDone),
        }
    }

    /// Writes the files of a night; returns whether any was missing.
    fn write_night(
        &self,
        engine: &Engine,
        filter: &Filter,
        entry: RecordingEntry,
        provenance: &Provenance,
    ) -> Result<bool> {
        let path = |format: LabelFormat| {
            let name = format!("{}{}", entry.id, format.suffix());
            self.folder.join(format.name()).join(name)
        };
        let mut missing = Vec::new();
        for format in self.formats {
            let path = path(*format);
            if !self.is_present(&path, provenance, &entry)? {
                missing.push((*format, path));
            }
        }
        if missing.is_empty() {
            return Ok(false);
        }
        let night = LabelledNight::of(engine, entry, filter, self.sets)?;
        for (format, path) in missing {
            let folder = path.parent().unwrap_or(self.folder);
            std::fs::create_dir_all(folder)
                .with_context(|| format!("cannot create `{}`", folder.display()))?;
            // In this order, an interruption leaves no file whose origin is not known or is that of other labels.
            if path.exists() {
                std::fs::remove_file(&path)
                    .with_context(|| format!("cannot remove `{}`", path.display()))?;
            }
            let about = provenance.of_night(&night, format);
            let text = serde_json::to_string_pretty(&about)? + "\n";
            write_bytes(&sidecar(&path), text.as_bytes())?;
            write_file(&night, format, &path)?;
        }
        Ok(true)
    }

    /// Returns whether a file was written with the same model and labels before.
    fn is_present(
        &self,
        path: &Path,
        provenance: &Provenance,
        entry: &RecordingEntry,
    ) -> Result<bool> {
        if !path.exists() {
            return Ok(false);
        }
        let about = std::fs::read(sidecar(path)).ok();
        let about: Option<Value> = about.and_then(|text| serde_json::from_slice(&text).ok());
        let is_same = about.as_ref().is_some_and(|about| {
            about["labels_of"] == provenance.0
                && about["source_sha256"] == json!(entry.source_sha256)
        });
        if is_same || self.is_forced {
            return Ok(is_same);
        }
        let what = match about {
            Some(_) => "has labels of another model, recording, set or filter",
            None => "exists and was not written by `nocturne label`",
        };
        bail!("`{}` {what}; write elsewhere, or overwrite it with `--force`", path.display())
    }
}

impl Provenance {
    fn of(engine: &Engine, sets: &[LabelSet], expression: Option<&str>) -> Result<Self> {
        let info = engine.info()?;
        let (_, calibration) = engine.concepts()?;
        let sets: Vec<&str> = sets.iter().map(|set| set.name()).collect();
        Ok(Self(json!({
            "program": format!("nocturne {}", env!("CARGO_PKG_VERSION")),
            "bundle": info.bundle,
            "bundle_fingerprint": info.bundle_fingerprint,
            "calibration_fingerprint": calibration.map(|it| it.fingerprint()),
            "sets": sets,
            "filter": expression,
        })))
    }

    /// Returns what is known about the labels of a night.
    fn of_night(&self, night: &LabelledNight, format: LabelFormat) -> Value {
        let entry = &night.entry;
        json!({
            "labels_of": self.0,
            "format": format.name(),
            "recording": entry.id,
            "source_sha256": entry.source_sha256,
            "start": entry.start.map(|start| start.to_string()),
            "epochs": night.epochs.len(),
            "epoch_s": EPOCH_S,
            "source": "model",
            "events": "each event is somewhere in its epoch of 30 s; onset and length are those of the epoch, and `epoch with` is not an event to be counted",
            "not_judged": night.abstentions(),
            "trial_type": {
                "Description": "labels of epochs of 30 s by a program",
                "Levels": { "Sleep stage W": "wake", "Sleep stage N1": "N1", "Sleep stage N2": "N2",
                    "Sleep stage N3": "N3", "Sleep stage R": "REM" },
            },
        })
    }
}

/// Returns the path of the file about a file. BIDS expects `NAME_events.json`; readers of a folder of Parquet files pass over
/// names that start with `_`.
fn sidecar(path: &Path) -> PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let about = match name.strip_suffix("_events.tsv") {
        Some(stem) => format!("{stem}_events.json"),
        None if name.ends_with(".parquet") => format!("_{name}.json"),
        None => format!("{name}.json"),
    };
    path.with_file_name(about)
}

fn write_bytes(path: &Path, bytes: &[u8]) -> Result<()> {
    durable::write(path, bytes).with_context(|| format!("cannot write `{}`", path.display()))
}

fn write_file(night: &LabelledNight, format: LabelFormat, path: &Path) -> Result<()> {
    let text = match format {
        LabelFormat::Csv => csv(&night.epochs)?,
        LabelFormat::Jsonl => json_lines(night)?,
        LabelFormat::Annot => luna_annot(&night.annotations()),
        LabelFormat::Eannot => luna_eannot(&night.stages()),
        LabelFormat::Bids => bids_tsv(&night.annotations()),
        LabelFormat::NsrrXml => {
            let end_s = night.epochs.last().map_or(0.0, |last| last.onset_s + EPOCH_S);
            let start = night.entry.start;
            let recording =
                start.map(|start| (start.strftime("%d.%m.%y %H.%M.%S").to_string(), end_s));
            let header = NsrrHeader { recording, ..NsrrHeader::new("Nocturne") };
            nsrr_xml(&header, &night.annotations())
        }
        LabelFormat::Edf => return edf(night, path),
        LabelFormat::Parquet => {
            let bytes = parquet::bytes(night)?;
            return write_bytes(path, &bytes);
        }
    };
    write_bytes(path, text.as_bytes())
}

/// Writes EDF+ with annotations only.
fn edf(night: &LabelledNight, path: &Path) -> Result<()> {
    let end_s = night.epochs.last().map_or(0.0, |last| last.onset_s + EPOCH_S);
    let unknown_start = jiff::civil::date(1985, 1, 1).at(0, 0, 0, 0);
    let recording = NewRecording {
        start: night.entry.start.unwrap_or(unknown_start),
        equipment: None,
        n_records: (end_s / EPOCH_S).ceil() as usize,
        record_duration_s: EPOCH_S,
        signals: Vec::new(),
        annotations: night.annotations().iter().map(ScoredAnnotation::to_edf).collect(),
    };
    recording.write_to(path, &[]).map_err(Into::into)
}

/// Returns the names of the events that were judged in any epoch, in their order.
pub(super) fn judged_events(epochs: &[LabelledEpoch]) -> Vec<&'static str> {
    let mut names: Vec<&'static str> = Vec::new();
    for (name, _) in epochs.iter().flat_map(|epoch| &epoch.event_probabilities) {
        if !names.contains(name) {
            names.push(name);
        }
    }
    names
}

/// Returns the probability of a label; `None` if it was not judged.
pub(super) fn probability(of: &[(&'static str, f32)], name: &str) -> Option<f32> {
    of.iter().find(|(label, _)| *label == name).map(|(_, p)| *p)
}

/// The stages whose probabilities have columns.
pub(super) const STAGES: [&str; 5] = ["W", "N1", "N2", "N3", "R"];

/// Returns a table with a row for each epoch.
fn csv(epochs: &[LabelledEpoch]) -> Result<String> {
    let events = judged_events(epochs);
    let mut csv = csv::Writer::from_writer(Vec::new());
    let stages = STAGES.iter().map(|stage| format!("p_{}", stage.to_lowercase()));
    let head = ["epoch", "onset_s", "stage", "events", "scored_stage", "not_judged"];
    let head = head.into_iter().map(str::to_owned).chain(stages);
    csv.write_record(head.chain(events.iter().map(|event| format!("p_{event}"))))?;
    for epoch in epochs {
        let p = |of: &[(&'static str, f32)], name: &str| {
            probability(of, name).map(|p| p.to_string()).unwrap_or_default()
        };
        let first = [
            epoch.epoch.to_string(),
            epoch.onset_s.to_string(),
            epoch.stage.unwrap_or_default().to_owned(),
            epoch.events.join(";"),
            epoch.scored_stage.map(|stage| stage.code().to_owned()).unwrap_or_default(),
            epoch.not_judged.join("; "),
        ];
        let stages = STAGES.iter().map(|stage| p(&epoch.stage_probabilities, stage));
        let events = events.iter().map(|event| p(&epoch.event_probabilities, event));
        csv.write_record(first.into_iter().chain(stages).chain(events))?;
    }
    Ok(String::from_utf8(csv.into_inner()?)?)
}

/// Returns a line of JSON for each epoch.
fn json_lines(night: &LabelledNight) -> Result<String> {
    let mut text = String::new();
    for epoch in &night.epochs {
        let mut line = serde_json::to_value(epoch)?;
        line["recording"] = json!(night.entry.id);
        text.push_str(&line.to_string());
        text.push('\n');
    }
    Ok(text)
}
