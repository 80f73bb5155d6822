//! Reports errors, and maps results to exit codes.

use std::process::ExitCode;

use crate::{console, hint};

/// The result of a command that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CommandOutcome {
    /// Success.
    Done,
    /// Some recordings were skipped and reported.
    PartlyDone,
    /// The parity comparison failed, and the report shows where.
    ParityFailed,
}

impl From<CommandOutcome> for ExitCode {
    fn from(outcome: CommandOutcome) -> Self {
        match outcome {
            CommandOutcome::Done => Self::SUCCESS,
            CommandOutcome::PartlyDone => Self::from(3),
            CommandOutcome::ParityFailed => Self::FAILURE,
        }
    }
}

/// Prints the error and its hint to standard error, and returns exit code 1.
///
/// A broken pipe is not an error: the reader has read enough.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    let is_closed = |source: &std::io::Error| source.kind() == std::io::ErrorKind::BrokenPipe;
    if error.downcast_ref().is_some_and(is_closed) {
        return ExitCode::SUCCESS;
    }
    console::note(format_args!("error: {}", sentence(error)));
    let hint =
        |source: &(dyn std::error::Error + 'static)| source.downcast_ref().and_then(hint::of);
    if let Some(hint) = error.chain().find_map(hint) {
        console::note(format_args!("\nhint: {hint}"));
    }
    ExitCode::FAILURE
}

/// Returns the error and its causes, except those whose text ends a previous message.
fn sentence(error: &anyhow::Error) -> String {
    let mut sentence = String::new();
    for cause in error.chain().map(ToString::to_string) {
        if sentence.is_empty() {
            sentence = cause;
        } else if !sentence.ends_with(&cause) {
            sentence = format!("{sentence}: {cause}");
        }
    }
    sentence
}

#[cfg(test)]
mod tests {
    use anyhow::{Context, anyhow};

    use super::*;

    #[test]
    fn repeats_no_cause() {
        let reported =
            Err::<(), _>(anyhow!("no such file")).context("cannot read `a`: no such file");
        assert_eq!(sentence(&reported.unwrap_err()), "cannot read `a`: no such file");
        let unreported = Err::<(), _>(anyhow!("no such file")).context("cannot read `a`");
        assert_eq!(sentence(&unreported.unwrap_err()), "cannot read `a`: no such file");
    }
}
