//! What is known of a concept that is looked for: a label of the prompt set, or what a learned one is of.

use nocturne_encoder::{Label, Target};
use nocturne_psg::EventKind;
use nocturne_psg::montage::ChannelMask;

/// A known concept.
#[derive(Debug, Clone, Copy)]
pub(super) enum Known {
    /// It has prompts.
    Label(&'static Label),
    /// It was learned.
    Learned(Target),
}

impl Known {
    /// Returns whether an epoch with these channels can show the concept at all.
    pub(super) fn is_visible_in(self, mask: ChannelMask) -> bool {
        match self {
            Self::Label(label) => label.is_visible_in(mask),
            Self::Learned(target) => target.is_visible_in(mask),
        }
    }

    /// Returns whether a scored event is an occurrence of it.
    pub(super) fn covers(self, kind: EventKind) -> bool {
        match self {
            Self::Label(label) => label.covers(kind),
            Self::Learned(Target::Event(event)) => event == kind,
            Self::Learned(Target::Stage(_)) => false,
        }
    }

    /// Returns whether it can only be inferred from the channels.
    pub(super) fn is_indirect(self) -> bool {
        match self {
            Self::Label(label) => label.indirect,
            Self::Learned(_) => false,
        }
    }
}
