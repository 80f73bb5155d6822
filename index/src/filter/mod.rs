//! Which epochs a question is about.

mod condition;
mod evaluate;
mod expression;
mod grammar;
mod parse;
mod problem;

use std::collections::BTreeSet;

use nocturne_psg::montage::ChannelMask;
use nocturne_psg::{EpochNumber, EpochRef, EventSet, RecordingId, Stage};

use crate::error::{Error, Result};
use crate::recording::{EpochRow, Recording, RecordingEntry};
use crate::storage::Handle;
pub(crate) use condition::{ChannelSet, EpochNumberPart, EpochTest};
pub(crate) use evaluate::{RowCondition, Verdict};
pub use expression::Expression;
pub(crate) use expression::columns;
pub(crate) use grammar::Comparator;
pub use parse::{DEEPEST_FILTER, LONGEST_FILTER};
pub use problem::FilterProblem;

/// Conditions on epochs, all of which must hold; the default allows every epoch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Filter {
    /// The recordings to look in; all of them where there is nothing.
    pub recordings: Option<BTreeSet<RecordingId>>,
    /// The scored stages; all of them, and epochs that were not scored, where there is nothing.
    pub stages: Option<BTreeSet<Stage>>,
    /// Channels that must all have carried something.
    pub channels: ChannelMask,
    /// Scored events of which at least one must belong to the epoch; no condition where it is empty.
    pub any_event: EventSet,
    /// Scored events of which none may belong to the epoch.
    pub no_event: EventSet,
    /// Recordings to leave out, whether they are in the collection or not.
    pub excluded_recordings: BTreeSet<RecordingId>,
    /// Epochs to leave out, whether they are in the collection or not.
    pub excluded_epochs: BTreeSet<EpochRef>,
    /// Conditions that were written as one text.
    pub expression: Option<Expression>,
}

impl Filter {
    /// Returns whether every epoch is allowed.
    pub fn is_open(&self) -> bool {
        *self == Self::default()
    }

    /// Refuses an expression about metadata that none of these recordings has, or that is of another type.
    ///
    /// # Errors
    ///
    /// [`Error::Filter`].
    pub fn check<'a>(
        &self,
        entries: &(impl Iterator<Item = &'a RecordingEntry> + Clone),
    ) -> Result<()> {
        match &self.expression {
            Some(expression) => expression.check(entries).map_err(Error::Filter),
            None => Ok(()),
        }
    }

    /// Returns whether a recording may have epochs that are allowed, by what the manifest says of it alone.
    pub fn may_allow(&self, entry: &RecordingEntry) -> bool {
        self.conditions(entry).is_some()
    }

    /// Returns the conditions on the epochs of a recording; nothing where none of them is allowed.
    pub fn rows<'a>(&self, recording: &'a Recording) -> Option<RowFilter<'a>> {
        let conditions = self.conditions(recording.entry())?;
        Some(RowFilter(conditions.map(|conditions| (recording, conditions))))
    }

    /// Returns the conditions on the epochs of one recording; nothing where none of them is allowed.
    ///
    /// # Errors
    ///
    /// Those of [`Handle::recording`]; without conditions on epochs, none of the recording's columns is read.
    pub(crate) fn of<'a>(&self, handle: &'a Handle) -> Result<Option<RowFilter<'a>>> {
        let Some(conditions) = self.conditions(handle.entry()) else { return Ok(None) };
        let Some(conditions) = conditions else { return Ok(Some(RowFilter(None))) };
        Ok(Some(RowFilter(Some((handle.recording()?, conditions)))))
    }

    /// Decides what the manifest says of a recording can decide: nothing where no epoch is allowed, and no conditions
    /// where every one is.
    #[expect(clippy::option_option, reason = "both levels are named in the sentence above")]
    pub(crate) fn conditions(&self, entry: &RecordingEntry) -> Option<Option<Conditions>> {
        let id = &entry.id;
        let is_in = self.recordings.as_ref().is_none_or(|recordings| recordings.contains(id));
        if !is_in || self.excluded_recordings.contains(id) {
            return None;
        }
        let written = match self.expression.as_ref().map(|expression| expression.on(entry)) {
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
            && written.is_none();
        Some((!is_open).then(|| Conditions {
            stages: self.stages.as_ref().map(|stages| Stage::ALL.map(|it| stages.contains(&it))),
            channels: self.channels,
            any_event: self.any_event.bits(),
            no_event: self.no_event.bits(),
            excluded,
            written,
        }))
    }
}

/// Conditions on the epochs of one recording; without any, each epoch is allowed.
#[derive(Debug)]
pub struct RowFilter<'a>(Option<(&'a Recording, Conditions)>);

#[derive(Debug)]
pub(crate) struct Conditions {
    /// By position in [`Stage::ALL`].
    stages: Option<[bool; 5]>,
    channels: ChannelMask,
    any_event: u32,
    no_event: u32,
    excluded: BTreeSet<EpochNumber>,
    /// What an expression leaves to be asked.
    written: Option<RowCondition>,
}

impl RowFilter<'_> {
    /// Returns whether the epoch in a row is allowed.
    ///
    /// # Panics
    ///
    /// Panics where there is no such row.
    pub fn allows(&self, row: usize) -> bool {
        let Some((recording, conditions)) = &self.0 else { return true };
        conditions.hold(recording.entry(), &recording.row(row))
    }

    /// Returns the rows that are allowed, ascending; nothing where every one is.
    ///
    /// Conditions are decided column by column, which takes a twentieth of the time of [`allows`](Self::allows) for each row.
    pub fn rows(&self) -> Option<Vec<u32>> {
        let (recording, conditions) = self.0.as_ref()?;
        let holds = conditions.hold_all(recording);
        Some((0..).zip(holds).filter(|(_, holds)| *holds).map(|(row, _)| row).collect())
    }

    /// Returns how many of a recording's epochs are allowed.
    pub(crate) fn count(&self, n_epochs: usize) -> usize {
        let holds = self.0.as_ref().map(|(recording, conditions)| conditions.hold_all(recording));
        holds.map_or(n_epochs, |holds| holds.into_iter().filter(|holds| *holds).count())
    }
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
            && self.written.as_ref().is_none_or(|condition| condition.holds(entry, epoch))
    }

    /// Returns for each epoch of a recording whether it is allowed, as [`hold`](Self::hold) does.
    fn hold_all(&self, recording: &Recording) -> Vec<bool> {
        let mut all = match &self.written {
            Some(condition) => condition.hold(recording),
            None => vec![true; recording.n_epochs()],
        };
        if let Some(stages) = self.stages {
            let holds = |stage: &Option<Stage>| stage.is_some_and(|stage| stages[stage.index()]);
            keep(&mut all, recording.stages().iter().map(holds));
        }
        if self.channels != ChannelMask::NONE {
            keep(&mut all, recording.masks().iter().map(|mask| mask.contains_all(self.channels)));
        }
        let events = || recording.event_sets().iter().map(|events| events.bits());
        if self.any_event != 0 {
            keep(&mut all, events().map(|events| events & self.any_event != 0));
        }
        if self.no_event != 0 {
            keep(&mut all, events().map(|events| events & self.no_event == 0));
        }
        if !self.excluded.is_empty() {
            let numbers = recording.numbers().iter();
            keep(&mut all, numbers.map(|number| !self.excluded.contains(number)));
        }
        all
    }
}

/// Keeps what holds by a further condition.
fn keep(all: &mut [bool], holds: impl Iterator<Item = bool>) {
    all.iter_mut().zip(holds).for_each(|(all, holds)| *all &= holds);
}
