//! `nocturne-train parity`

use std::fmt::Write;

use anyhow::Result;
use nocturne_trainer::parity::{Outcome, Report, Row, Runtime, Tolerance, parity};

use crate::args::Parity;
use crate::console;
use crate::error;

pub(super) fn run(arguments: &Parity) -> Result<error::Outcome> {
    let runtime =
        if arguments.without_onnxruntime { None } else { Some(arguments.runtime.load()?) };
    let report = parity(&arguments.checkpoint, &arguments.fixtures, runtime)?;
    if arguments.json {
        console::print_json(&report)?;
    } else {
        console::print(table(&report))?;
    }
    for file in &report.absent {
        console::note(format_args!("`{file}` is absent: nothing was compared with it"));
    }
    console::note(report.summary());
    let is_apart = report.failures().next().is_some();
    Ok(if is_apart { error::Outcome::Apart } else { error::Outcome::Done })
}

/// Returns a line for each row, and above those of a file its name.
fn table(report: &Report) -> String {
    let width = report.rows.iter().map(|row| row.name.len()).max().unwrap_or(0);
    let mut table = format!("{:width$}  {:>10}", "tensor", "tolerance");
    let runtimes = report.rows.first().map(|row| row.outcomes.keys().copied());
    for runtime in runtimes.into_iter().flatten() {
        let _ = write!(table, "  {:>28}", Runtime::name(runtime));
    }
    let mut file = "";
    for row in &report.rows {
        if row.file != file {
            file = &row.file;
            let _ = write!(table, "\n\n{file}");
        }
        let _ = write!(table, "\n{}", line(row, width));
    }
    table
}

fn line(row: &Row, width: usize) -> String {
    let tolerance = match row.tolerance {
        Tolerance::Exact => "exact".to_owned(),
        Tolerance::Absolute(limit) => format!("{limit:.0e}"),
        Tolerance::Relative(limit) => format!("{limit:.0e} rel"),
    };
    let mut line = format!("{:width$}  {tolerance:>10}", row.name);
    for outcome in row.outcomes.values() {
        let _ = write!(line, "  {:>28}", words(outcome));
    }
    line
}

fn words(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Compared(found) => {
            let verdict = if found.passes { "pass" } else { "FAIL" };
            let difference = match found.tolerance {
                Tolerance::Exact if found.absolute == 0.0 => "same".to_owned(),
                Tolerance::Exact => format!("{} differ", found.absolute),
                Tolerance::Absolute(_) => format!("{:.1e}", found.absolute),
                Tolerance::Relative(_) => {
                    format!("{:.1e} ({:.1e} rel)", found.absolute, found.relative)
                }
            };
            format!("{difference} {verdict}")
        }
        Outcome::OtherShape { found, expected } => {
            format!("{found:?} for {expected:?} FAIL")
        }
        Outcome::NotComputed => "not computed FAIL".to_owned(),
        Outcome::NotAsked => "-".to_owned(),
    }
}
