//! How errors reach the user, and with which exit code.

use std::borrow::Cow;
use std::process::ExitCode;

use crate::console;

/// How a command ended that did not fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Outcome {
    /// All of it was done.
    Done,
    /// Some items were passed over, and named.
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
    console::note(format_args!("error: {}", sentence(error)));
    if let Some(hint) = error.chain().find_map(hint) {
        console::note(format_args!("\nhint: {hint}"));
    }
    ExitCode::FAILURE
}

/// Returns the error and its causes, less those that a message before has told already.
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

/// Returns the next step that one of our libraries knows.
fn hint<'a>(error: &'a (dyn std::error::Error + 'static)) -> Option<Cow<'a, str>> {
    None.or_else(|| {
        error.downcast_ref::<nocturne_engine::Error>().and_then(nocturne_engine::Error::hint)
    })
    .or_else(|| {
        error.downcast_ref::<nocturne_indexer::Error>().and_then(nocturne_indexer::Error::hint)
    })
    .or_else(|| error.downcast_ref::<nocturne_index::Error>().and_then(nocturne_index::Error::hint))
    .or_else(|| {
        let hint = error.downcast_ref::<nocturne_encoder::Error>()?.hint();
        hint.map(Cow::Borrowed)
    })
    .or_else(|| {
        let hint = error.downcast_ref::<nocturne_psg::Error>()?.hint();
        hint.map(Cow::Borrowed)
    })
}

#[cfg(test)]
mod tests {
    use anyhow::{Context, anyhow};

    use super::*;

    #[test]
    fn cause_is_told_once() {
        let told = Err::<(), _>(anyhow!("no such file")).context("cannot read `a`: no such file");
        assert_eq!(sentence(&told.unwrap_err()), "cannot read `a`: no such file");
        let untold = Err::<(), _>(anyhow!("no such file")).context("cannot read `a`");
        assert_eq!(sentence(&untold.unwrap_err()), "cannot read `a`: no such file");
    }
}
