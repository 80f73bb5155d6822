//! What is wrong with a file that was read nevertheless.

use std::fmt;

use crate::error::{HeaderField, TimelineProblem};
use crate::format::EdfFormat;
use crate::quoted::{counted, quoted};

/// One fault of a file, and how the file was read nevertheless.
#[derive(Debug, Clone, PartialEq)]
pub enum EdfWarning {
    /// A text field contains bytes that are not ASCII.
    HeaderEncoding {
        /// The field.
        field: HeaderField,
        /// The encoding by which it was read.
        encoding: TextEncoding,
        /// The text.
        value: String,
    },
    /// The length of the header is not what its number of signals makes it; the latter was used.
    HeaderLength {
        /// The text in the field.
        claimed: String,
        /// The length in bytes.
        actual: u64,
    },
    /// A number is written with a decimal comma.
    DecimalComma {
        /// The field.
        field: HeaderField,
        /// The text in the field.
        text: String,
        /// The number that was read.
        number: f64,
    },
    /// The extension of the file name disagrees with its content; the content was believed.
    FileName {
        /// The extension.
        extension: String,
        /// The format of the content: EDF or BDF.
        format: EdfFormat,
    },
    /// The digital minimum of a signal equals its maximum.
    EmptyDigitalRange {
        /// The label of the signal.
        label: String,
    },
    /// The physical minimum of a signal equals its maximum.
    EmptyPhysicalRange {
        /// The label of the signal.
        label: String,
    },
    /// The physical range of a signal exceeds what samples can be scaled to exactly.
    ExcessivePhysicalRange {
        /// The label of the signal.
        label: String,
        /// The physical minimum and maximum.
        range: (f64, f64),
    },
    /// The physical minimum of a signal is above its maximum, or the digital one is, but not both.
    InvertedRange {
        /// The label of the signal.
        label: String,
    },
    /// Several signals have one label.
    DuplicateLabel {
        /// The label.
        label: String,
    },
    /// The start date is not a date.
    StartDate {
        /// The text in the field.
        text: String,
    },
    /// The start time is not a time of day.
    StartTime {
        /// The text in the field.
        text: String,
    },
    /// The number of data records in the header is not the number in the file; the latter was used.
    RecordCount {
        /// The text in the field.
        claimed: String,
        /// Complete data records in the file.
        actual: u64,
    },
    /// The file ends with an incomplete data record, which was ignored.
    TruncatedRecord {
        /// Bytes of the incomplete data record.
        bytes: u64,
        /// Bytes of a complete one.
        record_bytes: u64,
    },
    /// A part of the data was never written to disk and reads as zeros.
    Unwritten {
        /// Bytes that were never written.
        unwritten: u64,
        /// Bytes of data records.
        bytes: u64,
    },
    /// Data records of a continuous file have no time-keeping annotation.
    NoTimeKeeping {
        /// Number of such data records.
        n_records: u64,
    },
    /// The onsets of a continuous file contradict each other and were ignored.
    ContradictoryOnsets {
        /// The first data record that does, counted from 0.
        record: u64,
        /// What is wrong with its onset.
        problem: TimelineProblem,
    },
    /// The file claims to be continuous, but there are gaps between its data records, which were believed.
    UndeclaredGaps {
        /// The format that the header declares.
        format: EdfFormat,
    },
    /// There are gaps between the data records.
    Gaps {
        /// Number of gaps.
        n_gaps: usize,
        /// Length of all gaps together in seconds.
        total_s: f64,
    },
    /// The recorder's clock drifted away from its samples.
    ClockDrift {
        /// Seconds by which the recording is longer by the onsets of its data records than by its samples.
        drift_s: f64,
    },
    /// Annotation lists do not follow the syntax of EDF+ and were ignored.
    InvalidAnnotations {
        /// Number of such lists.
        n_lists: usize,
        /// The data record with the first one, counted from 0.
        first_record: u64,
    },
}

/// The encoding of a text field that is not ASCII.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextEncoding {
    /// UTF-8.
    Utf8,
    /// ISO 8859-1.
    Latin1,
}

impl fmt::Display for TextEncoding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Utf8 => "UTF-8",
            Self::Latin1 => "Latin-1",
        })
    }
}

impl fmt::Display for EdfWarning {
    #[expect(clippy::too_many_lines, reason = "one arm for each warning")]
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::HeaderEncoding { field, encoding, value } => {
                write!(
                    f,
                    "header field {field} is not ASCII; read as {encoding}: {}",
                    quoted(value)
                )
            }
            Self::HeaderLength { claimed, actual } => write!(
                f,
                "header claims to be {} bytes long; by its number of signals it is {actual}, which was used",
                quoted(claimed)
            ),
            Self::DecimalComma { field, text, number } => write!(
                f,
                "header field {field} has a decimal comma, {}; read as {number}",
                quoted(text)
            ),
            Self::FileName { extension, format } => {
                let bits = 8 * format.sample_bytes();
                write!(
                    f,
                    "file name ends in {}, but the content is {format}; read as {bits}-bit samples",
                    quoted(&format!(".{extension}"))
                )
            }
            Self::EmptyDigitalRange { label } => write!(
                f,
                "digital range of {} is empty; its samples cannot be scaled",
                quoted(label)
            ),
            Self::EmptyPhysicalRange { label } => write!(
                f,
                "physical range of {} is empty; all its samples have one value",
                quoted(label)
            ),
            Self::ExcessivePhysicalRange { label, range: (min, max) } => write!(
                f,
                "physical range of {}, {min:e} to {max:e}, is too large; its samples cannot be scaled",
                quoted(label)
            ),
            Self::InvertedRange { label } => {
                write!(f, "range of {} is inverted; its polarity was kept", quoted(label))
            }
            Self::DuplicateLabel { label } => {
                write!(f, "several signals have the label {}", quoted(label))
            }
            Self::StartDate { text } => {
                write!(f, "start date {} is not a valid date; the start is unknown", quoted(text))
            }
            Self::StartTime { text } => write!(
                f,
                "start time {} is not a valid time of day; the start is unknown",
                quoted(text)
            ),
            Self::RecordCount { claimed, actual } => write!(
                f,
                "header counts {} data records; the file has {actual}, which were read",
                quoted(claimed)
            ),
            Self::TruncatedRecord { bytes, record_bytes } => write!(
                f,
                "file ends with an incomplete data record ({bytes} of {record_bytes} bytes); ignored"
            ),
            Self::Unwritten { unwritten, bytes } => write!(
                f,
                "{unwritten} of {bytes} bytes of data were never written to disk, as after an interrupted copy; they \
                 read as zeros"
            ),
            Self::NoTimeKeeping { n_records } => {
                let records = counted(*n_records, "data record");
                write!(f, "{records} without a time-keeping annotation; read as continuous")
            }
            Self::ContradictoryOnsets { record, problem } => write!(
                f,
                "data record {record} {problem}; read as continuous, as the header declares"
            ),
            Self::UndeclaredGaps { format } => write!(
                f,
                "header declares a continuous file ({format}), but there are gaps between its data records; the gaps \
                 were believed"
            ),
            Self::Gaps { n_gaps, total_s } => {
                write!(
                    f,
                    "{} in the timeline, {total_s:.1} s in total",
                    counted(*n_gaps as u64, "gap")
                )
            }
            Self::ClockDrift { drift_s } => {
                let longer = if *drift_s > 0.0 { "longer" } else { "shorter" };
                let drift_s = drift_s.abs();
                write!(
                    f,
                    "the recording is {drift_s:.1} s {longer} by the onsets of its data records than by its samples"
                )
            }
            Self::InvalidAnnotations { n_lists, first_record } => write!(
                f,
                "{} with invalid EDF+ syntax, the first in data record {first_record}; ignored",
                counted(*n_lists as u64, "annotation list")
            ),
        }
    }
}
