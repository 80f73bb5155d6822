//! Why a question has no answer.

use std::borrow::Cow;

/// The result of a question.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a question has no answer.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A field of the question is out of range; the asker's mistake.
    #[error("`{field}` is {value}; expected {expected}")]
    Field {
        /// The field.
        field: &'static str,
        /// Its value; text is quoted.
        value: String,
        /// The allowed values.
        expected: String,
    },
    /// The words or the typed question cannot be read, or ask for metadata that the collection does not have.
    #[error("{0}")]
    Unreadable(Box<crate::grammar::Unreadable>),
    /// No recording of the collection can answer: the bundle cannot be believed about it, and it was not scored.
    #[error("the question cannot be answered: {why}")]
    NotMeasurable {
        /// Why the first night cannot.
        why: String,
    },
    /// No recording has the channels that show what is asked for, or can be read.
    #[error("the question cannot be answered: {why}")]
    NotRecorded {
        /// What is missing.
        why: String,
    },
    /// The registry, the calibration or a concept track.
    #[error(transparent)]
    Concepts(Box<nocturne_concepts::Error>),
    /// Too many questions at once.
    #[error("the encoder has {waiting} requests waiting; ask again in a moment")]
    Overloaded {
        /// Requests that wait for the encoder.
        waiting: usize,
    },
    /// The answer took longer than the asker allows.
    #[error("the answer was not ready in time")]
    Deadline,
    /// The bundle, or the way it was opened, does not support what was asked; the mistake of the person who chose it.
    #[error("the bundle `{bundle}` does not support {feature}")]
    Unsupported {
        /// Name of the bundle.
        bundle: String,
        /// What it does not support.
        feature: &'static str,
    },
    /// The folder of the bundle that filled a space is not recorded.
    #[error(
        "cannot find the bundle `{bundle}` ({fingerprint}) that filled the space `{space}`: its folder is not recorded"
    )]
    BundleUnknown {
        /// The space.
        space: nocturne_index::SpaceName,
        /// Name of the bundle.
        bundle: String,
        /// Its fingerprint.
        fingerprint: String,
    },
    /// The thread that owns an encoder has ended; a bug.
    #[error("the encoder thread has ended")]
    EncoderLost,
    /// The collection, or a question that does not fit it.
    #[error(transparent)]
    Index(#[from] nocturne_index::Error),
    /// The encoder.
    #[error(transparent)]
    Encoder(#[from] nocturne_encoder::Error),
    /// A recording.
    #[error(transparent)]
    Psg(#[from] nocturne_psg::Error),
}

impl From<nocturne_concepts::Error> for Error {
    fn from(error: nocturne_concepts::Error) -> Self {
        Self::Concepts(Box::new(error))
    }
}

impl Error {
    /// Returns the error of a field that is out of range.
    pub fn field(
        field: &'static str,
        value: impl std::fmt::Display,
        expected: impl Into<String>,
    ) -> Self {
        Self::Field { field, value: value.to_string(), expected: expected.into() }
    }

    /// Returns the next step for the user, if there is one.
    pub fn hint(&self) -> Option<Cow<'_, str>> {
        let hint = match self {
            Self::Index(error) => return error.hint(),
            Self::Unreadable(problem) => return Some(Cow::Owned(problem.hint())),
            Self::Concepts(error) => error.hint(),
            Self::NotMeasurable { .. } => Some(
                "rank nights by similarity to the words instead, or score the concept in some recordings",
            ),
            Self::Encoder(error) => error.hint(),
            Self::Psg(error) => error.hint(),
            Self::Overloaded { .. } => Some("wait a moment, or run more servers"),
            Self::EncoderLost => {
                Some("this is a bug in Nocturne; please report it with the messages before it")
            }
            Self::BundleUnknown { .. } => Some("name the folder of that bundle"),
            Self::Unsupported { .. } => Some("use a bundle that supports it"),
            Self::Field { .. } | Self::Deadline | Self::NotRecorded { .. } => None,
        };
        hint.map(Cow::Borrowed)
    }
}
