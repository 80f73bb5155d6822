//! Errors of reading recordings, which name the file, the field, its value and what was expected.

use std::fmt;
use std::path::{Path, PathBuf};

/// The result of reading a recording or a table.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a file cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A table of recordings cannot be read; its writer's mistake.
    #[error("cannot read the table `{}`: {problem}", path.display())]
    List {
        /// The table.
        path: PathBuf,
        /// Why.
        problem: String,
    },
    /// The operating system refused; the caller's or the machine's mistake.
    #[error("cannot {action} `{}`: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried, as a verb.
        action: &'static str,
        /// The system's answer.
        source: std::io::Error,
    },
    /// The path is not a regular file but a folder, a pipe, a socket or a device.
    #[error("`{}` is {found}; expected a file", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
        /// What it is.
        found: &'static str,
    },
    /// An EDF or BDF file cannot be read or written.
    #[error(transparent)]
    Edf(#[from] nocturne_edf::Error),
    /// A signal that feeds the montage has a sampling rate that cannot be converted to 64 Hz.
    #[error(
        "`{}`: signal {} has {samples_per_record} samples in {record_duration_s} s; expected a sampling rate that can \
         be converted to 64 Hz",
        path.display(),
        quoted(label)
    )]
    SamplingRate {
        /// The file.
        path: PathBuf,
        /// The label of the signal.
        label: String,
        /// Samples in a data record.
        samples_per_record: usize,
        /// Duration of a data record in seconds.
        record_duration_s: f64,
    },
    /// An annotation file is invalid.
    #[error("`{}`{location}: {problem}", path.display())]
    Annotations {
        /// The file.
        path: PathBuf,
        /// Where in the file.
        location: AnnotationLocation,
        /// What is wrong.
        problem: String,
    },
    /// The scorer that the user chose scored nothing, but others did; the caller's mistake.
    #[error(
        "`{}` has no scoring of {}; expected one of {}",
        path.display(),
        quoted(scorer),
        known.iter().map(|name| quoted(name)).collect::<Vec<_>>().join(", ")
    )]
    Scorer {
        /// The recording.
        path: PathBuf,
        /// The scorer.
        scorer: String,
        /// The scorers, files and annotation signals with a scoring.
        known: Vec<String>,
    },
    /// No signal of the recording feeds a channel of the montage.
    #[error("`{}` has no signal for any channel of the montage; its labels are {labels}", path.display())]
    NoChannel {
        /// The file.
        path: PathBuf,
        /// The labels in the file, quoted.
        labels: String,
    },
    /// The recording has no complete epoch.
    #[error("`{}` has no complete 30-second epoch; the longest part without a gap lasts {longest_s} s", path.display())]
    NoEpoch {
        /// The file.
        path: PathBuf,
        /// Length of the longest part without a gap in seconds.
        longest_s: f64,
    },
    /// The recording is too long to be kept in memory.
    #[error("`{}` lasts {hours:.1} h; expected at most {limit_hours} h", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
        /// Recorded time in hours.
        hours: f64,
        /// The limit in hours.
        limit_hours: u32,
    },
    /// There is no embedded profile with that name; the caller's mistake.
    #[error("unknown profile `{name}`; expected one of {known}")]
    UnknownProfile {
        /// The name.
        name: String,
        /// The names of the embedded profiles, quoted.
        known: String,
    },
    /// A profile file is invalid; its writer's mistake.
    #[error("`{name}`: {problem}")]
    DataFile {
        /// Name of the file.
        name: String,
        /// What is wrong.
        problem: String,
    },
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
            Self::List { .. } => Some(
                "a table is CSV with a header, JSON lines or Parquet, with a column `recording` and optionally \
                 `annotations`, `subject` and metadata",
            ),
            Self::NotAFile { .. } => Some("name a file; a folder can be indexed as a whole"),
            Self::Edf(error) => error.hint(),
            Self::SamplingRate { .. } => {
                Some("correct the field with an EDF header editor, or export the recording again")
            }
            Self::Annotations { .. } => Some(
                "export the annotations again, or move the file away to read the recording without it",
            ),
            Self::Scorer { .. } => Some("leave out the scorer to use the first scoring"),
            Self::NoChannel { .. } => {
                Some("inspect the recording and assign its signals to channels in a profile")
            }
            Self::NoEpoch { .. } => Some("shorter parts cannot be scored in 30-second epochs"),
            Self::TooLong { .. } => Some("split the recording into nights"),
            Self::UnknownProfile { .. } => Some("to use a profile of your own, name its TOML file"),
            Self::Io { .. } | Self::DataFile { .. } => None,
        }
    }
}

/// Where in an annotation file something is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AnnotationLocation {
    /// In the file as a whole.
    File,
    /// In a line, counted from 1.
    Line(usize),
    /// At an offset in bytes, counted from 0 after the text was decoded to UTF-8.
    Byte(u64),
}

impl fmt::Display for AnnotationLocation {
    /// Writes what follows the path in a message: `, line 17`, or nothing for the file as a whole.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File => Ok(()),
            Self::Line(line) => write!(f, ", line {line}"),
            Self::Byte(byte) => write!(f, ", byte {byte}"),
        }
    }
}

/// Returns a text for a message: in back-ticks, with control characters escaped, cut after 60 characters.
pub(crate) fn quoted(text: &str) -> String {
    const MAX_CHARS: usize = 60;
    let escaped: String = text.chars().take(MAX_CHARS).flat_map(char::escape_debug).collect();
    let rest = if text.chars().count() > MAX_CHARS { "…" } else { "" };
    format!("`{escaped}{rest}`")
}

/// Returns a count with its noun: `1 annotation`, `2 annotations`.
pub(crate) fn counted(n: usize, singular: &str) -> String {
    format!("{n} {singular}{}", if n == 1 { "" } else { "s" })
}

/// Returns a sentence with control characters escaped, cut after 600 characters.
///
/// Messages of parsers may repeat their input.
pub(crate) fn on_one_line(sentence: &str) -> String {
    const MAX_CHARS: usize = 600;
    let escape = |c: char| {
        let escaped = c.is_control().then(|| c.escape_debug());
        let printable = escaped.is_none().then_some(c);
        escaped.into_iter().flatten().chain(printable)
    };
    let rest = if sentence.chars().nth(MAX_CHARS).is_some() { "…" } else { "" };
    sentence.chars().take(MAX_CHARS).flat_map(escape).chain(rest.chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_are_escaped_and_cut() {
        assert_eq!(on_one_line("`a\x1b[2J\nb` is “no” 'tag'"), "`a\\u{1b}[2J\\nb` is “no” 'tag'");
        assert_eq!(on_one_line(&"é".repeat(700)), format!("{}…", "é".repeat(600)));
    }
}
