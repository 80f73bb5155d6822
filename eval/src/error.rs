//! The errors of an evaluation.

use std::borrow::Cow;
use std::path::PathBuf;

/// The result of an evaluation.
pub type Result<T> = std::result::Result<T, Error>;

/// An error of an evaluation.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The list of recordings is empty.
    #[error("no recordings to evaluate")]
    NoRecordings,
    /// None of the recordings can be read.
    #[error("`{}` cannot be evaluated: {source}", path.display())]
    Unreadable {
        /// The first recording.
        path: PathBuf,
        /// The reason.
        source: Box<Self>,
    },
    /// The calibration of the bundle.
    #[error(transparent)]
    Calibration(Box<nocturne_concepts::Error>),
    /// The encoder.
    #[error(transparent)]
    Encoder(#[from] nocturne_encoder::Error),
    /// A recording.
    #[error(transparent)]
    Psg(#[from] nocturne_psg::Error),
    /// The truth file of a simulated recording.
    #[error(transparent)]
    Simulator(#[from] nocturne_simulator::Error),
}

impl From<nocturne_concepts::Error> for Error {
    fn from(error: nocturne_concepts::Error) -> Self {
        Self::Calibration(Box::new(error))
    }
}

impl Error {
    /// Returns the next step for the user, if there is one.
    pub fn hint(&self) -> Option<Cow<'_, str>> {
        match self {
            Self::NoRecordings => None,
            Self::Unreadable { source, .. } => source.hint(),
            Self::Calibration(error) => error.hint().map(Cow::Borrowed),
            Self::Encoder(error) => error.hint().map(Cow::Borrowed),
            Self::Psg(error) => error.hint().map(Cow::Borrowed),
            Self::Simulator(error) => error.hint().map(Cow::Borrowed),
        }
    }
}
