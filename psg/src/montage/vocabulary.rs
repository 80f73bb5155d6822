//! The labels that a profile knows, each with its one meaning.

use std::collections::BTreeMap;

use super::Channel;
use super::label::normalised;
use super::rule::ChannelRule;

/// What a label means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Meaning {
    /// It carries a channel, alone or with something taken off.
    Channel(Channel),
    /// It is only ever subtracted, as a mastoid is.
    Reference,
    /// It is no channel of the montage but, say, an oxygen saturation.
    Other(String),
}

impl Meaning {
    /// Returns the meaning in a word.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Channel(channel) => channel.name(),
            Self::Reference => "reference",
            Self::Other(kind) => kind,
        }
    }
}

/// The labels of a profile, by the form in which they are compared.
#[derive(Debug, Clone, Default)]
pub(super) struct Vocabulary {
    /// Each label as written, and its meaning.
    labels: BTreeMap<String, (String, Meaning)>,
}

impl Vocabulary {
    /// Collects the labels of channels and of other signals; the error is a sentence on the label with two meanings.
    pub(super) fn of(
        rules: &[ChannelRule],
        other: &BTreeMap<String, Vec<String>>,
    ) -> Result<Self, String> {
        let mut vocabulary = Self::default();
        let sources =
            || rules.iter().flat_map(|rule| rule.sources.iter().map(|it| (rule.name, it)));
        for (channel, source) in sources() {
            vocabulary.insert(source.plus(), Meaning::Channel(channel))?;
        }
        for (channel, source) in sources() {
            let Some(label) = source.minus() else { continue };
            let same = Meaning::Channel(channel);
            if vocabulary.meaning(&normalised(label)) != Some(&same) {
                vocabulary.insert(label, Meaning::Reference)?;
            }
        }
        for (kind, labels) in other {
            for label in labels {
                vocabulary.insert(label, Meaning::Other(kind.clone()))?;
            }
        }
        Ok(vocabulary)
    }

    /// Returns what a normalised label means.
    pub(super) fn meaning(&self, label: &str) -> Option<&Meaning> {
        self.labels.get(label).map(|(_, meaning)| meaning)
    }

    /// Returns a normalised label as it is written.
    pub(super) fn written(&self, label: &str) -> Option<&str> {
        self.labels.get(label).map(|(written, _)| written.as_str())
    }

    /// Returns every label as it is compared and as it is written.
    pub(super) fn labels(&self) -> impl Iterator<Item = (&str, &str)> {
        self.labels.iter().map(|(compared, (written, _))| (compared.as_str(), written.as_str()))
    }

    /// Returns whether a normalised label may carry a channel, or be subtracted where there is none, without taking on
    /// a second meaning.
    pub(super) fn lets(&self, label: &str, channel: Option<Channel>) -> bool {
        match (self.meaning(label), channel) {
            (None, _) | (Some(Meaning::Reference), None) => true,
            (Some(Meaning::Channel(known)), Some(channel)) => *known == channel,
            (Some(Meaning::Channel(_)), None)
            | (Some(Meaning::Reference), Some(_))
            | (Some(Meaning::Other(_)), _) => false,
        }
    }

    /// Adds the labels of another vocabulary that this one lacks.
    pub(super) fn add(&mut self, other: &Self) {
        for (label, known) in &other.labels {
            self.labels.entry(label.clone()).or_insert_with(|| known.clone());
        }
    }

    fn insert(&mut self, label: &str, meaning: Meaning) -> Result<(), String> {
        let compared = normalised(label);
        if compared.is_empty() {
            return Err(format!("a label of {} is empty; expected a text", meaning.name()));
        }
        match self.meaning(&compared) {
            Some(known) if *known != meaning => Err(format!(
                "the label `{label}` means both {} and {}",
                known.name(),
                meaning.name()
            )),
            Some(_) => Ok(()),
            None => {
                self.labels.insert(compared, (label.to_owned(), meaning));
                Ok(())
            }
        }
    }
}
