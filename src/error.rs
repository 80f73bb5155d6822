//! Reports errors to the user and chooses the exit code.

use std::process::ExitCode;

use crate::{console, hint};

/// The result of a command that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CommandOutcome {
    /// Everything was done; exit code 0.
    Done,
    /// Some items were skipped and reported; exit code 3.
    PartlyDone,
}

impl From<CommandOutcome> for ExitCode {
    fn from(outcome: CommandOutcome) -> Self {
        match outcome {
            CommandOutcome::Done => Self::SUCCESS,
            CommandOutcome::PartlyDone => Self::from(3),
        }
    }
}

/// Writes the error and a hint to standard error, and returns exit code 1.
///
/// A closed pipe is not an error: the reader of the output, such as `head`, has seen enough.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    let is_closed = |source: &std::io::Error| source.kind() == std::io::ErrorKind::BrokenPipe;
    if error.downcast_ref().is_some_and(is_closed) {
        return ExitCode::SUCCESS;
    }
    console::note(format_args!("error: {}", sentence(error)));
    if let Some(hint) = error.chain().find_map(hint::of) {
        console::note(format_args!("\nhint: {hint}"));
    }
    ExitCode::FAILURE
}

/// Returns the error and its causes as one sentence, without those that the message before ends with.
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
    fn a_cause_is_reported_once() {
        let repeated =
            Err::<(), _>(anyhow!("no such file")).context("cannot read `a`: no such file");
        assert_eq!(sentence(&repeated.unwrap_err()), "cannot read `a`: no such file");
        let added = Err::<(), _>(anyhow!("no such file")).context("cannot read `a`");
        assert_eq!(sentence(&added.unwrap_err()), "cannot read `a`: no such file");
    }
}
