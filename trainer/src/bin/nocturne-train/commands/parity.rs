//! `nocturne-train parity`

use std::fmt::Write;

use anyhow::Result;
use nocturne_trainer::parity::{
    ComparisonOutcome, ParityReport, ParityRow, ParityRuntime, ParityTolerance, parity,
};

use crate::args::ParityArgs;
use crate::console;
use crate::error;

pub(super) fn run(arguments: &ParityArgs) -> Result<error::CommandOutcome> {
    let runtime =
        if arguments.without_onnxruntime { None } else { Some(arguments.runtime.load()?) };
    let report = parity(&arguments.checkpoint, &arguments.fixtures, runtime)?;
    if arguments.json {
        console::print_json(&report)?;
    } else {
        console::print(table(&report))?;
    }
    for file in &report.absent {
        console::note(format_args!("`{file}` is absent and was not compared"));
    }
    console::note(report.summary());
    let has_failed = report.failures().next().is_some();
    Ok(if has_failed { error::CommandOutcome::ParityFailed } else { error::CommandOutcome::Done })
}

/// Returns a table with a line for each row, below a heading for each file.
fn table(report: &ParityReport) -> String {
    let width = report.rows.iter().map(|row| row.name.len()).max().unwrap_or(0);
    let mut table = format!("{:width$}  {:>10}", "tensor", "tolerance");
    let runtimes = report.rows.first().map(|row| row.outcomes.keys().copied());
    for runtime in runtimes.into_iter().flatten() {
        let _ = write!(table, "  {:>28}", ParityRuntime::name(runtime));
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

fn line(row: &ParityRow, width: usize) -> String {
    let tolerance = match row.tolerance {
        ParityTolerance::Exact => "exact".to_owned(),
        ParityTolerance::Absolute(limit) => format!("{limit:.0e}"),
        ParityTolerance::Relative(limit) => format!("{limit:.0e} rel"),
    };
    let mut line = format!("{:width$}  {tolerance:>10}", row.name);
    for outcome in row.outcomes.values() {
        let _ = write!(line, "  {:>28}", words(outcome));
    }
    line
}

fn words(outcome: &ComparisonOutcome) -> String {
    match outcome {
        ComparisonOutcome::Compared(found) => {
            let verdict = if found.passes { "pass" } else { "FAIL" };
            let difference = match found.tolerance {
                ParityTolerance::Exact if found.absolute == 0.0 => "same".to_owned(),
                ParityTolerance::Exact => format!("{} differ", found.absolute),
                ParityTolerance::Absolute(_) => format!("{:.1e}", found.absolute),
                ParityTolerance::Relative(_) => {
                    format!("{:.1e} ({:.1e} rel)", found.absolute, found.relative)
                }
            };
            format!("{difference} {verdict}")
        }
        ComparisonOutcome::OtherShape { found, expected } => {
            format!("{found:?} for {expected:?} FAIL")
        }
        ComparisonOutcome::NotComputed => "not computed FAIL".to_owned(),
        ComparisonOutcome::NotApplicable => "-".to_owned(),
    }
}
