//! What can be wrong with a bundle, a text or the runtime.

use std::path::PathBuf;

/// The result of encoding.
pub type Result<T> = std::result::Result<T, Error>;

/// Why something could not be encoded.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A file of the bundle cannot be read or written; the machine's or the caller's mistake.
    #[error("cannot {action} `{}`: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried, as a verb.
        action: &'static str,
        /// The system's answer.
        source: std::io::Error,
    },
    /// The folder is no model bundle.
    #[error("`{}` is not a model bundle: it has no `bundle.toml`", path.display())]
    NotABundle {
        /// The folder.
        path: PathBuf,
    },
    /// `bundle.toml` breaks its format.
    #[error("`{}` cannot be understood: {problem}", path.display())]
    Manifest {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// A file of the bundle is not the one that its manifest describes.
    #[error("`{}` has the SHA-256 {found}; `bundle.toml` expects {expected}", path.display())]
    Hash {
        /// The file.
        path: PathBuf,
        /// What the file has.
        found: String,
        /// What the manifest says.
        expected: String,
    },
    /// A vector cannot be brought to unit length.
    #[error("a vector of {dim} numbers {problem}; it has no direction")]
    NoDirection {
        /// Length of the vector.
        dim: usize,
        /// `is zero` or `holds a value that is not finite`.
        problem: &'static str,
    },
}

impl Error {
    pub(crate) fn io(
        path: &std::path::Path,
        action: &'static str,
    ) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Io { path: path.to_owned(), action, source }
    }

    /// Returns the next step for the user, where there is one.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Io { .. } | Self::NoDirection { .. } => None,
            Self::NotABundle { .. } => {
                Some("`--bundle` names the folder that holds `bundle.toml` and its models")
            }
            Self::Manifest { .. } => {
                Some("the bundle may be of a newer version of Nocturne, or damaged")
            }
            Self::Hash { .. } => Some("the file was changed or damaged; copy the bundle again"),
        }
    }
}
