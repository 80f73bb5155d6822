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
            Self::Edf(error) => error.hint(),
            Self::SamplingRate { .. } => {
                Some("correct the field with an EDF header editor, or export the recording again")
            }
            Self::Annotations { .. } => {
                Some("export the annotations again, or move the file away to go on without")
            }
            Self::NoChannel { .. } => {
                Some("`nocturne inspect FILE` lists the signals; name them in a profile file")
            }
            Self::NoEpoch { .. } => Some("shorter stretches cannot be scored in 30-second epochs"),
            Self::TooLong { .. } => Some("split the recording into nights"),
            Self::UnknownProfile { .. } => {
                Some("to read by a profile of your own, give the path of its TOML file")
            }
            Self::Io { .. } | Self::DataFile { .. } => None,
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
