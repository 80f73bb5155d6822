//! Which epochs a question is about: conditions on recordings and epochs, and a language for them.
//!
//! A filter is evaluated against the entry of a recording and its columns, and knows nothing of files. What the entry
//! decides is decided once for all epochs; only the rest is evaluated for each of them.

mod condition;
mod evaluate;
mod expression;
mod grammar;
mod parse;
mod problem;
mod rows;

use std::collections::BTreeSet;

use nocturne_psg::montage::ChannelMask;
use nocturne_psg::{EpochNumber, EpochRef, EventSet, RecordingId, Stage};

use crate::recording::{EpochRow, RecordingEntry};
pub(crate) use condition::{ChannelSet, EpochNumberPart, EpochTest};
pub(crate) use evaluate::{RowCondition, Verdict};
pub use expression::Expression;
pub(crate) use expression::metadata_columns;
pub(crate) use grammar::Comparator;
pub use parse::{MAX_FILTER_BYTES, MAX_FILTER_DEPTH};
pub use problem::FilterProblem;
pub use rows::RowFilter;
#[cfg(test)]
pub(crate) use rows::n_evaluations;

/// Conditions on epochs, all of which must hold; the default allows every epoch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// Recordings to search; `None` for all.
    pub recordings: Option<BTreeSet<RecordingId>>,
    /// Scored stages; `None` for all stages and epochs that were not scored.
    pub stages: Option<BTreeSet<Stage>>,
    /// Channels that must all carry a usable signal.
    pub channels: ChannelMask,
    /// Scored events; at least one must belong to the epoch. Empty for no condition.
    pub any_event: EventSet,
    /// Scored events that must not belong to the epoch.
    pub no_event: EventSet,
    /// Recordings to exclude, whether they are in the collection or not.
    pub excluded_recordings: BTreeSet<RecordingId>,
    /// Epochs to exclude, whether they are in the collection or not.
    pub excluded_epochs: BTreeSet<EpochRef>,
    /// Conditions written as an expression.
    pub expression: Option<Expression>,
}

impl Filter {
    /// Returns whether every epoch is allowed.
    pub fn is_open(&self) -> bool {
        *self == Self::default()
    }

    /// Checks an expression's metadata columns against the recordings of a collection.
    ///
    /// # Errors
    ///
    /// [`FilterProblem`] if no recording has a column, or its values are of another type.
    pub fn check<'a>(
        &self,
        entries: &(impl Iterator<Item = &'a RecordingEntry> + Clone),
    ) -> Result<(), FilterProblem> {
        match &self.expression {
            Some(expression) => expression.check(entries),
            None => Ok(()),
        }
    }

    /// Returns whether a recording may have epochs that are allowed, as far as its entry shows.
    pub fn may_allow(&self, entry: &RecordingEntry) -> bool {
        self.conditions(entry).is_some()
    }

    /// Returns whether a recording has to be read to know which of its epochs are allowed.
    pub fn depends_on_epochs(&self, entry: &RecordingEntry) -> bool {
        matches!(self.conditions(entry), Some(Some(_)))
    }

    /// Evaluates everything that the entry of a recording decides: `None` if it allows no epoch, and `Some(None)` if it
    /// allows all of them.
    #[expect(clippy::option_option, reason = "the sentence above explains both levels")]
    pub(crate) fn conditions(&self, entry: &RecordingEntry) -> Option<Option<Conditions>> {
        let id = &entry.id;
        let is_in = self.recordings.as_ref().is_none_or(|recordings| recordings.contains(id));
        if !is_in || self.excluded_recordings.contains(id) {
            return None;
        }
        let expression = match self.expression.as_ref().map(|expression| expression.on(entry)) {
            Some(Verdict::Known(false)) => return None,
            Some(Verdict::Known(true)) | None => None,
            Some(Verdict::Depends(condition)) => Some(condition),
        };
        let epoch = |number| EpochRef { recording: id.clone(), epoch: EpochNumber(number) };
        let excluded = self.excluded_epochs.range(epoch(0)..=epoch(u32::MAX));
        let excluded: BTreeSet<_> = excluded.map(|excluded| excluded.epoch).collect();
        let is_open = self.stages.is_none()
            && self.channels == ChannelMask::NONE
            && self.any_event == EventSet::EMPTY
            && self.no_event == EventSet::EMPTY
            && excluded.is_empty()
            && expression.is_none();
        Some((!is_open).then(|| Conditions {
            stages: self.stages.as_ref().map(|stages| Stage::ALL.map(|it| stages.contains(&it))),
            channels: self.channels,
            any_event: self.any_event.bits(),
            no_event: self.no_event.bits(),
            excluded,
            expression,
        }))
    }
}

/// Conditions on the epochs of one recording that its entry does not decide.
#[derive(Debug)]
pub(crate) struct Conditions {
    /// Allowed stages, by position in [`Stage::ALL`].
    stages: Option<[bool; 5]>,
    channels: ChannelMask,
    any_event: u32,
    no_event: u32,
    excluded: BTreeSet<EpochNumber>,
    /// The rest of an expression.
    expression: Option<RowCondition>,
}

impl Conditions {
    /// Returns whether an epoch of the recording is allowed.
    pub(crate) fn hold(&self, entry: &RecordingEntry, epoch: &EpochRow) -> bool {
        let events = epoch.events.bits();
        self.stages.is_none_or(|stages| epoch.stage.is_some_and(|stage| stages[stage.index()]))
            && epoch.mask.contains_all(self.channels)
            && (self.any_event == 0 || events & self.any_event != 0)
            && events & self.no_event == 0
            && !self.excluded.contains(&epoch.number)
            && self.expression.as_ref().is_none_or(|condition| condition.holds(entry, epoch))
    }
}
