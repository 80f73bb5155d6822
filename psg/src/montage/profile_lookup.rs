//! Reverse lookups in a profile: how a file of that profile names and stores a channel.

use super::label_vocabulary::LabelMeaning;
use super::{Channel, Polarity, Position, Profile};

/// The first source that a profile lists for a channel: the labels of its signals and how they are stored.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct PreferredSource<'a> {
    /// Label of the signal, or of the first electrode of a difference.
    pub plus: &'a str,
    /// Label of the electrode that is subtracted, if any.
    pub minus: Option<&'a str>,
    /// Sign in which the signal is stored.
    pub polarity: Polarity,
    /// Unit that the profile assumes if the header names none.
    pub unit: Option<&'a str>,
    /// Sampling rate in hertz, if the profile requires one.
    pub rate_hz: Option<f64>,
}

impl Profile {
    /// Returns the first source of a channel, or `None` if the profile does not record the channel.
    pub fn preferred_source(&self, channel: Channel) -> Option<PreferredSource<'_>> {
        let rule = self.rules.iter().find(|rule| rule.name == channel)?;
        let source = rule.sources.first()?;
        Some(PreferredSource {
            plus: source.plus(),
            minus: source.minus(),
            polarity: rule.polarity,
            unit: rule.unit.as_deref(),
            rate_hz: rule.rate_hz,
        })
    }

    /// Returns the labels by which the profile is detected and whose signals feed no channel.
    pub fn detection_labels_without_channel(&self) -> impl Iterator<Item = &str> {
        let labels = self.detect.certain.iter().chain(&self.detect.labels).chain(&self.detect.also);
        labels.filter_map(|label| match self.vocabulary.meaning(label)? {
            LabelMeaning::Other(_) => self.vocabulary.written(label),
            LabelMeaning::Channel(_) | LabelMeaning::Reference => None,
        })
    }

    /// Returns a label for a kind of signal that feeds no channel, such as `spo2`.
    pub fn label_of_other(&self, kind: &str) -> Option<&str> {
        let mut labels = self.vocabulary.labels();
        let is_kind = |label| matches!(self.vocabulary.meaning(label), Some(LabelMeaning::Other(it)) if it == kind);
        labels.find(|(compared, _)| is_kind(compared)).map(|(_, written)| written)
    }

    /// Returns whether a normalised label names a kind of signal that feeds no channel, such as `spo2`.
    pub(super) fn is_of_kind(&self, label: &str, kind: &str) -> bool {
        matches!(self.vocabulary.meaning(label), Some(LabelMeaning::Other(it)) if it == kind)
    }

    /// Returns the code of a position in the position signal, or `None` if the profile has no code for it.
    pub fn position_code(&self, position: Position) -> Option<i32> {
        self.positions.iter().find(|(_, it)| **it == position).map(|(code, _)| *code)
    }

    /// Returns a code that the profile does not assign to a position, or `None` if the profile defines no codes.
    pub fn unassigned_position_code(&self) -> Option<i32> {
        self.positions.keys().last().map(|largest| largest + 1)
    }
}
