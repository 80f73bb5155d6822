//! What was odd about a recording that was read all the same.

use nocturne_edf::EdfWarning;
use serde::Serialize;

/// One oddity of a file, and what was made of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Warning {
    /// The kind, stable for programs.
    pub code: WarningCode,
    /// A sentence for people.
    pub message: String,
}

impl Warning {
    /// Makes a warning.
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

/// Returns what follows for the epochs from a fault of the file, as the end of a message.
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

/// The kinds of oddity.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum WarningCode {
    /// A text field holds bytes that are not ASCII.
    HeaderEncoding,
    /// A header field was unreadable and its value was taken from elsewhere.
    HeaderField,
    /// The start date or time is impossible or anonymised.
    StartTime,
    /// The number of data records in the header is not the number in the file.
    RecordCount,
    /// The file ends inside a data record; the part was left out.
    TruncatedRecord,
    /// Two signals carry one label.
    DuplicateLabel,
    /// The physical minimum lies above the maximum: the signal is inverted, and is read so.
    InvertedRange,
    /// A signal's range is empty; it can carry no value and is left out of the montage.
    EmptyRange,
    /// An annotation cannot be understood.
    Annotation,
    /// The time-keeping annotation of a record is missing.
    TimeKeeping,
    /// A gap on the time line.
    Gap,
    /// A channel of the montage has no signal.
    MissingChannel,
    /// A channel is fed by a signal that is not what the montage asks for.
    SubstituteChannel,
    /// A channel is fed by a signal whose label leaves open whether it is what the montage asks for.
    AssumedChannel,
    /// The labels speak for several profiles, which would read them differently.
    Profile,
    /// A value cannot be trusted to be in the unit that the header gives.
    Unit,
    /// The file's name and its content disagree about the format.
    Format,
    /// A signal seems to be stored upside down; it is read as it is.
    Polarity,
    /// Channels that see the same do not see it at the same time, or a recorder's clock does not fit its samples.
    ClockDrift,
    /// A channel is flat, clipped, disconnected, hums or leaves its range for most of the night.
    SignalQuality,
    /// A part of the file was never written to the disk, and reads as zeros.
    Unwritten,
    /// The recording is read, but no epochs can be made of it.
    NoEpochs,
    /// The file is in the collection under another name.
    Twin,
    /// Data records are copies of others: time was doubled, or lost.
    RepeatedRecords,
}
