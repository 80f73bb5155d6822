//! What can be wrong with a checkpoint, before it is known which file it is of.

use std::fmt::Display;
use std::path::Path;

use super::sniff::Mistaken;
use crate::Error;

/// Why a checkpoint cannot be read.
#[derive(Debug)]
pub(super) enum Problem {
    /// The system could not read.
    Io(std::io::Error),
    /// The file breaks its format; a sentence without its subject, the file.
    Broken(String),
    /// The file asks for something that is not data, by its name in Python.
    Code(String),
    /// The file is something else.
    Mistaken(Mistaken),
}

pub(super) type Result<T> = std::result::Result<T, Problem>;

impl Problem {
    /// Names the file.
    pub(super) fn of(self, path: &Path) -> Error {
        match self {
            Self::Io(source) => Error::Io { path: path.to_owned(), action: "read", source },
            Self::Broken(problem) => Error::format(path, problem),
            Self::Code(callable) => Error::Code { path: path.to_owned(), callable },
            Self::Mistaken(found) => Error::NotACheckpoint { path: path.to_owned(), found },
        }
    }
}

impl From<std::io::Error> for Problem {
    fn from(error: std::io::Error) -> Self {
        Self::Io(error)
    }
}

/// Returns the problem that a sentence tells.
pub(super) fn broken(problem: impl Into<String>) -> Problem {
    Problem::Broken(problem.into())
}

/// Refuses what does not hold.
pub(super) fn expect(holds: bool, problem: impl FnOnce() -> String) -> Result<()> {
    if holds { Ok(()) } else { Err(Problem::Broken(problem())) }
}

/// Returns what a file says in back-ticks, with control characters escaped and cut where it is overlong.
pub(super) fn quoted(text: impl Display) -> String {
    const LONGEST: usize = 100;
    let text = text.to_string();
    let escaped: String = text.chars().take(LONGEST).flat_map(char::escape_debug).collect();
    let rest = if text.chars().nth(LONGEST).is_some() { "…" } else { "" };
    format!("`{escaped}{rest}`")
}
