//! Why a night has no answer.

use std::fmt;

use nocturne_psg::statistics::NotMeasured;
use serde::Serialize;

/// Why a night has no answer to a question.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Unanswered {
    /// The night itself does not have the measure.
    NotMeasured {
        /// Why.
        why: NotMeasured,
    },
    /// The recording has none of the channels that show the concept.
    NoChannels {
        /// Id of the concept.
        concept: String,
        /// Channels of which at least one of each group is needed, such as `EEG_C3_A2 or EEG_C4_A1`.
        needs: String,
    },
    /// The annotations do not hold the concept, and nothing else may answer for it.
    NotScored {
        /// Id of the concept.
        concept: String,
    },
    /// The model cannot be believed about it.
    NotMeasurable {
        /// What was asked of the model, such as `rate(k_complex)`.
        measure: String,
        /// Why.
        why: String,
    },
    /// The signals of the recording were not measured.
    NoSignal {
        /// Id of the concept.
        concept: String,
    },
    /// The start of the recording by the clock is not known.
    NoClock,
    /// The recording is damaged in the collection and must be indexed again.
    Damaged,
    /// The upload of the recording to Qdrant has not finished.
    NotUploaded,
}

impl Unanswered {
    /// Returns whether the same holds for every night with these channels and this bundle, so that no night can have an
    /// answer.
    pub(super) fn is_about_the_bundle(&self) -> bool {
        matches!(self, Self::NotMeasurable { .. } | Self::NotScored { .. })
    }
}

impl From<NotMeasured> for Unanswered {
    fn from(why: NotMeasured) -> Self {
        Self::NotMeasured { why }
    }
}

impl fmt::Display for Unanswered {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotMeasured { why } => why.fmt(f),
            Self::NoChannels { concept, needs } => {
                write!(
                    f,
                    "`{concept}` needs the channel {needs}, which the recording does not have"
                )
            }
            Self::NotScored { concept } => {
                write!(f, "`{concept}` was not scored, and no channel shows it to the model")
            }
            Self::NotMeasurable { measure, why } => {
                write!(f, "`{measure}` is not measurable with this bundle: {why}")
            }
            Self::NoSignal { concept } => write!(f, "no signal of the recording shows `{concept}`"),
            Self::NoClock => f.write_str("the clock time of its start is not known"),
            Self::Damaged => f.write_str("damaged in the collection; index it again"),
            Self::NotUploaded => f.write_str("its upload has not finished"),
        }
    }
}
