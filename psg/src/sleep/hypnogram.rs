//! The hypnogram: the scored stage at each time of a night.

use crate::sleep::{EPOCH_S, Stage};

/// Scored stages as half-open intervals in seconds from the start of the recording.
///
/// The intervals are sorted and do not overlap. If two scored intervals overlap, the later one wins.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Hypnogram {
    intervals: Vec<StageInterval>,
}

/// One scored interval.
#[derive(Debug, Clone, Copy, PartialEq)]
struct StageInterval {
    start_s: f64,
    end_s: f64,
    /// `None` for movement time and unscored time.
    stage: Option<Stage>,
}

impl Hypnogram {
    /// Creates a hypnogram from intervals `(onset_s, duration_s, stage)` in any order; empty ones are dropped.
    pub fn new(scored: impl IntoIterator<Item = (f64, f64, Option<Stage>)>) -> Self {
        let mut intervals: Vec<StageInterval> = scored
            .into_iter()
            .filter(|(_, duration_s, _)| *duration_s > 0.0)
            .map(|(start_s, duration_s, stage)| StageInterval {
                start_s,
                end_s: start_s + duration_s,
                stage,
            })
            .collect();
        intervals.sort_by(|a, b| a.start_s.total_cmp(&b.start_s));
        for i in 1..intervals.len() {
            let next_start_s = intervals[i].start_s;
            intervals[i - 1].end_s = intervals[i - 1].end_s.min(next_start_s);
        }
        intervals.retain(|interval| interval.end_s > interval.start_s);
        Self { intervals }
    }

    /// Creates a hypnogram from one stage per epoch, starting with the recording.
    pub fn from_epochs(stages: &[Option<Stage>]) -> Self {
        Self::new(stages.iter().enumerate().map(|(n, stage)| (n as f64 * EPOCH_S, EPOCH_S, *stage)))
    }

    /// Returns whether nothing is scored, not even as movement or unscored time.
    pub fn is_empty(&self) -> bool {
        self.intervals.is_empty()
    }

    /// Returns the end of the last scored interval in seconds from the start of the recording, 0 if there is none.
    pub fn end_s(&self) -> f64 {
        self.intervals.last().map_or(0.0, |interval| interval.end_s)
    }

    /// Returns the stage that fills more than half of the epoch with onset `onset_s`, or `None` if none does.
    pub fn stage_of_epoch(&self, onset_s: f64) -> Option<Stage> {
        let end_s = onset_s + EPOCH_S;
        let first = self.intervals.partition_point(|interval| interval.end_s <= onset_s);
        let mut shares_s = [0.0; Stage::ALL.len()];
        for interval in
            self.intervals[first..].iter().take_while(|interval| interval.start_s < end_s)
        {
            if let Some(stage) = interval.stage {
                shares_s[stage.index()] +=
                    interval.end_s.min(end_s) - interval.start_s.max(onset_s);
            }
        }
        Stage::ALL.into_iter().find(|stage| shares_s[stage.index()] > EPOCH_S / 2.0)
    }

    /// Returns the seconds that are scored, also as movement or unscored time.
    pub fn scored_s(&self) -> f64 {
        self.intervals.iter().map(|interval| interval.end_s - interval.start_s).sum()
    }

    /// Returns the total sleep time in seconds.
    pub fn total_sleep_s(&self) -> f64 {
        let asleep =
            self.intervals.iter().filter(|interval| interval.stage.is_some_and(Stage::is_sleep));
        asleep.map(|interval| interval.end_s - interval.start_s).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn epoch_has_the_stage_that_fills_most_of_it() {
        let night = Hypnogram::new([(0.0, 40.0, Some(Stage::Wake)), (40.0, 50.0, Some(Stage::N2))]);
        assert_eq!(night.stage_of_epoch(0.0), Some(Stage::Wake));
        assert_eq!(night.stage_of_epoch(30.0), Some(Stage::N2));
        assert_eq!(night.stage_of_epoch(60.0), Some(Stage::N2));
        assert_eq!(night.stage_of_epoch(90.0), None);
        assert_eq!(night.total_sleep_s(), 50.0);
    }

    #[test]
    fn movement_time_is_neither_sleep_nor_wake() {
        let night = Hypnogram::from_epochs(&[Some(Stage::N1), None, Some(Stage::Rem)]);
        assert_eq!(night.stage_of_epoch(30.0), None);
        assert_eq!(night.total_sleep_s(), 60.0);
    }

    #[test]
    fn later_interval_wins_an_overlap() {
        let night = Hypnogram::new([(0.0, 60.0, Some(Stage::N2)), (30.0, 30.0, Some(Stage::N3))]);
        assert_eq!(night.stage_of_epoch(0.0), Some(Stage::N2));
        assert_eq!(night.stage_of_epoch(30.0), Some(Stage::N3));
    }
}
