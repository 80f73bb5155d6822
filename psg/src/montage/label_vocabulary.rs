//! The labels that a profile defines, each with one meaning.

use std::collections::BTreeMap;

use super::Channel;
use super::channel_rule::ChannelRule;
use super::labels::normalised;

/// Meaning of a label.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum LabelMeaning {
    /// The signal of a channel, alone or as the minuend of a difference.
    Channel(Channel),
    /// A reference that is only subtracted, such as a mastoid.
    Reference,
    /// Another kind of signal, such as `spo2`.
    Other(String),
}

impl LabelMeaning {
    /// Returns the meaning as one word.
    pub(super) fn name(&self) -> &str {
        match self {
            Self::Channel(channel) => channel.name(),
            Self::Reference => "reference",
            Self::Other(kind) => kind,
        }
    }
}

/// The labels of a profile in normalised form.
#[derive(Debug, Clone, Default)]
pub(super) struct LabelVocabulary {
    /// Each label as written, with its meaning.
    labels: BTreeMap<String, (String, LabelMeaning)>,
}

impl LabelVocabulary {
    /// Collects the labels of channels and of other signals. The error is a sentence about a label with two meanings.
    pub(super) fn of(
        rules: &[ChannelRule],
        other: &BTreeMap<String, Vec<String>>,
    ) -> Result<Self, String> {
        let mut vocabulary = Self::default();
        let sources =
            || rules.iter().flat_map(|rule| rule.sources.iter().map(|it| (rule.name, it)));
        for (channel, source) in sources() {
            vocabulary.insert(source.plus(), LabelMeaning::Channel(channel))?;
        }
        for (channel, source) in sources() {
            let Some(label) = source.minus() else { continue };
            let same = LabelMeaning::Channel(channel);
            if vocabulary.meaning(&normalised(label)) != Some(&same) {
                vocabulary.insert(label, LabelMeaning::Reference)?;
            }
        }
        for (kind, labels) in other {
            for label in labels {
                vocabulary.insert(label, LabelMeaning::Other(kind.clone()))?;
            }
        }
        Ok(vocabulary)
    }

    /// Returns the meaning of a normalised label.
    pub(super) fn meaning(&self, label: &str) -> Option<&LabelMeaning> {
        self.labels.get(label).map(|(_, meaning)| meaning)
    }

    /// Returns a normalised label as written in the profile.
    pub(super) fn written(&self, label: &str) -> Option<&str> {
        self.labels.get(label).map(|(written, _)| written.as_str())
    }

    /// Returns every label in normalised form and as written.
    pub(super) fn labels(&self) -> impl Iterator<Item = (&str, &str)> {
        self.labels.iter().map(|(compared, (written, _))| (compared.as_str(), written.as_str()))
    }

    /// Returns whether a normalised label may mean a channel, or a reference if `channel` is `None`, without getting a
    /// second meaning.
    pub(super) fn allows(&self, label: &str, channel: Option<Channel>) -> bool {
        match (self.meaning(label), channel) {
            (None, _) | (Some(LabelMeaning::Reference), None) => true,
            (Some(LabelMeaning::Channel(known)), Some(channel)) => *known == channel,
            (Some(LabelMeaning::Channel(_)), None)
            | (Some(LabelMeaning::Reference), Some(_))
            | (Some(LabelMeaning::Other(_)), _) => false,
        }
    }

    /// Adds the labels of another vocabulary that are missing in this one.
    pub(super) fn add(&mut self, other: &Self) {
        for (label, known) in &other.labels {
            self.labels.entry(label.clone()).or_insert_with(|| known.clone());
        }
    }

    fn insert(&mut self, label: &str, meaning: LabelMeaning) -> Result<(), String> {
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
