//! A concept with a definition: a label of the prompt set, or a learned one.

use nocturne_encoder::{ConceptTarget, Label, PromptSet};
use nocturne_psg::EventKind;
use nocturne_psg::montage::ChannelMask;

use crate::question::learned_concept::channels_of;

/// A concept with a definition.
#[derive(Debug, Clone, Copy)]
pub(super) enum KnownConcept {
    /// It has prompts.
    Label(&'static Label),
    /// It was learned.
    Learned(ConceptTarget),
}

/// Returns the index in the set of the label that words call: by its name or one of its plain words.
pub(super) fn label_called(set: &PromptSet, words: &str) -> Option<usize> {
    let is_called =
        |label: &Label| label.name == words || label.words.iter().any(|word| word == words);
    set.labels.iter().position(is_called)
}

impl KnownConcept {
    /// Returns whether an epoch with these channels can show the concept.
    pub(super) fn is_visible_in(self, mask: ChannelMask) -> bool {
        match self {
            Self::Label(label) => label.is_visible_in(mask),
            Self::Learned(target) => target.is_visible_in(mask),
        }
    }

    /// Returns the channels of which an epoch needs at least one.
    pub(super) fn needs(self) -> ChannelMask {
        match self {
            Self::Label(label) => label.needs.iter().copied().collect(),
            Self::Learned(target) => channels_of(target),
        }
    }

    /// Returns whether a scored event is an occurrence of the concept.
    pub(super) fn covers(self, kind: EventKind) -> bool {
        match self {
            Self::Label(label) => label.covers(kind),
            Self::Learned(ConceptTarget::Event(event)) => event == kind,
            Self::Learned(ConceptTarget::Stage(_)) => false,
        }
    }

    /// Returns whether the channels do not show it, so that it can only be inferred.
    pub(super) fn is_indirect(self) -> bool {
        match self {
            Self::Label(label) => label.indirect,
            Self::Learned(_) => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use nocturne_psg::Stage;
    use nocturne_psg::montage::Channel;

    use super::*;

    fn called(words: &str) -> Option<&'static str> {
        let set = PromptSet::events();
        label_called(set, words).map(|i| set.labels[i].name.as_str())
    }

    #[test]
    fn concepts_are_called_by_name_or_plain_words() {
        assert_eq!(called("arousals"), Some("arousal"));
        assert_eq!(called("k_complex"), Some("k_complex"));
        assert_eq!(called("bad dreams"), None);
    }

    #[test]
    fn label_of_all_respiratory_events_covers_each_of_them() {
        let concept = KnownConcept::Label(PromptSet::events().label("respiratory_event").unwrap());
        assert!(concept.covers(EventKind::Hypopnea) && !concept.covers(EventKind::Arousal));
        assert!(concept.needs().contains(Channel::Airflow));
    }

    #[test]
    fn learned_stage_covers_no_event() {
        let stage = KnownConcept::Learned(ConceptTarget::Stage(Stage::N3));
        assert!(!stage.covers(EventKind::Arousal) && !stage.is_indirect());
        let arousal = KnownConcept::Learned(ConceptTarget::Event(EventKind::Arousal));
        assert!(arousal.covers(EventKind::Arousal) && !arousal.covers(EventKind::Hypopnea));
    }
}
