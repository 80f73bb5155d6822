//! `nocturne inspect`

mod archive;
mod scoring;

use std::path::Path;

use anyhow::{Result, bail};
use nocturne_indexer::RecordingList;
use nocturne_psg::montage::{Channel, MontageLine};
use nocturne_psg::night::ChannelQuality;
use nocturne_psg::{AnnotationInspection, Inspection, Warning};
use serde_json::Value;

use crate::args::Inspect;
use crate::console;
use crate::error::CommandOutcome;
use crate::table::{clock, number, table};

/// Number of annotations shown.
const MAX_SHOWN: usize = 8;

/// File extensions of recordings, in lower case; all other files are read as annotations.
const RECORDING_EXTENSIONS: [&str; 3] = ["edf", "bdf", "rec"];

pub(super) fn run(arguments: &Inspect) -> Result<CommandOutcome> {
    let Inspect { file, list, strict, json, reading } = arguments;
    let options = reading.open_options();
    options.profile.profile()?;
    if let Some(manifest) = &list.manifest {
        let manifest = RecordingList::read(manifest, list.data_root.as_deref())?;
        return archive::run_list(manifest, &options, arguments);
    }
    let file = file.as_deref().unwrap_or(Path::new("."));
    if file.is_dir() {
        return archive::run(file, &options, arguments);
    }
    if !is_recording(file) {
        return scoring::run(file, arguments);
    }
    let inspection = Inspection::open_with(file, &options)?;
    print_warnings(&inspection.warnings);
    match (*json, inspection.signals.is_empty()) {
        (true, true) => console::print_pretty_json(&with_stages(&inspection, file)?)?,
        (true, false) => console::print_pretty_json(&inspection)?,
        (false, true) if inspection.n_annotations > 0 => scoring::run(file, arguments).map(drop)?,
        (false, _) => print(&inspection)?,
    }
    check(file, &inspection.warnings, *strict)
}

/// Returns whether a file is read as a recording: by its extension, or if it has none.
fn is_recording(path: &Path) -> bool {
    let extension =
        path.extension().and_then(|extension| extension.to_str()).map(str::to_lowercase);
    extension.is_none_or(|extension| RECORDING_EXTENSIONS.contains(&extension.as_str()))
}

/// Adds the stages to the inspection of a file that contains only annotations, such as a Sleep-EDF hypnogram.
fn with_stages(inspection: &Inspection, path: &Path) -> Result<Value> {
    let mut value = serde_json::to_value(inspection)?;
    if inspection.n_annotations > 0 {
        let scoring = AnnotationInspection::of(path)?;
        value["epoch_length_s"] = serde_json::to_value(scoring.epoch_length_s)?;
        value["stages"] = serde_json::to_value(scoring.stages)?;
    }
    Ok(value)
}

fn print_warnings(warnings: &[Warning]) {
    for warning in warnings {
        console::note(format_args!("warning: {}", warning.message));
    }
}

/// Fails if there are warnings and `--strict` is given.
fn check(path: &Path, warnings: &[Warning], strict: bool) -> Result<CommandOutcome> {
    match warnings.len() {
        n if n > 0 && strict => {
            bail!("`{}` has {n} warnings, and `--strict` allows none", path.display())
        }
        _ => Ok(CommandOutcome::Done),
    }
}

fn print(inspection: &Inspection) -> Result<()> {
    let Inspection { format, n_records, record_duration_s, epochs_30s_complete, .. } = inspection;
    let start = inspection.start.as_deref().unwrap_or("at an unknown time");
    let recorded_s: f64 = inspection.segments_s.iter().map(|(_, duration_s)| duration_s).sum();
    console::print(format_args!("{format}, started {start}, {} recorded", clock(recorded_s)))?;
    console::print(format_args!(
        "{n_records} data records of {record_duration_s} s in {} segments, {epochs_30s_complete} complete epochs",
        inspection.segments_s.len()
    ))?;
    let rows = inspection.signals.iter().map(|signal| {
        vec![
            signal.label.clone(),
            signal.unit.clone(),
            format!("{:.6}", signal.sample_rate_hz)
                .trim_end_matches('0')
                .trim_end_matches('.')
                .to_owned(),
            signal.n_samples.to_string(),
            format!("{} to {}", signal.physical_min, signal.physical_max),
        ]
    });
    console::print(table(&["signal", "unit", ">Hz", ">samples", ">range"], rows))?;
    console::print(format_args!(
        "\nmontage from the profile `{}`: {}",
        inspection.profile, inspection.profile_reason
    ))?;
    print_montage(inspection)?;
    print_quality(&inspection.quality)?;
    print_rest(inspection)?;
    print_annotations(inspection)
}

/// Prints the source of each channel, and what to do about a position signal without codes.
fn print_montage(inspection: &Inspection) -> Result<()> {
    let is_without_codes = |line: &MontageLine| {
        line.channel == Channel::Position.name()
            && line.source.is_some()
            && !inspection.has_position_codes
    };
    let rows = inspection.montage.iter().map(|line| {
        let confidence = match line.confidence {
            Some(_) if is_without_codes(line) => "not used: no position codes",
            Some(confidence) => confidence.name(),
            None => "missing",
        };
        vec![
            line.channel.to_owned(),
            line.derivation.clone().unwrap_or_else(|| "–".to_owned()),
            number(line.sample_rate_hz, 0),
            confidence.to_owned(),
        ]
    });
    console::print(table(&["channel", "from", ">Hz", "confidence"], rows))?;
    if inspection.montage.iter().any(is_without_codes) {
        console::note("hint: choose a profile that defines the position codes with `--profile`");
    }
    Ok(())
}

/// Prints the number of epochs with each quality problem, by channel.
fn print_quality(quality: &[ChannelQuality]) -> Result<()> {
    let problem_counts =
        |it: &ChannelQuality| [it.flat, it.clipped, it.disconnected, it.mains, it.out_of_range];
    let rows = quality.iter().filter(|it| it.epochs > 0).map(|it| {
        let counts = problem_counts(it).into_iter();
        let counts = counts.map(|n| if n == 0 { "–".to_owned() } else { n.to_string() });
        [it.channel.to_owned(), it.epochs.to_string()].into_iter().chain(counts).collect()
    });
    if quality.is_empty() {
        return Ok(());
    }
    let heads =
        ["channel", ">epochs", ">flat", ">clipped", ">disconnected", ">mains", ">out of range"];
    console::print("")?;
    console::print(table(&heads, rows))?;
    Ok(())
}

/// Prints the unused signals and the nearest known labels of unknown ones.
fn print_rest(inspection: &Inspection) -> Result<()> {
    if !inspection.unused.is_empty() {
        let labels: Vec<&str> =
            inspection.unused.iter().map(|signal| signal.label.as_str()).collect();
        console::print(format_args!("\nunused signals: {}", labels.join(", ")))?;
    }
    for unknown in &inspection.unknown_labels {
        let nearest = unknown.nearest.join("`, `");
        if !nearest.is_empty() {
            console::print(format_args!(
                "unknown label `{}`; similar: `{nearest}`",
                unknown.label
            ))?;
        }
    }
    Ok(())
}

fn print_annotations(inspection: &Inspection) -> Result<()> {
    let from = inspection
        .annotations_file
        .as_ref()
        .map(|path| format!(", including those of {path}"))
        .unwrap_or_default();
    console::print(format_args!("\n{} annotations{from}", inspection.n_annotations))?;
    for (onset_s, duration_s, text) in inspection.annotations.iter().take(MAX_SHOWN) {
        let duration =
            duration_s.map(|duration_s| format!(" for {duration_s} s")).unwrap_or_default();
        console::print(format_args!("  {}{duration}  {}", clock(*onset_s), text.escape_debug()))?;
    }
    if inspection.n_annotations > MAX_SHOWN {
        console::print("  …")?;
    }
    Ok(())
}
