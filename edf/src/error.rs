//! Why a file cannot be read or written.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::format::EdfFormat;
use crate::quoted::quoted;

/// The result of reading or writing a file.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why a file cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The operating system refused; a mistake of the caller or a fault of the machine.
    #[error("cannot {action} `{}`: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What was tried: a verb, such as `read`.
        action: &'static str,
        /// The error of the operating system.
        source: io::Error,
    },
    /// The path is not a regular file; the caller's mistake.
    #[error("`{}` is {found}; expected a file", path.display())]
    NotAFile {
        /// The path.
        path: PathBuf,
        /// What it is instead, such as `a folder`.
        found: &'static str,
    },
    /// The file starts with neither the version of EDF (`0`) nor that of BDF (`\xffBIOSEMI`).
    #[error("`{}` is not an EDF or BDF file: {}", path.display(), first_bytes(start))]
    NotEdf {
        /// The file.
        path: PathBuf,
        /// The first eight bytes, or as many as there are.
        start: Vec<u8>,
    },
    /// A header field cannot be understood, and nothing else in the file gives its value; the mistake of the program
    /// that wrote the file.
    #[error("`{}`: header field {field} is {}; expected {expected}", path.display(), quoted(value))]
    Header {
        /// The file.
        path: PathBuf,
        /// The field.
        field: HeaderField,
        /// The text in the field.
        value: String,
        /// What the field should contain.
        expected: String,
    },
    /// The file ends inside its header: a truncated copy.
    #[error("`{}` ends after {found} bytes, inside its header of {needed} bytes", path.display())]
    TruncatedHeader {
        /// The file.
        path: PathBuf,
        /// Length of the file in bytes.
        found: u64,
        /// Length of the header in bytes, as far as it is known.
        needed: u64,
    },
    /// The onsets of the data records of a discontinuous file are missing or contradict each other; the mistake of the
    /// program that wrote the file.
    #[error("`{}`: data record {record} {problem}", path.display())]
    Timeline {
        /// The file.
        path: PathBuf,
        /// The data record, counted from 0.
        record: u64,
        /// What is wrong with its onset.
        problem: TimelineProblem,
    },
    /// The file has more annotations than are kept in memory.
    #[error("`{}`, data record {record}: the file has more than {limit}", path.display())]
    AnnotationLimit {
        /// The file.
        path: PathBuf,
        /// The data record that exceeds the limit, counted from 0.
        record: u64,
        /// The limit.
        limit: AnnotationLimit,
    },
    /// The recording is longer than any recorder writes to one file.
    #[error("`{}` lasts {hours:.1} h; expected at most {limit_hours} h", path.display())]
    TooLong {
        /// The file.
        path: PathBuf,
        /// Recorded time in hours.
        hours: f64,
        /// The limit in hours.
        limit_hours: u32,
    },
    /// Most of the file was never written to disk: an interrupted copy.
    #[error("`{}`: {unwritten} of its {bytes} bytes were never written to disk; expected samples", path.display())]
    Unwritten {
        /// The file.
        path: PathBuf,
        /// Bytes of data records that were never written.
        unwritten: u64,
        /// Bytes of data records.
        bytes: u64,
    },
    /// A data record is too long to be copied whole.
    #[error("`{}` has data records of {bytes} bytes; expected at most {limit}", path.display())]
    RecordTooLong {
        /// The file.
        path: PathBuf,
        /// Length of a data record in bytes.
        bytes: u64,
        /// The limit in bytes.
        limit: u64,
    },
    /// The recording to be written does not fit the format, or the file exists; the caller's mistake.
    #[error("cannot write `{}`: {problem}", path.display())]
    Unwritable {
        /// The file.
        path: PathBuf,
        /// What does not fit.
        problem: WriteProblem,
    },
}

impl Error {
    /// Returns a function that adds the path and what was tried to an error of the operating system.
    pub(crate) fn io(path: &Path, action: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Io { path: path.to_owned(), action, source }
    }

    /// Returns what the user can do about the error, if anything is known.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Io { source, .. } if source.kind() == io::ErrorKind::NotFound => {
                Some("check the path; names are case-sensitive")
            }
            Self::NotAFile { .. } => Some("give the path of a recording file"),
            Self::NotEdf { .. } => {
                Some("convert the recording to EDF+ with the software of its manufacturer")
            }
            Self::Header { .. } => {
                Some("correct the field with an EDF header editor, or export the recording again")
            }
            Self::TruncatedHeader { .. } => Some("copy the file again; it is truncated"),
            Self::Timeline { .. } => {
                Some("export the recording again; the onsets of its data records are wrong")
            }
            Self::AnnotationLimit { .. } => Some("export the annotations again"),
            Self::TooLong { .. } => Some("split the recording into shorter files"),
            Self::Unwritten { .. } => Some("copy the file again; the copy was interrupted"),
            Self::Io { .. } | Self::RecordTooLong { .. } | Self::Unwritable { .. } => None,
        }
    }
}

fn first_bytes(start: &[u8]) -> String {
    if start.is_empty() {
        "it is empty".to_owned()
    } else {
        format!("it starts with {}", quoted(&String::from_utf8_lossy(start)))
    }
}

/// A field of the header, by its name in the EDF specification.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderField {
    /// The name, such as `physical minimum`.
    pub name: &'static str,
    /// The signal that the field belongs to.
    pub signal: Option<HeaderFieldSignal>,
}

/// The signal that a header field belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeaderFieldSignal {
    /// The number of the signal, counted from 1.
    pub number: usize,
    /// The label; empty for the field `label` itself.
    pub label: String,
}

impl HeaderField {
    /// Returns a field of the file.
    pub(crate) fn of_file(name: &'static str) -> Self {
        Self { name, signal: None }
    }

    /// Returns a field of a signal, given by its index.
    pub(crate) fn of_signal(name: &'static str, idx: usize, label: &str) -> Self {
        Self { name, signal: Some(HeaderFieldSignal { number: idx + 1, label: label.to_owned() }) }
    }
}

impl fmt::Display for HeaderField {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`", self.name)?;
        match &self.signal {
            Some(signal) if signal.label.is_empty() => write!(f, " of signal {}", signal.number),
            Some(signal) => write!(f, " of signal {} ({})", signal.number, quoted(&signal.label)),
            None => Ok(()),
        }
    }
}

/// What is wrong with the onset of a data record.
#[derive(Debug, Clone, Copy, PartialEq, thiserror::Error)]
pub enum TimelineProblem {
    /// The data record starts before the end of the previous one.
    #[error(
        "starts at {onset_s} s, before the end of the previous data record at {previous_end_s} s"
    )]
    Overlap {
        /// Onset in seconds from the start of the recording.
        onset_s: f64,
        /// End of the previous data record in seconds from the start of the recording.
        previous_end_s: f64,
    },
    /// The data record starts before the start of the recording.
    #[error("starts at {onset_s} s, before the start of the recording")]
    BeforeStart {
        /// Onset in seconds from the start of the recording.
        onset_s: f64,
    },
    /// There are more gaps than are kept in memory.
    #[error("follows gap {limit}; expected fewer gaps")]
    TooManyGaps {
        /// The limit.
        limit: usize,
    },
    /// The data record has no time-keeping annotation.
    #[error("has no time-keeping annotation, so its onset is unknown")]
    NoTimeKeeping,
    /// The file is discontinuous, but no signal contains annotations.
    #[error("has no onset: the file is {format} but has no annotation signal")]
    NoAnnotationSignal {
        /// The format that the header declares.
        format: EdfFormat,
    },
}

/// What is kept of the annotations of a file at most.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AnnotationLimit {
    /// Number of annotations.
    #[error("{0} annotations")]
    Count(usize),
    /// Length of all texts together, in bytes.
    #[error("{0} bytes of annotation text")]
    TextBytes(usize),
}

/// Why a recording cannot be written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum WriteProblem {
    /// A text does not fit into its header field.
    #[error("header field {} does not fit into {width} ASCII characters", quoted(text))]
    HeaderField {
        /// The text.
        text: String,
        /// Width of the field in bytes.
        width: usize,
    },
    /// A signal does not have as many samples as its data records.
    #[error("signal {} has {found} samples; expected {expected}", quoted(label))]
    SampleCount {
        /// The label of the signal.
        label: String,
        /// Samples given.
        found: usize,
        /// Samples in all data records.
        expected: usize,
    },
    /// The file exists and is not overwritten.
    #[error("the file already exists")]
    AlreadyExists,
}
