//! `nocturne inspect` of an annotation file.

use std::path::Path;

use anyhow::Result;
use nocturne_psg::{AnnotationInspection, AnnotationLocation, Stage};

use super::{MAX_SHOWN, check, print_warnings};
use crate::args::Inspect;
use crate::error::CommandOutcome;
use crate::table::{clock, hypnogram};
use crate::{console, hint};

/// Width of a hypnogram in columns.
const WIDTH: usize = 96;

pub(super) fn run(path: &Path, arguments: &Inspect) -> Result<CommandOutcome> {
    let inspection = AnnotationInspection::with_options(path, None, &arguments.reading.scoring())
        .map_err(refused)?;
    print_warnings(&inspection.warnings);
    if arguments.json {
        console::print_pretty_json(&inspection)?;
    } else {
        print(&inspection)?;
    }
    check(path, &inspection.warnings, arguments.strict)
}

/// Adds what can be inspected, if the problem is the file as a whole.
fn refused(error: nocturne_psg::Error) -> anyhow::Error {
    let is_whole = matches!(
        error,
        nocturne_psg::Error::Annotations { location: AnnotationLocation::File, .. }
    );
    if is_whole {
        return hint::with(
            error,
            "pass an EDF or BDF recording, or one of the annotation formats in docs/formats.md",
        );
    }
    error.into()
}

fn print(inspection: &AnnotationInspection) -> Result<()> {
    let n = inspection.n_annotations;
    console::print(format_args!("{}, {n} annotations", inspection.format.name()))?;
    for (onset_s, duration_s, text) in inspection.annotations.iter().take(MAX_SHOWN) {
        let duration =
            duration_s.map(|duration_s| format!(" for {duration_s} s")).unwrap_or_default();
        console::print(format_args!("  {}{duration}  {}", clock(*onset_s), text.escape_debug()))?;
    }
    if n > MAX_SHOWN {
        console::print("  …")?;
    }
    if inspection.stages.iter().any(Option::is_some) {
        console::print("")?;
        hypnogram(&inspection.stages, WIDTH).iter().try_for_each(console::print)?;
        console::print(counts(&inspection.stages))?;
    }
    Ok(())
}

/// Formats the number of epochs of each stage.
fn counts(stages: &[Option<Stage>]) -> String {
    let count = |stage: Option<Stage>| stages.iter().filter(|it| **it == stage).count();
    let mut words: Vec<String> = Stage::ALL
        .into_iter()
        .map(|stage| format!("{} {}", stage.code(), count(Some(stage))))
        .collect();
    words.push(format!("unscored {}", count(None)));
    format!("epochs: {}", words.join(", "))
}
