//! The file of a concept that was learned from labelled epochs.

use std::fmt;
use std::path::Path;
use std::str::FromStr;

use nocturne_psg::montage::ChannelMask;
use nocturne_psg::{EventKind, Stage};
use serde::{Deserialize, Serialize};

use crate::head::LogisticHead;
use crate::{Error, PromptSet, Result};

/// Version of the file's format.
const FORMAT: u32 = 1;

/// What a concept is of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Target {
    /// An epoch has it that has this stage.
    Stage(Stage),
    /// An epoch has it that holds such an event.
    Event(EventKind),
}

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
    pub head: LogisticHead,
}

/// How heads do that were learned from some people, on the others.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Validation {
    /// Times that people were held out; each was held out once.
    pub folds: usize,
    /// Area under the receiver operating characteristic, over all held-out epochs.
    pub auroc: f64,
    /// Share of the epochs with the concept that are found at the threshold.
    pub true_positive_rate: f64,
    /// Share of the epochs without it that are found too.
    pub false_positive_rate: f64,
}

impl Concept {
    /// Makes a concept that counts from a probability of one half on: both classes count alike in the head.
    pub fn new(
        target: Target,
        bundle: String,
        head: LogisticHead,
        epochs: [usize; 2],
        validation: Validation,
    ) -> Self {
        let (format, name) = (FORMAT, target.name().to_owned());
        Self { format, name, bundle, threshold: 0.5, epochs, validation, head }
    }

    /// Reads a concept for the bundle of this fingerprint, whose embeddings have `dim` numbers.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], [`Error::Concept`] where the file breaks its format, and [`Error::OtherConcept`] where the head
    /// was learned on embeddings of another bundle.
    pub fn read(path: &Path, fingerprint: &str, dim: usize) -> Result<Self> {
        let text = std::fs::read_to_string(path).map_err(Error::io(path, "read"))?;
        let error = |problem: String| Error::Concept { path: path.to_owned(), problem };
        let concept: Self =
            toml::from_str(&text).map_err(|problem| error(problem.message().to_owned()))?;
        if concept.format != FORMAT {
            let problem = format!("its format is {}; this build reads {FORMAT}", concept.format);
            return Err(error(problem));
        }
        concept.target().map_err(&error)?;
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
                format!("`head` has {} weights; expected {dim} finite ones", weights.len());
            return Err(error(problem));
        }
        if weights.iter().all(|weight| *weight == 0.0) {
            return Err(error("the weights of `head` are all zero; it tells nothing".to_owned()));
        }
        Ok(concept)
    }

    /// Returns the concept as TOML.
    pub fn to_toml(&self) -> String {
        toml::to_string(self).expect("names and numbers")
    }

    /// Returns what the concept is of.
    ///
    /// # Errors
    ///
    /// What is wrong with the name, in a sentence.
    pub fn target(&self) -> std::result::Result<Target, String> {
        self.name.parse()
    }
}

impl Target {
    /// Returns the code of the stage or the name of the event.
    pub fn name(self) -> &'static str {
        match self {
            Self::Stage(stage) => stage.code(),
            Self::Event(kind) => kind.name(),
        }
    }

    /// Returns whether an epoch with these channels can show it at all.
    pub fn is_visible_in(self, mask: ChannelMask) -> bool {
        match self {
            Self::Stage(_) => {
                PromptSet::stages().labels.iter().all(|label| label.is_visible_in(mask))
            }
            Self::Event(kind) => kind.is_visible_in(mask),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Target {
    type Err = String;

    /// Reads the code of a stage, such as `N3`, or the name of an event, such as `arousal`.
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
        let validation =
            Validation { folds: 5, auroc: 0.9, true_positive_rate: 0.8, false_positive_rate: 0.1 };
        let head = LogisticHead { weights: vec![3.0, -4.0], bias: 0.5 };
        let target = Target::Event(EventKind::Arousal);
        Concept::new(target, "f00".to_owned(), head, [20, 20], validation)
    }

    fn read(text: &str, fingerprint: &str, dim: usize) -> Result<Concept> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("arousal.toml");
        std::fs::write(&path, text).unwrap();
        Concept::read(&path, fingerprint, dim)
    }

    /// Returns the message without the folder, which is another each time.
    fn message(text: &str, fingerprint: &str, dim: usize) -> String {
        let message = read(text, fingerprint, dim).unwrap_err().to_string();
        let (_, rest) = message.split_once("arousal.toml` ").unwrap();
        rest.to_owned()
    }

    #[test]
    fn concept_is_read_as_it_was_written() {
        assert_eq!(read(&concept().to_toml(), "f00", 2).unwrap(), concept());
    }

    #[test]
    fn concept_of_another_bundle_is_refused() {
        assert_eq!(
            message(&concept().to_toml(), "f01", 2),
            "was learned on embeddings of the bundle `f00`; the one in use is `f01`"
        );
    }

    #[test]
    fn broken_files_are_named() {
        let text = concept().to_toml();
        let check = |text: &str, expected: &str| {
            assert_eq!(message(text, "f00", 2), format!("cannot be understood: {expected}"));
        };
        let newer = text.replace("format = 1", "format = 2");
        check(&newer, "its format is 2; this build reads 1");
        let shorter = text.replace("3.0, ", "");
        check(&shorter, "`head` has 1 weights; expected 2 finite ones");
        let infinite = text.replace("3.0", "inf");
        check(&infinite, "`head` has 2 weights; expected 2 finite ones");
        let nothing = text.replace("3.0, -4.0", "0.0, 0.0");
        check(&nothing, "the weights of `head` are all zero; it tells nothing");
        assert!(
            message(&text.replace("arousal", "dream"), "f00", 2).contains("`dream` is neither")
        );
    }
}
