//! The stages of the epochs of a night, scored or as probabilities.

use crate::sleep::{EPOCH_S, Stage};

/// Probabilities of the stages of an epoch, in the order of [`Stage::ALL`]; they sum to 1.
pub type StagePosterior = [f32; 5];

/// Largest distance in seconds of two epochs that follow each other: the rounding of onsets in files.
const ADJACENT_S: f64 = 1e-3;

/// The stages of the epochs of a night by onset.
///
/// Epochs without a stage and gaps of the recording are the same here: time that is neither sleep nor wake, and that no
/// run of a stage crosses.
#[derive(Debug, Clone, PartialEq)]
pub struct EpochStages {
    /// The epochs that have a stage, by onset.
    epochs: Vec<StagedEpoch>,
    /// Onset of the first and end of the last epoch, with or without a stage; `None` if there is none.
    span_s: Option<(f64, f64)>,
}

/// The scored or the most probable stage, and the share of the epoch that each stage counts for.
type Judged = (Stage, [f64; 5]);

/// An epoch with a stage.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct StagedEpoch {
    pub(super) onset_s: f64,
    /// The scored or the most probable stage.
    pub(super) stage: Stage,
    /// Share of the epoch that each stage counts for; they sum to 1.
    pub(super) shares: [f64; 5],
}

impl StagedEpoch {
    pub(super) fn end_s(&self) -> f64 {
        self.onset_s + EPOCH_S
    }

    /// Returns whether another epoch starts where this one ends.
    pub(super) fn is_followed_by(&self, next: &Self) -> bool {
        (next.onset_s - self.end_s()).abs() < ADJACENT_S
    }
}

impl EpochStages {
    /// Creates the stages of epochs without a gap, the first of which starts with the recording.
    pub fn consecutive(stages: &[Option<Stage>]) -> Self {
        Self::scored(stages.iter().enumerate().map(|(n, stage)| (n as f64 * EPOCH_S, *stage)))
    }

    /// Creates stages from pairs `(onset_s, stage)` in any order; `None` is an epoch that is not scored.
    ///
    /// If two epochs have the same onset, the later one is used.
    pub fn scored(epochs: impl IntoIterator<Item = (f64, Option<Stage>)>) -> Self {
        Self::of(epochs.into_iter().map(|(onset_s, stage)| {
            let certain = |stage: Stage| {
                let mut shares = [0.0; 5];
                shares[stage.index()] = 1.0;
                (stage, shares)
            };
            (onset_s, stage.map(certain))
        }))
    }

    /// Creates stages from pairs `(onset_s, probabilities)` in any order; `None` is an epoch without an answer.
    ///
    /// Times of stages are then expected values, the sums of the probabilities. What depends on the order of stages
    /// (onset, latencies, runs, awakenings, shifts) uses the most probable stage of each epoch, the first of
    /// [`Stage::ALL`] if two are equal. Probabilities are divided by their sum; an epoch with a negative or non-finite
    /// one, or with a sum of 0, has no stage.
    pub fn posterior(epochs: impl IntoIterator<Item = (f64, Option<StagePosterior>)>) -> Self {
        Self::of(epochs.into_iter().map(|(onset_s, shares)| (onset_s, shares.and_then(probable))))
    }

    fn of(epochs: impl Iterator<Item = (f64, Option<Judged>)>) -> Self {
        let mut stages = Self { epochs: Vec::with_capacity(epochs.size_hint().0), span_s: None };
        for (onset_s, judged) in epochs {
            let end_s = onset_s + EPOCH_S;
            let (first_s, last_s) = stages.span_s.unwrap_or((onset_s, end_s));
            stages.span_s = Some((first_s.min(onset_s), last_s.max(end_s)));
            let epoch = judged.map(|(stage, shares)| StagedEpoch { onset_s, stage, shares });
            // Epochs are nearly always in order.
            let is_later = stages.epochs.last().is_none_or(|last| onset_s > last.onset_s);
            match epoch {
                Some(epoch) if is_later => stages.epochs.push(epoch),
                None if is_later => {}
                epoch => stages.replace(onset_s, epoch),
            }
        }
        stages
    }

    /// Puts an epoch in its place among later ones, instead of one with the same onset.
    fn replace(&mut self, onset_s: f64, epoch: Option<StagedEpoch>) {
        let at = self.epochs.partition_point(|other| other.onset_s < onset_s);
        let is_taken = self.epochs.get(at).is_some_and(|other| other.onset_s == onset_s);
        self.epochs.splice(at..at + usize::from(is_taken), epoch);
    }

    /// Returns the onset of the first and the end of the last epoch in seconds, with or without a stage.
    pub fn span_s(&self) -> Option<(f64, f64)> {
        self.span_s
    }

    /// Returns the onset in seconds and the stage of each epoch that has one, by onset.
    pub fn iter(&self) -> impl Iterator<Item = (f64, Stage)> + '_ {
        self.epochs.iter().map(|epoch| (epoch.onset_s, epoch.stage))
    }

    /// Returns the onset of the first and the end of the last epoch of sleep in seconds: the sleep period.
    pub fn sleep_period_s(&self) -> Option<(f64, f64)> {
        let mut asleep = self.epochs.iter().filter(|epoch| epoch.stage.is_sleep());
        let first = asleep.next()?;
        let last = asleep.next_back().unwrap_or(first);
        Some((first.onset_s, last.end_s()))
    }

    /// Returns the epochs with a stage that lie wholly within a window in seconds.
    pub(super) fn within(&self, (start_s, end_s): (f64, f64)) -> &[StagedEpoch] {
        let first = self.epochs.partition_point(|epoch| epoch.onset_s < start_s - ADJACENT_S);
        let last = self.epochs.partition_point(|epoch| epoch.end_s() <= end_s + ADJACENT_S);
        self.epochs.get(first..last).unwrap_or_default()
    }
}

/// Returns the most probable stage and the probabilities divided by their sum.
#[inline]
fn probable(posterior: StagePosterior) -> Option<Judged> {
    let shares = posterior.map(f64::from);
    let sum: f64 = shares.iter().sum();
    let is_valid = shares.iter().all(|share| *share >= 0.0) && sum.is_finite() && sum > 0.0;
    if !is_valid {
        return None;
    }
    let mut likely = Stage::Wake;
    for stage in Stage::ALL {
        if shares[stage.index()] > shares[likely.index()] {
            likely = stage;
        }
    }
    let scale = 1.0 / sum;
    Some((likely, shares.map(|share| share * scale)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn later_of_two_epochs_with_one_onset_is_used() {
        let stages = EpochStages::scored([(0.0, Some(Stage::N1)), (0.0, Some(Stage::N2))]);
        assert_eq!(stages.iter().collect::<Vec<_>>(), [(0.0, Stage::N2)]);
    }

    #[test]
    fn epochs_may_come_in_any_order() {
        let stage = [Some(Stage::N3), None, Some(Stage::N1), Some(Stage::N2), Some(Stage::Wake)];
        let onsets_s = [90.0, 0.0, 30.0, 60.0, 60.0];
        let stages = EpochStages::scored(onsets_s.into_iter().zip(stage).chain([(90.0, None)]));
        let expected = [(30.0, Stage::N1), (60.0, Stage::Wake)];
        assert_eq!(stages.iter().collect::<Vec<_>>(), expected);
        assert_eq!(stages.span_s(), Some((0.0, 120.0)));
    }

    #[test]
    fn invalid_probabilities_are_not_a_stage() {
        let invalid = [[0.0; 5], [f32::NAN; 5], [2.0, -1.0, 0.0, 0.0, 0.0]];
        let epochs = invalid.iter().enumerate().map(|(n, p)| (n as f64 * EPOCH_S, Some(*p)));
        let stages = EpochStages::posterior(epochs);
        assert_eq!(stages.iter().count(), 0);
        assert_eq!(stages.span_s(), Some((0.0, 90.0)));
    }

    #[test]
    fn window_holds_whole_epochs() {
        let stages = EpochStages::consecutive(&[Some(Stage::N2); 4]);
        let onsets = |window| stages.within(window).iter().map(|epoch| epoch.onset_s).collect();
        let found: [Vec<f64>; 3] = [(0.0, 120.0), (10.0, 119.0), (100.0, 20.0)].map(onsets);
        assert_eq!(found, [vec![0.0, 30.0, 60.0, 90.0], vec![30.0, 60.0], vec![]]);
    }
}
