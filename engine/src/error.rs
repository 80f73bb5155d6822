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
        /// Its value, quoted where it is text.
        value: String,
        /// What it may be.
        expected: String,
    },
    /// Too many questions at once.
    #[error("the encoder has {waiting} requests waiting; ask again in a moment")]
    Overloaded {
        /// How many requests wait for the encoder.
        waiting: usize,
    },
    /// The answer took longer than the asker could wait.
    #[error("the answer was not ready in time")]
    Deadline,
    /// The bundle cannot do what is asked; whoever chose it.
    #[error("the bundle `{bundle}` {what}")]
    Lacks {
        /// Name of the bundle.
        bundle: String,
        /// What it does not do, as a verb.
        what: &'static str,
    },
    /// Nobody has told where the bundle is that filled a space.
    #[error(
        "the space `{space}` was filled with the bundle `{bundle}` ({fingerprint}), and nothing tells where that is"
    )]
    BundleUnknown {
        /// The space.
        space: nocturne_index::SpaceName,
        /// Name of the bundle.
        bundle: String,
        /// Its fingerprint.
        fingerprint: String,
    },
    /// The thread that owns an encoder has ended; a mistake of the program.
    #[error("the encoder has ended")]
    EncoderLost,
    /// The collection or the question to it.
    #[error(transparent)]
    Index(#[from] nocturne_index::Error),
    /// The encoder.
    #[error(transparent)]
    Encoder(#[from] nocturne_encoder::Error),
    /// A recording.
    #[error(transparent)]
    Psg(#[from] nocturne_psg::Error),
    /// The server cannot listen or serve.
    #[error("cannot serve on {address}: {source}")]
    Serve {
        /// The address.
        address: std::net::SocketAddr,
        /// What the system or the transport says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A folder that was to be evaluated holds nothing that can be.
    #[error("`{}` {problem}", path.display())]
    Evaluation {
        /// The folder.
        path: std::path::PathBuf,
        /// What is missing.
        problem: String,
    },
}

impl Error {
    pub(crate) fn field(
        field: &'static str,
        value: impl std::fmt::Display,
        expected: impl Into<String>,
    ) -> Self {
        Self::Field { field, value: value.to_string(), expected: expected.into() }
    }

    /// Returns the next step for the user, where there is one.
    pub fn hint(&self) -> Option<Cow<'_, str>> {
        let hint = match self {
            Self::Index(error) => return error.hint(),
            Self::Encoder(error) => error.hint(),
            Self::Psg(error) => error.hint(),
            Self::Serve { .. } => {
                Some("another program may listen there; choose another address with `--listen`")
            }
            Self::Overloaded { .. } => Some("wait a moment, or run more servers"),
            Self::EncoderLost => {
                Some("this is a fault of Nocturne; please report it with the messages before it")
            }
            Self::BundleUnknown { .. } => Some("name it with `--bundle`"),
            Self::Lacks { .. } => Some("serve a bundle that can, with `--bundle`"),
            Self::Field { .. } | Self::Deadline | Self::Evaluation { .. } => None,
        };
        hint.map(Cow::Borrowed)
    }
}
