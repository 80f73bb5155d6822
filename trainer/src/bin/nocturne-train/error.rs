//! How errors reach the user, and with which exit code.

use std::process::ExitCode;

use crate::console;

/// How a command ended that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All of it was done.
    Done,
    /// Some recordings were passed over, and named.
    PartlyDone,
}

impl From<Outcome> for ExitCode {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Done => Self::SUCCESS,
            Outcome::PartlyDone => Self::from(3),
        }
    }
}

/// Tells the error and the next step on standard error, and returns exit code 1.
///
/// A reader that closed our output wants no more of it: that is no error.
pub(crate) fn report(error: &anyhow::Error) -> ExitCode {
    let is_closed = |source: &std::io::Error| source.kind() == std::io::ErrorKind::BrokenPipe;
    if error.downcast_ref().is_some_and(is_closed) {
        return ExitCode::SUCCESS;
    }
    console::note(format_args!("error: {error:#}"));
    let hint = |source: &(dyn std::error::Error + 'static)| {
        source.downcast_ref().and_then(nocturne_trainer::Error::hint)
    };
    if let Some(hint) = error.chain().find_map(hint) {
        console::note(format_args!("\nhint: {hint}"));
    }
    ExitCode::FAILURE
}
