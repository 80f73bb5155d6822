//! Errors of a checkpoint before the file name is added.

use std::fmt::Display;
use std::path::Path;

use crate::error::{Error, ForeignFile};

/// An error of reading a checkpoint.
#[derive(Debug)]
pub(super) enum CheckpointError {
    /// The system could not read the file.
    Io(std::io::Error),
    /// The file breaks its format; a sentence without its subject, the file.
    Invalid(String),
    /// The file refers to something that is not data, by its name in Python.
    ForbiddenCall(String),
    /// The file is not a checkpoint.
    ForeignFile(ForeignFile),
}

pub(super) type Result<T> = std::result::Result<T, CheckpointError>;

impl CheckpointError {
    /// Adds the name of the file.
    pub(super) fn in_file(self, path: &Path) -> Error {
        match self {
            Self::Io(source) => Error::Io { path: path.to_owned(), action: "read", source },
            Self::Invalid(problem) => Error::format(path, problem),
            Self::ForbiddenCall(callable) => {
                Error::ForbiddenCall { path: path.to_owned(), callable }
            }
            Self::ForeignFile(found) => Error::NotACheckpoint { path: path.to_owned(), found },
        }
    }
}

impl From<std::io::Error> for CheckpointError {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

/// Returns the error of a file that breaks its format.
pub(super) fn invalid(problem: impl Into<String>) -> CheckpointError {
    CheckpointError::Invalid(problem.into())
}

/// Fails with a problem unless a condition holds.
pub(super) fn expect(holds: bool, problem: impl FnOnce() -> String) -> Result<()> {
    if holds { Ok(()) } else { Err(CheckpointError::Invalid(problem())) }
}

/// Returns a text from the file in back-ticks, with control characters escaped and cut to 100 characters.
pub(super) fn quoted(text: impl Display) -> String {
    const MAX_CHARS: usize = 100;
    let text = text.to_string();
    let escaped: String = text.chars().take(MAX_CHARS).flat_map(char::escape_debug).collect();
    let rest = if text.chars().nth(MAX_CHARS).is_some() { "…" } else { "" };
    format!("`{escaped}{rest}`")
}
