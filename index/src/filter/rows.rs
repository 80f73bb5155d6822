//! The rows of one recording that a filter allows.

use nocturne_psg::Stage;
use nocturne_psg::montage::ChannelMask;

use super::Conditions;
use crate::recording::{EpochColumns, RecordingEntry};

/// The conditions of a filter on the epochs of one recording.
#[derive(Debug)]
pub struct RowFilter<'a>(Option<Evaluation<'a>>);

#[derive(Debug)]
struct Evaluation<'a> {
    entry: &'a RecordingEntry,
    columns: &'a EpochColumns,
    conditions: Conditions,
}

impl<'a> RowFilter<'a> {
    /// Allows every row.
    pub(crate) fn all() -> Self {
        Self(None)
    }

    /// Allows the rows for which conditions hold.
    pub(crate) fn new(
        entry: &'a RecordingEntry,
        columns: &'a EpochColumns,
        conditions: Conditions,
    ) -> Self {
        Self(Some(Evaluation { entry, columns, conditions }))
    }

    /// Returns whether the epoch in a row is allowed.
    ///
    /// # Panics
    ///
    /// Panics if there is no such row.
    pub fn allows(&self, row: usize) -> bool {
        self.0.as_ref().is_none_or(|it| it.conditions.hold(it.entry, &it.columns.row(row)))
    }

    /// Returns the allowed rows, ascending, or `None` if every row is allowed.
    ///
    /// Conditions are evaluated column by column, which takes a twentieth of the time of [`allows`](Self::allows) for each
    /// row.
    pub fn rows(&self) -> Option<Vec<u32>> {
        let holds = self.evaluate()?;
        Some((0..).zip(holds).filter(|(_, holds)| *holds).map(|(row, _)| row).collect())
    }

    /// Returns for each row whether it is allowed, or `None` if every row is.
    pub(crate) fn evaluate(&self) -> Option<Vec<bool>> {
        let Evaluation { entry, columns, conditions } = self.0.as_ref()?;
        #[cfg(test)]
        N_EVALUATIONS.set(N_EVALUATIONS.get() + 1);
        Some(conditions.hold_all(entry, columns))
    }
}

#[cfg(test)]
thread_local! {
    static N_EVALUATIONS: std::cell::Cell<usize> = const { std::cell::Cell::new(0) };
}

/// Returns how many recordings were evaluated on this thread, for tests that nothing is evaluated twice.
#[cfg(test)]
pub(crate) fn n_evaluations() -> usize {
    N_EVALUATIONS.get()
}

impl Conditions {
    /// Returns for each epoch of a recording whether it is allowed, as [`hold`](Self::hold) does.
    fn hold_all(&self, entry: &RecordingEntry, columns: &EpochColumns) -> Vec<bool> {
        let mut all = match &self.expression {
            Some(condition) => condition.hold(entry, columns),
            None => vec![true; columns.len()],
        };
        if let Some(stages) = self.stages {
            let holds = |stage: &Option<Stage>| stage.is_some_and(|stage| stages[stage.index()]);
            and(&mut all, columns.stages.iter().map(holds));
        }
        if self.channels != ChannelMask::NONE {
            and(&mut all, columns.masks.iter().map(|mask| mask.contains_all(self.channels)));
        }
        let events = || columns.event_sets.iter().map(|events| events.bits());
        if self.any_event != 0 {
            and(&mut all, events().map(|events| events & self.any_event != 0));
        }
        if self.no_event != 0 {
            and(&mut all, events().map(|events| events & self.no_event == 0));
        }
        if !self.excluded.is_empty() {
            let numbers = columns.numbers.iter();
            and(&mut all, numbers.map(|number| !self.excluded.contains(number)));
        }
        all
    }
}

/// Adds a condition to those that hold so far.
fn and(all: &mut [bool], holds: impl Iterator<Item = bool>) {
    all.iter_mut().zip(holds).for_each(|(all, holds)| *all &= holds);
}
