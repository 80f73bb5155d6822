//! Errors of writing a simulated night and of reading a truth file.

use std::path::{Path, PathBuf};

/// The result of writing or reading a simulated night.
pub type Result<T> = std::result::Result<T, Error>;

/// An error of writing a night or reading a truth file.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system reports an error; the caller's or the machine's mistake.
    #[error("cannot {action} `{}`: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The failed action, as a verb.
        action: &'static str,
        /// The error of the system.
        source: std::io::Error,
    },
    /// The file is not JSON, or a field of a truth file is missing or has the wrong type.
    #[error("`{}` is not a truth file: {source}", path.display())]
    NotATruthFile {
        /// The file.
        path: PathBuf,
        /// The field and position at which parsing failed.
        source: serde_json::Error,
    },
    /// The truth file has a format that this version does not read.
    #[error("`{}`: the field `format` is {found}; expected {expected}", path.display())]
    TruthFormat {
        /// The file.
        path: PathBuf,
        /// The format in the file.
        found: u32,
        /// The format that is read.
        expected: u32,
    },
    /// The recording could not be written.
    #[error(transparent)]
    Recording(#[from] nocturne_edf::Error),
}

impl Error {
    pub(crate) fn io(path: &Path, action: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Io { path: path.to_owned(), action, source }
    }

    /// Returns the next step for the user, if there is one.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
                Some("check the path; names are case-sensitive")
            }
            Self::NotATruthFile { .. } | Self::TruthFormat { .. } => Some(
                "simulate the night again, or move the truth file away to read the recording without it",
            ),
            Self::Recording(error) => error.hint(),
            Self::Io { .. } => None,
        }
    }
}
