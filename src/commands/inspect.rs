//! `nocturne inspect`

use anyhow::Result;
use nocturne_psg::Inspection;

use crate::args::Inspect;
use crate::console;
use crate::error::Outcome;
use crate::table::{clock, number, table};

/// Annotations that a table shows.
const FEW: usize = 8;

pub(super) fn run(arguments: &Inspect) -> Result<Outcome> {
    let inspection = Inspection::of(&arguments.file)?;
    for warning in &inspection.warnings {
        console::note(format_args!("warning: {}", warning.message));
    }
    if arguments.json {
        console::print_pretty_json(&inspection)?;
    } else {
        print(&inspection)?;
    }
    Ok(Outcome::Done)
}

fn print(inspection: &Inspection) -> Result<()> {
    let Inspection { format, n_records, record_duration_s, epochs_30s_complete, .. } = inspection;
    let start = inspection.start.as_deref().unwrap_or("at an unknown time");
    let recorded_s: f64 = inspection.segments_s.iter().map(|(_, duration_s)| duration_s).sum();
    console::print(format_args!("{format}, begun {start}, {} recorded", clock(recorded_s)))?;
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
        "\nmontage by the profile `{}`: {}",
        inspection.profile, inspection.profile_reason
    ))?;
    let rows = inspection.montage.iter().map(|line| {
        let confidence = line.confidence.map_or("missing", nocturne_psg::montage::Confidence::name);
        vec![
            line.channel.to_owned(),
            line.derivation.clone().unwrap_or_else(|| "–".to_owned()),
            number(line.sample_rate_hz, 0),
            confidence.to_owned(),
        ]
    });
    console::print(table(&["channel", "from", ">Hz", "confidence"], rows))?;
    print_annotations(inspection)
}

fn print_annotations(inspection: &Inspection) -> Result<()> {
    let from = inspection
        .annotations_file
        .as_ref()
        .map(|path| format!(", with those of {path}"))
        .unwrap_or_default();
    console::print(format_args!("\n{} annotations{from}", inspection.n_annotations))?;
    for (onset_s, duration_s, text) in inspection.annotations.iter().take(FEW) {
        let duration =
            duration_s.map(|duration_s| format!(" for {duration_s} s")).unwrap_or_default();
        console::print(format_args!("  {}{duration}  {}", clock(*onset_s), text.escape_debug()))?;
    }
    if inspection.n_annotations > FEW {
        console::print("  …")?;
    }
    Ok(())
}
