//! Concept files: concepts learned from labelled epochs.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use nocturne_psg::montage::ChannelMask;
use nocturne_psg::{EventKind, Stage};
use serde::{Deserialize, Serialize};

use crate::error::{Cause, Error, Result};
use crate::head::LogisticHead;
use crate::prompts::PromptSet;

/// Version of the file format.
const FORMAT: u32 = 1;

/// The stage or event that a concept detects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConceptTarget {
    /// Epochs of this stage.
    Stage(Stage),
    /// Epochs with an event of this kind.
    Event(EventKind),
}

/// A concept learned from labelled epochs; the contents of a concept file in TOML.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Concept {
    format: u32,
    /// Name of the stage or event.
    pub name: String,
    /// Fingerprint of the bundle whose embeddings the head was learned from; it fits no other.
    pub bundle: String,
    /// Probability from which an epoch counts as having the concept.
    pub threshold: f64,
    /// Number of labelled epochs with the concept, and without it, that the head was learned from.
    pub epochs: [usize; 2],
    /// Accuracy on held-out subjects.
    pub validation: ConceptValidation,
    /// The head.
    pub head: LogisticHead,
}

/// Cross-validated accuracy: heads are learned from some subjects and tested on the others.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ConceptValidation {
    /// Number of folds; each subject is held out in one of them.
    pub folds: usize,
    /// Area under the receiver operating characteristic over all held-out epochs.
    pub auroc: f64,
    /// Share of the epochs with the concept that reach the threshold.
    pub true_positive_rate: f64,
    /// Share of the epochs without it that reach the threshold.
    pub false_positive_rate: f64,
}

impl Concept {
    /// Creates a concept with a threshold of 0.5, which fits a head learned with equal weight for both classes.
    pub fn new(
        target: ConceptTarget,
        bundle: String,
        head: LogisticHead,
        epochs: [usize; 2],
        validation: ConceptValidation,
    ) -> Self {
        let (format, name) = (FORMAT, target.name().to_owned());
        Self { format, name, bundle, threshold: 0.5, epochs, validation, head }
    }

    /// Reads a concept file for the bundle with this fingerprint, whose embeddings have length `dim`.
    ///
    /// # Errors
    ///
    /// [`Error::Concept`] if the file is malformed, [`Error::OtherConcept`] if the concept was learned with another bundle,
    /// and [`Error::Io`].
    pub fn read(path: &Path, fingerprint: &str, dim: usize) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(Error::io(path, "read"))?;
        let error = |source: Cause| Error::Concept { path: path.to_owned(), source };
        let concept: Self = toml::from_str(&text)
            .map_err(|source: toml::de::Error| error(source.message().into()))?;
        if concept.format != FORMAT {
            let problem =
                format!("its format is {}; this build reads format {FORMAT}", concept.format);
            return Err(error(problem.into()));
        }
        concept.target().map_err(|problem| error(problem.into()))?;
        if concept.bundle != fingerprint {
            let expected = fingerprint.to_owned();
            return Err(Error::OtherConcept {
                path: path.to_owned(),
                found: concept.bundle,
                expected,
            });
        }
        let LogisticHead { weights, bias } = &concept.head;
        if weights.len() != dim || !weights.iter().chain([bias]).all(|number| number.is_finite()) {
            let problem =
                format!("`head` has {} weights; expected {dim} finite weights", weights.len());
            return Err(error(problem.into()));
        }
        if weights.iter().all(|weight| *weight == 0.0) {
            return Err(error("all weights of `head` are zero".into()));
        }
        Ok(concept)
    }

    /// Returns the concept as TOML.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("the fields are names and numbers")
    }

    /// Returns the stage or event that the concept detects.
    ///
    /// # Errors
    ///
    /// A sentence that describes the problem of the name.
    pub fn target(&self) -> std::result::Result<ConceptTarget, String> {
        self.name.parse()
    }
}

impl ConceptTarget {
    /// Returns the code of the stage or the name of the event.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stage(stage) => stage.code(),
            Self::Event(kind) => kind.name(),
        }
    }

    /// Returns whether an epoch with these channels can show it.
    pub fn is_visible_in(self, mask: ChannelMask) -> bool {
        match self {
            Self::Stage(_) => {
                PromptSet::stages().labels.iter().all(|label| label.is_visible_in(mask))
            }
            Self::Event(kind) => kind.is_visible_in(mask),
        }
    }
}

impl fmt::Display for ConceptTarget {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for ConceptTarget {
    type Err = String;

    /// Parses the code of a stage, such as `N3`, or the name of an event, such as `arousal`.
    fn from_str(text: &str) -> std::result::Result<Self, String> {
        let event = || EventKind::from_name(text).map(Self::Event);
        text.parse().map(Self::Stage).ok().or_else(event).ok_or_else(|| {
            let events = EventKind::ALL.map(|kind| format!("`{}`", kind.name())).join(", ");
            format!("`{text}` is neither a stage nor an event; expected `W`, `N1`, `N2`, `N3`, `R`, {events}")
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn concept() -> Concept {
        let validation = ConceptValidation {
            folds: 5,
            auroc: 0.9,
            true_positive_rate: 0.8,
            false_positive_rate: 0.1,
        };
        let head = LogisticHead { weights: vec![3.0, -4.0], bias: 0.5 };
        let target = ConceptTarget::Event(EventKind::Arousal);
        Concept::new(target, "f00".to_owned(), head, [20, 20], validation)
    }

    fn read(text: &str, fingerprint: &str, dim: usize) -> Result<Concept> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("arousal.toml");
        std::fs::write(&path, text).unwrap();
        Concept::read(&path, fingerprint, dim)
    }

    /// Returns the message without the folder, which differs between runs.
    fn message(text: &str, fingerprint: &str, dim: usize) -> String {
        let message = read(text, fingerprint, dim).unwrap_err().to_string();
        let (_, rest) = message.split_once("arousal.toml` ").unwrap();
        rest.to_owned()
    }

    #[test]
    fn concept_survives_a_round_trip() {
        assert_eq!(read(&concept().to_toml(), "f00", 2).unwrap(), concept());
    }

    #[test]
    fn concept_of_another_bundle_is_rejected() {
        assert_eq!(
            message(&concept().to_toml(), "f01", 2),
            "was learned with the bundle `f00`; the bundle in use is `f01`"
        );
    }

    #[test]
    fn malformed_files_are_rejected() {
        let text = concept().to_toml();
        let check = |text: &str, expected: &str| {
            assert_eq!(message(text, "f00", 2), format!("is malformed: {expected}"));
        };
        let newer = text.replace("format = 1", "format = 2");
        check(&newer, "its format is 2; this build reads format 1");
        let shorter = text.replace("3.0, ", "");
        check(&shorter, "`head` has 1 weights; expected 2 finite weights");
        let infinite = text.replace("3.0", "inf");
        check(&infinite, "`head` has 2 weights; expected 2 finite weights");
        let nothing = text.replace("3.0, -4.0", "0.0, 0.0");
        check(&nothing, "all weights of `head` are zero");
        assert!(
            message(&text.replace("arousal", "dream"), "f00", 2).contains("`dream` is neither")
        );
    }
}
