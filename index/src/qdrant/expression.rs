//! What an expression leaves to be asked of epochs, in the words of Qdrant.
//!
//! The server is asked for a set that surely holds every epoch that is wanted; where it may hold others as well, they are
//! left out here. So an expression is never dropped, whatever of it Qdrant has no words for.

use std::collections::BTreeSet;

use nocturne_psg::montage::Channel;
use nocturne_psg::{EventKind, EventSet, Stage};
use qdrant_client::qdrant::{Condition, Filter, Range};

use super::filter::{never, one_of};
use crate::filter::{ChannelSet, Comparator, EpochNumberPart, EpochTest, RowCondition};

/// How far a number of the payload may be from ours: Qdrant keeps it as text, whose reading may change the last bit.
const ROUNDING_S: f64 = 1e-3;

/// A condition that every epoch meets which is wanted.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Asked {
    /// Nothing where any epoch may be wanted.
    pub(super) condition: Option<Condition>,
    /// Whether no other epoch meets it.
    pub(super) is_whole: bool,
}

impl Asked {
    pub(super) fn whole(condition: Condition) -> Self {
        Self { condition: Some(condition), is_whole: true }
    }

    /// Asks for every epoch.
    pub(super) fn any(is_whole: bool) -> Self {
        Self { condition: None, is_whole }
    }

    /// Asks for the epochs for which a condition holds, or for those for which it does not.
    pub(super) fn of(condition: &RowCondition, holds: bool) -> Self {
        let each = |conditions: &[RowCondition]| -> Vec<Self> {
            conditions.iter().map(|condition| Self::of(condition, holds)).collect()
        };
        match condition {
            RowCondition::Not(condition) => Self::of(condition, !holds),
            RowCondition::All(conditions) if holds => Self::all(each(conditions)),
            RowCondition::Any(conditions) if !holds => Self::all(each(conditions)),
            RowCondition::All(conditions) | RowCondition::Any(conditions) => {
                Self::either(each(conditions))
            }
            RowCondition::Is(test) => Self::of_test(test, holds),
        }
    }

    /// Asks for what meets every part.
    pub(super) fn all(parts: Vec<Self>) -> Self {
        let is_whole = parts.iter().all(|part| part.is_whole);
        let must: Vec<_> = parts.into_iter().filter_map(|part| part.condition).collect();
        let condition = (!must.is_empty()).then(|| Filter::must(must).into());
        Self { condition, is_whole }
    }

    /// Asks for what meets a part at least.
    pub(super) fn either(parts: Vec<Self>) -> Self {
        let is_whole = parts.iter().all(|part| part.is_whole);
        let should: Option<Vec<_>> = parts.into_iter().map(|part| part.condition).collect();
        let condition = should
            .map(|should| if should.is_empty() { never() } else { Filter::should(should).into() });
        Self { condition, is_whole }
    }

    fn of_test(test: &EpochTest, holds: bool) -> Self {
        match test {
            EpochTest::Stage { stages, is_wanted } => {
                let wanted = Stage::ALL.iter().filter(|it| stages[it.index()] == *is_wanted);
                Self::whole(turned(words("stage", wanted.map(|stage| stage.code())), holds))
            }
            EpochTest::Event { kinds, is_wanted } => {
                let names = EventSet::iter(*kinds).map(EventKind::name);
                Self::whole(turned(words("events", names), *is_wanted == holds))
            }
            EpochTest::Channel { set, channels, is_wanted } => {
                let field = match set {
                    ChannelSet::Carried => "channels",
                    ChannelSet::Missing => "missing",
                    ChannelSet::Flat => "flat",
                    ChannelSet::Clipped => "clipped",
                };
                let names = channels.iter().map(Channel::name);
                Self::whole(turned(words(field, names), *is_wanted == holds))
            }
            EpochTest::Number { part, comparator, value } => {
                Self::of_number(*part, *comparator, *value, holds)
            }
            // It needs the start of the recording.
            EpochTest::Clock(_) => Self::any(false),
        }
    }

    fn of_number(part: EpochNumberPart, comparator: Comparator, value: f64, holds: bool) -> Self {
        if !value.is_finite() {
            // Every number compares so with nothing: `epoch:*`.
            return if holds { Self::any(true) } else { Self::whole(never()) };
        }
        let (field, rounding) = match part {
            EpochNumberPart::Number => ("epoch", 0.0),
            EpochNumberPart::OnsetS => ("onset_s", ROUNDING_S),
        };
        let is_whole = rounding == 0.0;
        let comparator = if holds { comparator } else { comparator.turned() };
        let (least, most) = (Some(value - rounding), Some(value + rounding));
        // Where numbers are rounded, what is more is not told from what is as much.
        let range = match comparator {
            Comparator::Equal | Comparator::Has => {
                Range { gte: least, lte: most, ..Range::default() }
            }
            Comparator::Less if is_whole => Range { lt: most, ..Range::default() },
            Comparator::Greater if is_whole => Range { gt: least, ..Range::default() },
            Comparator::Less | Comparator::AtMost => Range { lte: most, ..Range::default() },
            Comparator::Greater | Comparator::AtLeast => Range { gte: least, ..Range::default() },
            Comparator::NotEqual if is_whole => {
                let equal = Range { gte: least, lte: most, ..Range::default() };
                return Self::whole(turned(Some(Condition::range(field, equal)), false));
            }
            Comparator::NotEqual => return Self::any(false),
        };
        Self { condition: Some(Condition::range(field, range)), is_whole }
    }
}

/// Returns the condition that a field holds one of some words; nothing where there is no word.
fn words<'a>(field: &str, words: impl Iterator<Item = &'a str>) -> Option<Condition> {
    let words: BTreeSet<&str> = words.collect();
    (!words.is_empty()).then(|| one_of(field, words))
}

/// Returns a condition, which is never met where there is none, or its opposite.
fn turned(condition: Option<Condition>, holds: bool) -> Condition {
    let condition = condition.unwrap_or_else(never);
    if holds { condition } else { Filter::must_not([condition]).into() }
}
