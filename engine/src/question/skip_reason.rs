//! Why a night or an epoch was not judged.

use std::fmt;

use nocturne_psg::montage::{Channel, ChannelMask};
use serde::Serialize;

use crate::live::snapshot::MissingReason;

/// Why a night or an epoch was not judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum SkipReason {
    /// The night has no epoch of the sleep that the question is about.
    NoSleep,
    /// The epoch, or every epoch of the night, has none of the channels that show what was asked.
    NoChannels {
        /// Channels of which at least one is needed.
        needs: Vec<&'static str>,
    },
    /// The recording is damaged in the collection and must be indexed again.
    Damaged,
    /// The upload of the recording to Qdrant has not finished.
    NotUploaded,
}

impl SkipReason {
    pub(crate) fn no_channels(needs: ChannelMask) -> Self {
        Self::NoChannels { needs: needs.iter().map(Channel::name).collect() }
    }
}

impl From<MissingReason> for SkipReason {
    fn from(reason: MissingReason) -> Self {
        match reason {
            MissingReason::Damaged => Self::Damaged,
            MissingReason::NotUploaded => Self::NotUploaded,
        }
    }
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSleep => f.write_str("no epoch of the sleep that the question is about"),
            Self::NoChannels { needs } => {
                write!(f, "none of the channels {}", needs.join(", "))
            }
            Self::Damaged => f.write_str("damaged in the collection; index it again"),
            Self::NotUploaded => f.write_str("its upload has not finished"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reasons_have_a_sentence_for_people_and_a_name_for_programs() {
        let check = |reason: SkipReason, sentence: &str, json: &str| {
            assert_eq!(reason.to_string(), sentence);
            assert_eq!(serde_json::to_string(&reason).unwrap(), json);
        };
        check(
            SkipReason::NoChannels { needs: vec!["ECG", "AF"] },
            "none of the channels ECG, AF",
            r#"{"reason":"no_channels","needs":["ECG","AF"]}"#,
        );
        check(
            SkipReason::NotUploaded,
            "its upload has not finished",
            r#"{"reason":"not_uploaded"}"#,
        );
    }
}
