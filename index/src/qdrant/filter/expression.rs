//! Translates conditions on epochs into conditions of Qdrant.
//!
//! A translation may allow more epochs than the condition, never fewer: the caller filters the answers again. So no
//! condition is dropped, even if Qdrant cannot express it.

use std::collections::BTreeSet;

use nocturne_psg::montage::Channel;
use nocturne_psg::{EventKind, EventSet, Stage};
use qdrant_client::qdrant::{Condition, Filter, Range};

use super::{never, one_of};
use crate::filter::{ChannelSet, Comparator, EpochNumberPart, EpochTest, RowCondition};

/// Tolerance for numbers of the payload: Qdrant stores them as text, and parsing it may change the last bit.
const ROUNDING_S: f64 = 1e-3;

/// A condition of Qdrant that every matching epoch meets.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Translation {
    /// `None` if any epoch may match.
    pub(super) condition: Option<Condition>,
    /// Whether only matching epochs meet it.
    pub(super) is_exact: bool,
}

impl Translation {
    pub(super) fn exact(condition: Condition) -> Self {
        Self { condition: Some(condition), is_exact: true }
    }

    /// Allows every epoch.
    pub(super) fn any(is_exact: bool) -> Self {
        Self { condition: None, is_exact }
    }

    /// Translates a condition, or its negation if `holds` is false.
    pub(super) fn of(condition: &RowCondition, holds: bool) -> Self {
        let each = |conditions: &[RowCondition]| -> Vec<Self> {
            conditions.iter().map(|condition| Self::of(condition, holds)).collect()
        };
        match condition {
            RowCondition::Not(condition) => Self::of(condition, !holds),
            RowCondition::All(conditions) if holds => Self::all(each(conditions)),
            RowCondition::Any(conditions) if !holds => Self::all(each(conditions)),
            RowCondition::All(conditions) | RowCondition::Any(conditions) => {
                Self::any_of(each(conditions))
            }
            RowCondition::Is(test) => Self::of_test(test, holds),
        }
    }

    /// Returns the conjunction.
    pub(super) fn all(parts: Vec<Self>) -> Self {
        let is_exact = parts.iter().all(|part| part.is_exact);
        let must: Vec<_> = parts.into_iter().filter_map(|part| part.condition).collect();
        let condition = (!must.is_empty()).then(|| Filter::must(must).into());
        Self { condition, is_exact }
    }

    /// Returns the disjunction.
    pub(super) fn any_of(parts: Vec<Self>) -> Self {
        let is_exact = parts.iter().all(|part| part.is_exact);
        let should: Option<Vec<_>> = parts.into_iter().map(|part| part.condition).collect();
        let condition = should
            .map(|should| if should.is_empty() { never() } else { Filter::should(should).into() });
        Self { condition, is_exact }
    }

    fn of_test(test: &EpochTest, holds: bool) -> Self {
        match test {
            EpochTest::Stage { stages, is_wanted } => {
                let matching = Stage::ALL.iter().filter(|it| stages[it.index()] == *is_wanted);
                Self::exact(negated_unless(
                    any_word("stage", matching.map(|stage| stage.code())),
                    holds,
                ))
            }
            EpochTest::Event { kinds, is_wanted } => {
                let names = EventSet::iter(*kinds).map(EventKind::name);
                Self::exact(negated_unless(any_word("events", names), *is_wanted == holds))
            }
            EpochTest::Channel { set, channels, is_wanted } => {
                let field = match set {
                    ChannelSet::Carried => "channels",
                    ChannelSet::Missing => "missing",
                    ChannelSet::Flat => "flat",
                    ChannelSet::Clipped => "clipped",
                };
                let names = channels.iter().map(Channel::name);
                Self::exact(negated_unless(any_word(field, names), *is_wanted == holds))
            }
            EpochTest::Number { part, comparator, value } => {
                Self::of_number(*part, *comparator, *value, holds)
            }
            // The time of day depends on the start of the recording.
            EpochTest::Clock(_) => Self::any(false),
        }
    }

    fn of_number(part: EpochNumberPart, comparator: Comparator, value: f64, holds: bool) -> Self {
        if !value.is_finite() {
            // `epoch:*` has no value to compare with: every epoch has a number.
            return if holds { Self::any(true) } else { Self::exact(never()) };
        }
        let (field, rounding) = match part {
            EpochNumberPart::Number => ("epoch", 0.0),
            EpochNumberPart::OnsetS => ("onset_s", ROUNDING_S),
        };
        let is_exact = rounding == 0.0;
        let comparator = if holds { comparator } else { comparator.turned() };
        let (min, max) = (Some(value - rounding), Some(value + rounding));
        // With a tolerance, `>` and `>=` are the same.
        let range = match comparator {
            Comparator::Equal | Comparator::Has => Range { gte: min, lte: max, ..Range::default() },
            Comparator::Less if is_exact => Range { lt: max, ..Range::default() },
            Comparator::Greater if is_exact => Range { gt: min, ..Range::default() },
            Comparator::Less | Comparator::AtMost => Range { lte: max, ..Range::default() },
            Comparator::Greater | Comparator::AtLeast => Range { gte: min, ..Range::default() },
            Comparator::NotEqual if is_exact => {
                let equal = Range { gte: min, lte: max, ..Range::default() };
                return Self::exact(negated_unless(Some(Condition::range(field, equal)), false));
            }
            Comparator::NotEqual => return Self::any(false),
        };
        Self { condition: Some(Condition::range(field, range)), is_exact }
    }
}

/// Returns the condition that a field has one of the words; `None` without words.
fn any_word<'a>(field: &str, words: impl Iterator<Item = &'a str>) -> Option<Condition> {
    let words: BTreeSet<&str> = words.collect();
    (!words.is_empty()).then(|| one_of(field, words))
}

/// Returns a condition, or its negation if `holds` is false. No condition is one that is never met.
fn negated_unless(condition: Option<Condition>, holds: bool) -> Condition {
    let condition = condition.unwrap_or_else(never);
    if holds { condition } else { Filter::must_not([condition]).into() }
}
