//! Identifiers of recordings and epochs.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The id of a recording, unique within a collection.
///
/// An id has 1 to 255 bytes and contains no control characters and no `:`, which separates it from the epoch number in
/// an [`EpochRef`].
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct RecordingId(String);

/// A text that is not a valid recording id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{name:?} is not a valid recording id: {problem}")]
pub struct InvalidRecordingId {
    /// The text.
    pub name: String,
    /// The rule that it breaks.
    pub problem: &'static str,
}

impl RecordingId {
    /// Checks an id.
    ///
    /// # Errors
    ///
    /// [`InvalidRecordingId`] if the text breaks a rule of the type.
    pub fn new(name: impl Into<String>) -> Result<Self, InvalidRecordingId> {
        let name = name.into();
        let problem = if name.is_empty() {
            "it is empty"
        } else if name.len() > 255 {
            "it is longer than 255 bytes"
        } else if name.chars().any(char::is_control) {
            "it contains a control character"
        } else if name.contains(':') {
            "it contains `:`"
        } else {
            return Ok(Self(name));
        };
        Err(InvalidRecordingId { name, problem })
    }

    /// Returns the id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RecordingId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl TryFrom<String> for RecordingId {
    type Error = InvalidRecordingId;

    fn try_from(name: String) -> Result<Self, InvalidRecordingId> {
        Self::new(name)
    }
}

impl From<RecordingId> for String {
    fn from(id: RecordingId) -> Self {
        id.0
    }
}

impl FromStr for RecordingId {
    type Err = InvalidRecordingId;

    fn from_str(name: &str) -> Result<Self, InvalidRecordingId> {
        Self::new(name)
    }
}

/// The number of an epoch: 30-second steps from the start of the recording, counted from 0.
///
/// The onset of epoch `n` is in `[30 n, 30 n + 30)` seconds from the start of the recording; gaps skip numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct EpochNumber(pub u32);

impl fmt::Display for EpochNumber {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// One epoch of one recording, written `recording:number`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EpochRef {
    /// The recording.
    pub recording: RecordingId,
    /// The number of the epoch.
    pub epoch: EpochNumber,
}

impl fmt::Display for EpochRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.recording, self.epoch)
    }
}

/// A text that is not a valid epoch reference.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not an epoch; expected `RECORDING:NUMBER`, for example `night-001:412`")]
pub struct ParseEpochRefError(pub String);

impl FromStr for EpochRef {
    type Err = ParseEpochRefError;

    fn from_str(text: &str) -> Result<Self, ParseEpochRefError> {
        let error = || ParseEpochRefError(text.to_owned());
        let (recording, number) = text.rsplit_once(':').ok_or_else(error)?;
        let recording = recording.parse().map_err(|_| error())?;
        let epoch = EpochNumber(number.parse().map_err(|_| error())?);
        Ok(Self { recording, epoch })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn epoch_refs_round_trip() {
        let epoch: EpochRef = "cohort/night-001:412".parse().unwrap();
        assert_eq!(epoch.recording.as_str(), "cohort/night-001");
        assert_eq!(epoch.epoch, EpochNumber(412));
        assert_eq!(epoch.to_string(), "cohort/night-001:412");
        for text in ["", "night", ":3", "night:", "night:-1", "a:b:3"] {
            assert_eq!(text.parse::<EpochRef>(), Err(ParseEpochRefError(text.to_owned())));
        }
    }

    #[test]
    fn rejects_recording_ids_with_control_characters() {
        let error = RecordingId::new("night\n001").unwrap_err();
        assert_eq!(
            error.to_string(),
            r#""night\n001" is not a valid recording id: it contains a control character"#
        );
    }
}
