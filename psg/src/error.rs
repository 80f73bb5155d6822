//! What can be wrong with a recording, in sentences that name the file, the field, the value and the expectation.

use std::path::{Path, PathBuf};

/// The result of reading a recording.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a file was refused.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A list of recordings cannot be read as a whole; its writer's mistake.
    #[error("the list `{}` cannot be used: {problem}", path.display())]
    List {
        /// The list.
        path: PathBuf,
        /// What is wrong with it.
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
    /// The path leads to something that is no regular file, such as a folder, a pipe or a device.
    #[error("`{}` is {found}; expected a file", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
        /// What is there.
        found: &'static str,
    },
    /// The file does not begin like any recording format that is read here.
    #[error("`{}` is not a recording: {found}; expected EDF, EDF+, BDF or BDF+", path.display())]
    NotARecording {
        /// The file.
        path: PathBuf,
        /// What it begins with.
        found: String,
    },
    /// A header field cannot be understood, and nothing else in the file tells its value.
    #[error("`{}`: the header field `{field}` holds {value}; expected {expected}", path.display())]
    Header {
        /// The file.
        path: PathBuf,
        /// The field's name in the format's specification, with the signal it belongs to.
        field: String,
        /// The field's text, quoted.
        value: String,
        /// What it should hold.
        expected: String,
    },
    /// The file ends inside its header.
    #[error("`{}` ends after {found} bytes; its header takes {needed}", path.display())]
    HeaderCut {
        /// The file.
        path: PathBuf,
        /// Bytes there.
        found: u64,
        /// Bytes that the header needs.
        needed: u64,
    },
    /// The records of a discontinuous file contradict each other.
    #[error("`{}`: data record {record} {problem}", path.display())]
    Timeline {
        /// The file.
        path: PathBuf,
        /// The record, counted from 0.
        record: u64,
        /// What is wrong with it.
        problem: String,
    },
    /// A file of annotations breaks its format.
    #[error("`{}`, {place}: {problem}", path.display())]
    Annotations {
        /// The file.
        path: PathBuf,
        /// Where in the file, such as `byte 1204` or `line 17`.
        place: String,
        /// What is wrong there.
        problem: String,
    },
    /// No signal of the recording feeds a channel of the montage.
    #[error("`{}` has no signal for any channel of the montage; its labels are {labels}", path.display())]
    NoChannel {
        /// The file.
        path: PathBuf,
        /// The labels in the file, quoted.
        labels: String,
    },
    /// The recording holds no complete epoch.
    #[error("`{}` holds no complete 30-second epoch; its longest stretch without a gap lasts {longest_s} s", path.display())]
    NoEpoch {
        /// The file.
        path: PathBuf,
        /// Length of the longest segment in seconds.
        longest_s: f64,
    },
    /// The recording is longer than is held in memory at once.
    #[error("`{}` lasts {hours:.1} h; expected at most {limit_hours} h", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
        /// Recorded time in hours.
        hours: f64,
        /// The limit in hours.
        limit_hours: u32,
    },
    /// Most of the file has no place on the disk: it was made long and never filled.
    #[error("`{}`: {unwritten} of its {bytes} bytes were never written to the disk; expected samples", path.display())]
    Unwritten {
        /// The file.
        path: PathBuf,
        /// Bytes of data records without a place on the disk.
        unwritten: u64,
        /// Bytes of data records.
        bytes: u64,
    },
    /// No embedded profile has that name; the caller's mistake.
    #[error("no profile is called `{name}`; expected one of {known}")]
    UnknownProfile {
        /// The name.
        name: String,
        /// The names that there are, quoted.
        known: String,
    },
    /// A profile or template file breaks its format; the mistake of whoever wrote it.
    #[error("`{name}`: {problem}")]
    DataFile {
        /// The file's name.
        name: String,
        /// What is wrong.
        problem: String,
    },
    /// A recording that is to be written does not fit the format.
    #[error("cannot write `{}`: {problem}", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        problem: String,
    },
}

impl Error {
    pub(crate) fn io(path: &Path, action: &'static str) -> impl FnOnce(std::io::Error) -> Self {
        move |source| Self::Io { path: path.to_owned(), action, source }
    }

    /// Returns the next step for the user, where there is one.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound => {
                Some("check the path; names are case-sensitive")
            }
            Self::List { .. } => Some(
                "a list is CSV with a header or JSON lines, with `recording` and, as you like, `annotations`, \
                 `subject` and metadata",
            ),
            Self::NotAFile { .. } => {
                Some("name a recording file, or index the folder that holds it")
            }
            Self::NotARecording { .. } => {
                Some("convert the recording to EDF+ with the tool of its manufacturer")
            }
            Self::Header { .. } => {
                Some("correct the field with an EDF header editor, or export the recording again")
            }
            Self::HeaderCut { .. } => Some("copy the file again; it was cut short"),
            Self::Timeline { .. } => {
                Some("export the recording again; its time line contradicts itself")
            }
            Self::Annotations { .. } => {
                Some("export the annotations again, or move the file away to go on without")
            }
            Self::NoChannel { .. } => {
                Some("`nocturne inspect FILE` lists the signals; name them in a profile file")
            }
            Self::NoEpoch { .. } => Some("shorter stretches cannot be scored in 30-second epochs"),
            Self::Unwritten { .. } => Some("copy the file again; the copy was not finished"),
            Self::TooLong { .. } => Some("split the recording into nights"),
            Self::UnknownProfile { .. } => {
                Some("to read by a profile of your own, give the path of its TOML file")
            }
            Self::Io { .. } | Self::DataFile { .. } | Self::Unwritable { .. } => None,
        }
    }
}

/// Returns the text in back-ticks with control characters escaped and overlong text cut, fit for a message.
pub(crate) fn quoted(text: &str) -> String {
    const LONGEST: usize = 60;
    let escaped: String = text.chars().take(LONGEST).flat_map(char::escape_debug).collect();
    let rest = if text.chars().count() > LONGEST { "…" } else { "" };
    format!("`{escaped}{rest}`")
}

/// Returns a sentence without control characters, cut where it is overlong: libraries repeat what they read.
pub(crate) fn on_one_line(sentence: &str) -> String {
    const LONGEST: usize = 600;
    let escape = |c: char| {
        let escaped = c.is_control().then(|| c.escape_debug());
        let kept = escaped.is_none().then_some(c);
        escaped.into_iter().flatten().chain(kept)
    };
    let rest = if sentence.chars().nth(LONGEST).is_some() { "…" } else { "" };
    sentence.chars().take(LONGEST).flat_map(escape).chain(rest.chars()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sentences_hold_no_control_characters_and_end() {
        assert_eq!(on_one_line("`a\x1b[2J\nb` is “no” 'tag'"), "`a\\u{1b}[2J\\nb` is “no” 'tag'");
        assert_eq!(on_one_line(&"é".repeat(700)), format!("{}…", "é".repeat(600)));
    }
}
