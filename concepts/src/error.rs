//! What can be wrong with a registry file, in messages that name the file, the entry, the field and the value.

use std::path::PathBuf;

/// A result of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a registry could not be read; each is the mistake of the person who wrote the file.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The file cannot be read.
    #[error("cannot read `{}`: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// The system's error.
        source: std::io::Error,
    },
    /// The file is not TOML.
    #[error("`{file}`: {problem}")]
    Malformed {
        /// The file.
        file: String,
        /// What is wrong, with its line.
        problem: String,
    },
    /// A field of the file itself has a wrong value.
    #[error("`{file}`: `{field}` is {value}; expected {expected}")]
    Header {
        /// The file.
        file: String,
        /// The field.
        field: &'static str,
        /// Its value.
        value: String,
        /// The allowed values.
        expected: String,
    },
    /// An entry cannot be read.
    #[error("`{file}`, concept `{entry}`: {problem}")]
    Entry {
        /// The file.
        file: String,
        /// Id of the concept, or its position such as `#3` if it has none.
        entry: String,
        /// What is wrong, with the field.
        problem: String,
    },
    /// A field of an entry has a wrong value.
    #[error("`{file}`, concept `{entry}`: `{field}` is {value}; expected {expected}")]
    Field {
        /// The file.
        file: String,
        /// Id of the concept.
        entry: String,
        /// The field.
        field: &'static str,
        /// Its value; text is quoted.
        value: String,
        /// The allowed values.
        expected: String,
    },
    /// Two concepts share a name.
    #[error(
        "`{file}`, concept `{entry}`: the name `{name}` already belongs to the concept `{other}` of `{other_file}`"
    )]
    NameClash {
        /// The later file.
        file: String,
        /// The later concept.
        entry: String,
        /// The name, as the later concept writes it.
        name: String,
        /// The earlier concept.
        other: String,
        /// Its file.
        other_file: String,
    },
    /// A calibration file is malformed.
    #[error("`{}` is malformed: {problem}", path.display())]
    Calibration {
        /// The file.
        path: PathBuf,
        /// What is wrong, with the field.
        problem: String,
    },
    /// A calibration belongs to another bundle.
    #[error("`{}` calibrates the bundle `{found}`; the bundle in use is `{expected}`", path.display())]
    OtherCalibration {
        /// The file.
        path: PathBuf,
        /// Fingerprint of the bundle that it calibrates.
        found: String,
        /// Fingerprint of the bundle in use.
        expected: String,
    },
    /// The encoder fails.
    #[error("{0}")]
    Encoder(Box<nocturne_encoder::Error>),
    /// Bytes are not a track.
    #[error("the track is malformed: {problem}")]
    Track {
        /// What is wrong.
        problem: &'static str,
    },
}

impl Error {
    pub(crate) fn encoder(error: nocturne_encoder::Error) -> Self {
        Self::Encoder(Box::new(error))
    }

    pub(crate) fn track(problem: &'static str) -> Self {
        Self::Track { problem }
    }

    /// Returns the next step for the user, if there is one.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::NameClash { .. } => Some("give the concept another name"),
            Self::Entry { .. } | Self::Field { .. } => {
                Some("the comments of the shipped registry describe every field")
            }
            Self::Encoder(error) => error.hint(),
            Self::OtherCalibration { .. } => Some("calibrate the bundle in use on scored nights"),
            Self::Io { .. }
            | Self::Malformed { .. }
            | Self::Header { .. }
            | Self::Calibration { .. }
            | Self::Track { .. } => None,
        }
    }
}
