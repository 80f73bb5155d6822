//! The condition of a caption: which kinds of caption the decoder is asked for.

use nocturne_psg::caption::CaptionKind;

/// The kinds of caption that the decoder is asked for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum CaptionCondition {
    /// No condition; for decoders trained without one.
    #[default]
    Unconditional,
    /// Up to two kinds, in any order; `None` for an unused position.
    Kinds([Option<CaptionKind>; 2]),
}

impl From<CaptionKind> for CaptionCondition {
    fn from(kind: CaptionKind) -> Self {
        Self::Kinds([Some(kind), None])
    }
}

impl CaptionCondition {
    /// Returns the input of the graph: the index of each kind in [`CaptionKind::ALL`], or -1 for `None`.
    pub(super) fn columns(self) -> Vec<i64> {
        let index = |kind: CaptionKind| CaptionKind::ALL.iter().position(|it| *it == kind);
        let column =
            |kind: Option<CaptionKind>| kind.and_then(index).map_or(-1, |index| index as i64);
        match self {
            Self::Unconditional => Vec::new(),
            Self::Kinds(kinds) => kinds.map(column).to_vec(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_are_numbered_as_in_training() {
        let columns = |condition: CaptionCondition| condition.columns();
        assert!(columns(CaptionCondition::Unconditional).is_empty());
        assert_eq!(columns(CaptionKind::Brain.into()), [0, -1]);
        let two = [Some(CaptionKind::StageEvent), Some(CaptionKind::PositionMuscle)];
        assert_eq!(columns(CaptionCondition::Kinds(two)), [4, 3]);
    }
}
