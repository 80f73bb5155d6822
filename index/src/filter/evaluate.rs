//! Evaluates conditions: first those that a recording decides for all of its epochs, then the rest for each epoch.

use nocturne_psg::montage::ChannelMask;
use nocturne_psg::{EventSet, Quality, Stage};

use super::condition::{
    ChannelSet, Condition, EpochNumberPart, EpochTest, MetadataTest, RecordingTest, ValueTest,
    after_noon,
};
use super::grammar::{Comparator, number};
use crate::recording::{EpochColumns, EpochRow, RecordingEntry};

/// The result of a condition for a recording.
#[derive(Debug, Clone)]
pub(crate) enum Verdict {
    /// The same for every epoch.
    Known(bool),
    /// The remaining condition, to be evaluated for each epoch.
    Depends(RowCondition),
}

/// A condition on epochs alone.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum RowCondition {
    All(Vec<Self>),
    Any(Vec<Self>),
    Not(Box<Self>),
    Is(EpochTest),
}

impl Condition {
    /// Evaluates as much as the entry of a recording decides.
    pub(super) fn on(&self, entry: &RecordingEntry) -> Verdict {
        match self {
            Self::All(conditions) => joined(conditions, entry, true, RowCondition::All),
            Self::Any(conditions) => joined(conditions, entry, false, RowCondition::Any),
            Self::Not(condition) => match condition.on(entry) {
                Verdict::Known(holds) => Verdict::Known(!holds),
                Verdict::Depends(rest) => Verdict::Depends(RowCondition::Not(Box::new(rest))),
            },
            Self::OfRecording(test) => Verdict::Known(test.holds(entry)),
            Self::OfEpoch(test) => match test.known(entry) {
                Some(holds) => Verdict::Known(holds),
                None => Verdict::Depends(RowCondition::Is(*test)),
            },
        }
    }
}

/// Evaluates a list of conditions: all must hold (`neutral` is true), or one (`neutral` is false).
fn joined(
    conditions: &[Condition],
    entry: &RecordingEntry,
    neutral: bool,
    join: impl FnOnce(Vec<RowCondition>) -> RowCondition,
) -> Verdict {
    let mut rest = Vec::new();
    for condition in conditions {
        match condition.on(entry) {
            Verdict::Known(holds) if holds != neutral => return Verdict::Known(holds),
            Verdict::Known(_) => {}
            Verdict::Depends(condition) => rest.push(condition),
        }
    }
    if rest.is_empty() { Verdict::Known(neutral) } else { Verdict::Depends(join(rest)) }
}

impl RecordingTest {
    fn holds(&self, entry: &RecordingEntry) -> bool {
        match self {
            Self::Name(test) => test.holds(entry.id.as_str()),
            Self::HasStart => entry.start.is_some(),
            Self::Start(span) => entry.start.is_some_and(|start| span.holds(&start)),
            Self::Metadata(MetadataTest { name, value, .. }) => {
                entry.metadata.get(name).is_some_and(|text| value.holds(text))
            }
        }
    }
}

impl ValueTest {
    /// Compares a text with the literal: as numbers if both are numbers.
    fn holds(&self, text: &str) -> bool {
        let Self { comparator, literal, is_name } = self;
        let numbers = if *is_name { (None, None) } else { (number(text), literal.number()) };
        match (numbers, comparator) {
            ((Some(value), Some(literal)), _) => comparator.accepts(value.partial_cmp(&literal)),
            (_, Comparator::Equal | Comparator::Has) => literal.matches(text),
            (_, Comparator::NotEqual) => !literal.matches(text),
            ((None, None), _) => comparator.accepts(text.partial_cmp(literal.text().as_str())),
            // A number and a word have no order.
            ((Some(_), None) | (None, Some(_)), _) => false,
        }
    }
}

impl EpochTest {
    /// Returns the result for every epoch of a recording if its entry shows it, and `None` otherwise.
    fn known(&self, entry: &RecordingEntry) -> Option<bool> {
        match self {
            Self::Stage { .. } => (!entry.has_stages()).then_some(false),
            Self::Event { .. } => (!entry.has_events()).then_some(false),
            Self::Channel { set: ChannelSet::Carried, channels, is_wanted } => {
                (!overlap(entry.mask, *channels)).then_some(!is_wanted)
            }
            Self::Channel { .. } | Self::Number { .. } => None,
            Self::Clock(_) => entry.start.is_none().then_some(false),
        }
    }
}

impl RowCondition {
    /// Evaluates the condition for an epoch of a recording.
    pub(super) fn holds(&self, entry: &RecordingEntry, epoch: &EpochRow) -> bool {
        match self {
            Self::All(conditions) => conditions.iter().all(|it| it.holds(entry, epoch)),
            Self::Any(conditions) => conditions.iter().any(|it| it.holds(entry, epoch)),
            Self::Not(condition) => !condition.holds(entry, epoch),
            Self::Is(test) => test.holds(entry, epoch),
        }
    }

    /// Evaluates the condition for every epoch of a recording, column by column.
    pub(super) fn hold(&self, entry: &RecordingEntry, columns: &EpochColumns) -> Vec<bool> {
        let joined = |conditions: &[Self], join: fn(bool, bool) -> bool| {
            let results = conditions.iter().map(|condition| condition.hold(entry, columns));
            results.reduce(|mut all, result| {
                all.iter_mut().zip(result).for_each(|(all, holds)| *all = join(*all, holds));
                all
            })
        };
        let n_epochs = columns.len();
        match self {
            Self::All(conditions) => {
                joined(conditions, |a, b| a & b).unwrap_or_else(|| vec![true; n_epochs])
            }
            Self::Any(conditions) => {
                joined(conditions, |a, b| a | b).unwrap_or_else(|| vec![false; n_epochs])
            }
            Self::Not(condition) => {
                let mut result = condition.hold(entry, columns);
                result.iter_mut().for_each(|holds| *holds = !*holds);
                result
            }
            Self::Is(test) => test.hold(entry, columns),
        }
    }
}

impl EpochTest {
    fn holds(&self, entry: &RecordingEntry, epoch: &EpochRow) -> bool {
        match self {
            Self::Stage { stages, is_wanted } => has_stage(epoch.stage, *stages, *is_wanted),
            Self::Event { kinds, is_wanted } => has_event(epoch.events, *kinds, *is_wanted),
            Self::Channel { set, channels, is_wanted } => {
                overlap(channels_of(*set, epoch.mask, epoch.quality), *channels) == *is_wanted
            }
            Self::Number { part, comparator, value } => {
                let found = match part {
                    EpochNumberPart::Number => f64::from(epoch.number.0),
                    EpochNumberPart::OnsetS => epoch.onset_s,
                };
                comparator.accepts(found.partial_cmp(value))
            }
            Self::Clock(span) => {
                let clock = |start_s| after_noon(start_s + epoch.onset_s);
                start_s(entry).is_some_and(|start_s| span.holds(&clock(start_s)))
            }
        }
    }

    /// Evaluates the test for every epoch of a recording as [`holds`](Self::holds) does.
    fn hold(&self, entry: &RecordingEntry, columns: &EpochColumns) -> Vec<bool> {
        match self {
            Self::Stage { stages, is_wanted } => {
                let holds = |stage: &Option<Stage>| has_stage(*stage, *stages, *is_wanted);
                columns.stages.iter().map(holds).collect()
            }
            Self::Event { kinds, is_wanted } => {
                let holds = |events: &EventSet| has_event(*events, *kinds, *is_wanted);
                columns.event_sets.iter().map(holds).collect()
            }
            Self::Channel { set, channels, is_wanted } => {
                let pairs = columns.masks.iter().zip(&columns.qualities);
                let found = pairs.map(|(mask, quality)| channels_of(*set, *mask, *quality));
                found.map(|found| overlap(found, *channels) == *is_wanted).collect()
            }
            Self::Number { part, comparator, value } => {
                let accepts = |found: f64| comparator.accepts(found.partial_cmp(value));
                match part {
                    EpochNumberPart::Number => {
                        let numbers = columns.numbers.iter();
                        numbers.map(|number| accepts(f64::from(number.0))).collect()
                    }
                    EpochNumberPart::OnsetS => {
                        columns.onsets_s.iter().copied().map(accepts).collect()
                    }
                }
            }
            Self::Clock(span) => {
                let onsets_s = columns.onsets_s.iter();
                match start_s(entry) {
                    None => vec![false; columns.len()],
                    Some(start_s) => {
                        onsets_s.map(|onset_s| span.holds(&after_noon(start_s + onset_s))).collect()
                    }
                }
            }
        }
    }
}

fn has_stage(stage: Option<Stage>, stages: [bool; 5], is_wanted: bool) -> bool {
    stage.is_some_and(|stage| stages[stage.index()] == is_wanted)
}

fn has_event(events: EventSet, kinds: EventSet, is_wanted: bool) -> bool {
    (events.bits() & kinds.bits() != 0) == is_wanted
}

fn channels_of(set: ChannelSet, mask: ChannelMask, quality: Quality) -> ChannelMask {
    match set {
        ChannelSet::Carried => mask,
        ChannelSet::Missing => quality.missing,
        ChannelSet::Flat => quality.flat,
        ChannelSet::Clipped => quality.clipped,
    }
}

fn overlap(channels: ChannelMask, others: ChannelMask) -> bool {
    channels.bits() & others.bits() != 0
}

/// Returns the start of a recording on the wall clock, in seconds of the day.
fn start_s(entry: &RecordingEntry) -> Option<f64> {
    let time = entry.start?.time();
    let whole =
        i32::from(time.hour()) * 3600 + i32::from(time.minute()) * 60 + i32::from(time.second());
    Some(f64::from(whole) + f64::from(time.subsec_nanosecond()) * 1e-9)
}
