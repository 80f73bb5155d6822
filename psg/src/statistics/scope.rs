//! Scopes: the epochs in which events are counted.

use crate::sleep::{EPOCH_S, Stage};
use crate::statistics::bouts::minutes;
use crate::statistics::epoch_stages::EpochStages;

/// A set of epochs by onset, such as all sleep, or REM sleep on the back.
///
/// Scopes of one night are combined with [`and`](Self::and) and [`without`](Self::without); epochs are the same if
/// their onsets are equal.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Scope {
    /// Ascending, without duplicates.
    onsets_s: Vec<f64>,
}

impl Scope {
    /// Creates a scope of the epochs with these onsets in seconds, in any order; for positions, clock times and others.
    pub fn of_onsets(onsets_s: impl IntoIterator<Item = f64>) -> Self {
        let mut onsets_s: Vec<f64> = onsets_s.into_iter().collect();
        onsets_s.sort_by(f64::total_cmp);
        onsets_s.dedup();
        Self { onsets_s }
    }

    /// Creates the scope of all epochs of sleep.
    pub fn sleep(stages: &EpochStages) -> Self {
        Self::of_stages(stages, Stage::is_sleep)
    }

    /// Creates the scope of the epochs whose stage is chosen.
    pub fn of_stages(stages: &EpochStages, is_chosen: impl Fn(Stage) -> bool) -> Self {
        let chosen = stages.iter().filter(|(_, stage)| is_chosen(*stage));
        Self::of_onsets(chosen.map(|(onset_s, _)| onset_s))
    }

    /// Creates the scope of the epochs with a stage whose middle lies in `[start_s, end_s)`, in seconds.
    pub fn between(stages: &EpochStages, start_s: f64, end_s: f64) -> Self {
        let is_inside = |onset_s: &f64| (start_s..end_s).contains(&(onset_s + EPOCH_S / 2.0));
        Self::of_onsets(stages.iter().map(|(onset_s, _)| onset_s).filter(is_inside))
    }

    /// Creates the scope of the epochs with a stage in one of the equal parts of the sleep period; empty without sleep.
    ///
    /// `number` is from 1 to `of`: 2 of 3 is the second third.
    pub fn part(stages: &EpochStages, number: u8, of: u8) -> Self {
        let Some((start_s, end_s)) = stages.sleep_period_s() else { return Self::default() };
        let part_s = (end_s - start_s) / f64::from(of);
        let part_start_s = start_s + (f64::from(number) - 1.0) * part_s;
        Self::between(stages, part_start_s, part_start_s + part_s)
    }

    /// Returns the epochs that are in both scopes.
    pub fn and(&self, other: &Self) -> Self {
        self.retaining(|onset_s| other.has_epoch(onset_s))
    }

    /// Returns the epochs that are not in the other scope.
    pub fn without(&self, other: &Self) -> Self {
        self.retaining(|onset_s| !other.has_epoch(onset_s))
    }

    /// Returns the number of epochs.
    pub fn n_epochs(&self) -> usize {
        self.onsets_s.len()
    }

    /// Returns the minutes of all epochs.
    pub fn minutes(&self) -> f64 {
        minutes(self.n_epochs())
    }

    /// Returns whether a time in seconds lies in one of the epochs.
    pub fn contains(&self, at_s: f64) -> bool {
        // The last epoch that starts no later must also end after it.
        let before = self.onsets_s.partition_point(|onset_s| *onset_s <= at_s);
        before > 0 && at_s < self.onsets_s[before - 1] + EPOCH_S
    }

    fn has_epoch(&self, onset_s: f64) -> bool {
        self.onsets_s.binary_search_by(|known| known.total_cmp(&onset_s)).is_ok()
    }

    fn retaining(&self, is_kept: impl Fn(f64) -> bool) -> Self {
        let kept = self.onsets_s.iter().copied().filter(|onset_s| is_kept(*onset_s));
        Self { onsets_s: kept.collect() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use Stage::{N2, Rem, Wake};

    fn night() -> EpochStages {
        let stages = [Wake, N2, N2, Rem, Wake, N2, Rem].map(Some);
        EpochStages::consecutive(&stages)
    }

    fn scope(onsets_s: &[f64]) -> Scope {
        Scope::of_onsets(onsets_s.iter().copied())
    }

    #[test]
    fn time_belongs_to_the_epoch_that_contains_it() {
        let scope = scope(&[0.0, 60.0]);
        let found = [-0.1, 0.0, 29.9, 30.0, 60.0, 90.0].map(|at_s| scope.contains(at_s));
        assert_eq!(found, [false, true, true, false, true, false]);
    }

    #[test]
    fn scopes_are_combined() {
        let supine = scope(&[30.0, 120.0, 180.0]);
        assert_eq!(Scope::sleep(&night()).and(&supine), scope(&[30.0, 180.0]));
        assert_eq!(Scope::sleep(&night()).without(&supine), scope(&[60.0, 90.0, 150.0]));
        assert_eq!(Scope::sleep(&night()).minutes(), 2.5);
    }

    #[test]
    fn parts_divide_the_sleep_period() {
        let part = |number, of| Scope::part(&night(), number, of);
        assert_eq!(part(1, 2), scope(&[30.0, 60.0, 90.0]));
        assert_eq!(part(2, 2), scope(&[120.0, 150.0, 180.0]));
        assert_eq!(part(2, 3), scope(&[90.0, 120.0]));
        assert_eq!(part(1, 1).n_epochs(), 6);
    }

    #[test]
    fn parts_of_a_night_without_sleep_are_empty() {
        let awake = EpochStages::consecutive(&[Some(Wake); 3]);
        assert_eq!(Scope::part(&awake, 1, 2), Scope::default());
    }
}
