//! The other way round: how a file of a profile names a channel.

use super::vocabulary::Meaning;
use super::{Channel, Polarity, Position, Profile};

/// How a file of a profile names a channel and stores it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Wording<'a> {
    pub(crate) plus: &'a str,
    pub(crate) minus: Option<&'a str>,
    pub(crate) polarity: Polarity,
    pub(crate) unit: Option<&'a str>,
    pub(crate) rate_hz: Option<f64>,
}

impl Profile {
    /// Returns the way of feeding a channel that a reader looks for first.
    pub(crate) fn wording(&self, channel: Channel) -> Option<Wording<'_>> {
        let rule = self.rules.iter().find(|rule| rule.name == channel)?;
        let source = rule.sources.first()?;
        Some(Wording {
            plus: source.plus(),
            minus: source.minus(),
            polarity: rule.polarity,
            unit: rule.unit.as_deref(),
            rate_hz: rule.rate_hz,
        })
    }

    /// Returns the labels of signals that feed no channel and by which the profile is known.
    pub(crate) fn tell_tale_others(&self) -> impl Iterator<Item = &str> {
        let labels = self.detect.certain.iter().chain(&self.detect.labels).chain(&self.detect.also);
        labels.filter_map(|label| match self.vocabulary.meaning(label)? {
            Meaning::Other(_) => self.vocabulary.written(label),
            Meaning::Channel(_) | Meaning::Reference => None,
        })
    }

    /// Returns a label of a kind of signal that feeds no channel, such as `spo2`.
    pub(crate) fn label_of_other(&self, kind: &str) -> Option<&str> {
        let mut labels = self.vocabulary.labels();
        let is_kind = |label| matches!(self.vocabulary.meaning(label), Some(Meaning::Other(it)) if it == kind);
        labels.find(|(compared, _)| is_kind(compared)).map(|(_, written)| written)
    }

    /// Returns whether a normalised label stands for an oxygen saturation.
    pub(super) fn is_saturation(&self, label: &str) -> bool {
        matches!(self.vocabulary.meaning(label), Some(Meaning::Other(kind)) if kind == "spo2")
    }

    /// Returns the code of a position in the position signal.
    pub(crate) fn code_of(&self, position: Position) -> Option<i32> {
        self.positions.iter().find(|(_, it)| **it == position).map(|(code, _)| *code)
    }

    /// Returns a code that means no position, where the profile has codes at all.
    pub(crate) fn code_of_unknown(&self) -> Option<i32> {
        self.positions.keys().last().map(|greatest| greatest + 1)
    }
}
