//! The file of a learned concept.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::Head;
use crate::{Error, Result, durable};

/// Version of the file's format.
const FORMAT: u32 = 1;

/// A concept that was learned from labelled epochs, as TOML.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Concept {
    format: u32,
    /// Name of the stage or event.
    pub name: String,
    /// Fingerprint of the bundle whose embeddings the head reads; it is of no use to another.
    pub bundle: String,
    /// Probability from which on an epoch counts as having the concept.
    pub threshold: f64,
    /// Labelled epochs with the concept, and without it, that the head was learned from.
    pub epochs: [usize; 2],
    /// How it does on people that it was not learned from.
    pub validation: Validation,
    /// The head.
    pub head: Head,
}

/// How heads do that were learned from some recordings, on the others.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Validation {
    /// Times that recordings were held out; each was held out once.
    pub folds: usize,
    /// Area under the receiver operating characteristic, over all held-out epochs.
    pub auroc: f64,
    /// Share of the epochs with the concept that are found at the threshold.
    pub true_positive_rate: f64,
    /// Share of the epochs without it that are found too.
    pub false_positive_rate: f64,
}

impl Concept {
    pub(super) const fn new(
        name: String,
        bundle: String,
        head: Head,
        epochs: [usize; 2],
        validation: Validation,
    ) -> Self {
        // Both classes count alike in the head.
        Self { format: FORMAT, name, bundle, threshold: 0.5, epochs, validation, head }
    }

    /// Reads a concept.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] and [`Error::Format`].
    pub fn read(path: &Path) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(Error::io(path, "read"))?;
        let concept: Self = toml::from_str(&text)
            .map_err(|error| Error::format(path, error.message().to_owned()))?;
        if concept.format != FORMAT {
            let problem = format!("its format is {}; this build reads {FORMAT}", concept.format);
            return Err(Error::format(path, problem));
        }
        Ok(concept)
    }

    /// Writes the concept, whole or not at all.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn write(&self, path: &Path) -> Result<()> {
        let text = toml::to_string(self).expect("names and numbers");
        durable::write(path, text.as_bytes())
    }
}
