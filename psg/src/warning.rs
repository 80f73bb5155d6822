//! Warnings: problems of a file that was read nevertheless.

use nocturne_edf::EdfWarning;
use serde::Serialize;

/// A problem of a file and how the reader handled it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// Kind of problem, for programs.
    pub code: WarningCode,
    /// Description for people.
    pub message: String,
}

impl Warning {
    /// Creates a warning.
    pub fn new(code: WarningCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}

impl From<&EdfWarning> for Warning {
    fn from(warning: &EdfWarning) -> Self {
        let code = match warning {
            EdfWarning::HeaderEncoding { .. } => WarningCode::HeaderEncoding,
            EdfWarning::HeaderLength { .. } | EdfWarning::DecimalComma { .. } => {
                WarningCode::HeaderField
            }
            EdfWarning::FileName { .. } => WarningCode::Format,
            EdfWarning::EmptyDigitalRange { .. }
            | EdfWarning::EmptyPhysicalRange { .. }
            | EdfWarning::ExcessivePhysicalRange { .. } => WarningCode::EmptyRange,
            EdfWarning::InvertedRange { .. } => WarningCode::InvertedRange,
            EdfWarning::DuplicateLabel { .. } => WarningCode::DuplicateLabel,
            EdfWarning::StartDate { .. } | EdfWarning::StartTime { .. } => WarningCode::StartTime,
            EdfWarning::RecordCount { .. } => WarningCode::RecordCount,
            EdfWarning::TruncatedRecord { .. } => WarningCode::TruncatedRecord,
            EdfWarning::Unwritten { .. } => WarningCode::Unwritten,
            EdfWarning::NoTimeKeeping { .. }
            | EdfWarning::ContradictoryOnsets { .. }
            | EdfWarning::UndeclaredGaps { .. } => WarningCode::TimeKeeping,
            EdfWarning::Gaps { .. } => WarningCode::Gap,
            EdfWarning::ClockDrift { .. } => WarningCode::ClockDrift,
            EdfWarning::InvalidAnnotations { .. } => WarningCode::Annotation,
        };
        Self { code, message: format!("{warning}{}", consequence(warning)) }
    }
}

/// Returns the consequence of a problem for the epochs, as the end of a message.
fn consequence(warning: &EdfWarning) -> &'static str {
    match warning {
        EdfWarning::DuplicateLabel { .. } => "; the first is used",
        EdfWarning::Gaps { .. } => "; no epoch crosses a gap",
        EdfWarning::ClockDrift { .. } => {
            "; epochs follow the samples, so annotations may be off by as much"
        }
        EdfWarning::HeaderEncoding { .. }
        | EdfWarning::HeaderLength { .. }
        | EdfWarning::DecimalComma { .. }
        | EdfWarning::FileName { .. }
        | EdfWarning::EmptyDigitalRange { .. }
        | EdfWarning::EmptyPhysicalRange { .. }
        | EdfWarning::ExcessivePhysicalRange { .. }
        | EdfWarning::InvertedRange { .. }
        | EdfWarning::StartDate { .. }
        | EdfWarning::StartTime { .. }
        | EdfWarning::RecordCount { .. }
        | EdfWarning::TruncatedRecord { .. }
        | EdfWarning::Unwritten { .. }
        | EdfWarning::NoTimeKeeping { .. }
        | EdfWarning::ContradictoryOnsets { .. }
        | EdfWarning::UndeclaredGaps { .. }
        | EdfWarning::InvalidAnnotations { .. } => "",
    }
}

/// Kinds of problems.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WarningCode {
    /// A header text contains bytes that are not ASCII.
    HeaderEncoding,
    /// A header field is invalid; its value was derived from other information.
    HeaderField,
    /// The start date or time is invalid or anonymised.
    StartTime,
    /// The header gives a wrong number of data records.
    RecordCount,
    /// The file ends with an incomplete data record, which is ignored.
    TruncatedRecord,
    /// Several signals have the same label.
    DuplicateLabel,
    /// The physical minimum is above the maximum; the signal is read with inverted sign, as specified.
    InvertedRange,
    /// The range of a signal is empty; the signal is not used in the montage.
    EmptyRange,
    /// An annotation cannot be interpreted.
    Annotation,
    /// The stages are those of a program, not of a person.
    AutomaticStages,
    /// The time-keeping annotation of a data record is missing.
    TimeKeeping,
    /// The recording has a gap.
    Gap,
    /// A channel of the montage has no signal.
    MissingChannel,
    /// A channel is fed by a substitute for the derivation of the montage.
    SubstituteChannel,
    /// A channel is fed by a signal whose label does not say which derivation it is.
    AssumedChannel,
    /// The labels match several profiles that disagree about them.
    Profile,
    /// The unit in the header does not match the values.
    Unit,
    /// The file extension and the content disagree about the format.
    Format,
    /// A signal seems to be inverted; it is read as stored.
    Polarity,
    /// Channels with common activity are not synchronous, or the recorder's clock drifts from its samples.
    ClockDrift,
    /// A channel is flat, clipped, disconnected, full of mains hum or out of range for most of the night.
    SignalQuality,
    /// A part of the file was never written to disk and reads as zeros.
    Unwritten,
    /// The recording can be opened but has no usable epochs.
    NoEpochs,
    /// The collection already contains the file under another id.
    Duplicate,
    /// Data records repeat earlier ones, so recorded times may be wrong.
    RepeatedRecords,
}
