//! Why a night has no answer.

use std::fmt;

use nocturne_concepts::Source;
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
    /// Desaturations of a least depth are asked for, and the annotations do not hold the depth.
    DepthNotScored {
        /// Id of the concept.
        concept: String,
    },
    /// The source that the user asks for never answers for the concept.
    NotFromSource {
        /// Id of the concept.
        concept: String,
        /// The source.
        source: Source,
        /// The sources that may answer.
        sources: Vec<Source>,
    },
    /// The night has no sleep in the states of the scope.
    EmptyScope {
        /// The states, such as `supine`.
        scope: String,
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
    /// The recording has no position signal, or its codes are not known.
    NoPosition {
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
    /// Returns whether what is missing is the means to answer, and not sleep or time in this night.
    pub(crate) const fn is_lasting(&self) -> bool {
        match self {
            Self::NoChannels { .. }
            | Self::NotScored { .. }
            | Self::DepthNotScored { .. }
            | Self::NotFromSource { .. }
            | Self::NotMeasurable { .. }
            | Self::NoSignal { .. }
            | Self::NoPosition { .. } => true,
            Self::NotMeasured { .. }
            | Self::EmptyScope { .. }
            | Self::NoClock
            | Self::Damaged
            | Self::NotUploaded => false,
        }
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
                write!(f, "`{concept}` was not scored")
            }
            Self::DepthNotScored { concept } => {
                write!(f, "`{concept}` was scored without its depth, which the question asks for")
            }
            Self::NotFromSource { concept, source, sources } => {
                let names: Vec<&str> = sources.iter().map(|source| source_name(*source)).collect();
                let (asked, names) = (source_name(*source), names.join(" or "));
                write!(f, "`{concept}` does not come from {asked}; it comes from {names}")
            }
            Self::EmptyScope { scope } => {
                write!(
                    f,
                    "the night has no sleep in the part that the question asks about (`{scope}`)"
                )
            }
            Self::NotMeasurable { measure, why } => {
                write!(f, "`{measure}` is not measurable with this bundle: {why}")
            }
            Self::NoSignal { concept } => write!(f, "no signal of the recording shows `{concept}`"),
            Self::NoPosition { concept } => write!(
                f,
                "`{concept}` needs a position signal with codes that the profile of the recording defines"
            ),
            Self::NoClock => f.write_str("the clock time of its start is not known"),
            Self::Damaged => f.write_str("damaged in the collection; index it again"),
            Self::NotUploaded => f.write_str("its upload has not finished"),
        }
    }
}

/// Returns what a source is for a reader.
const fn source_name(source: Source) -> &'static str {
    match source {
        Source::Scored => "annotations",
        Source::Signal => "a rule on a signal",
        Source::Model => "the model",
    }
}
