//! A night's stages on the 30-second grid.

use crate::{EPOCH_S, Stage};

/// The stage of every stretch of a night, as scored: half-open intervals in seconds from the start of the recording.
///
/// The intervals are in order and do not overlap; where two scorings claim the same second, the later in the file wins.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Hypnogram {
    stretches: Vec<Stretch>,
}

/// One scored stretch.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Stretch {
    start_s: f64,
    end_s: f64,
    /// `None` for movement time and unscored.
    stage: Option<Stage>,
}

impl Hypnogram {
    /// Takes scored stretches `(onset, duration, stage)` in seconds, in any order; empty ones are dropped.
    pub fn new(scored: impl IntoIterator<Item = (f64, f64, Option<Stage>)>) -> Self {
        let mut stretches: Vec<Stretch> = scored
            .into_iter()
            .filter(|(_, duration_s, _)| *duration_s > 0.0)
            .map(|(start_s, duration_s, stage)| Stretch {
                start_s,
                end_s: start_s + duration_s,
                stage,
            })
            .collect();
        stretches.sort_by(|a, b| a.start_s.total_cmp(&b.start_s));
        for i in 1..stretches.len() {
            let next_start_s = stretches[i].start_s;
            stretches[i - 1].end_s = stretches[i - 1].end_s.min(next_start_s);
        }
        stretches.retain(|stretch| stretch.end_s > stretch.start_s);
        Self { stretches }
    }

    /// Takes one stage per epoch from the start of the recording.
    pub fn from_epochs(stages: &[Option<Stage>]) -> Self {
        Self::new(stages.iter().enumerate().map(|(n, stage)| (n as f64 * EPOCH_S, EPOCH_S, *stage)))
    }

    /// Returns whether nothing is scored.
    pub fn is_empty(&self) -> bool {
        self.stretches.is_empty()
    }

    /// Returns the end of the last scored stretch in seconds from the start of the recording, 0 where there is none.
    pub fn end_s(&self) -> f64 {
        self.stretches.last().map_or(0.0, |stretch| stretch.end_s)
    }

    /// Returns the stage that fills more than half of the epoch that begins at `onset_s`, if one does.
    pub fn stage_of_epoch(&self, onset_s: f64) -> Option<Stage> {
        let end_s = onset_s + EPOCH_S;
        let first = self.stretches.partition_point(|stretch| stretch.end_s <= onset_s);
        let mut shares_s = [0.0; Stage::ALL.len()];
        for stretch in self.stretches[first..].iter().take_while(|stretch| stretch.start_s < end_s)
        {
            if let Some(stage) = stretch.stage {
                shares_s[stage.index()] += stretch.end_s.min(end_s) - stretch.start_s.max(onset_s);
            }
        }
        Stage::ALL.into_iter().find(|stage| shares_s[stage.index()] > EPOCH_S / 2.0)
    }

    /// Returns the scored sleep in seconds.
    pub fn total_sleep_s(&self) -> f64 {
        let asleep =
            self.stretches.iter().filter(|stretch| stretch.stage.is_some_and(Stage::is_sleep));
        asleep.map(|stretch| stretch.end_s - stretch.start_s).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn epoch_takes_the_stage_that_fills_most_of_it() {
        let night = Hypnogram::new([(0.0, 40.0, Some(Stage::Wake)), (40.0, 50.0, Some(Stage::N2))]);
        assert_eq!(night.stage_of_epoch(0.0), Some(Stage::Wake));
        assert_eq!(night.stage_of_epoch(30.0), Some(Stage::N2));
        assert_eq!(night.stage_of_epoch(60.0), Some(Stage::N2));
        assert_eq!(night.stage_of_epoch(90.0), None);
        assert_eq!(night.total_sleep_s(), 50.0);
    }

    #[test]
    fn movement_is_neither_sleep_nor_wake() {
        let night = Hypnogram::from_epochs(&[Some(Stage::N1), None, Some(Stage::Rem)]);
        assert_eq!(night.stage_of_epoch(30.0), None);
        assert_eq!(night.total_sleep_s(), 60.0);
    }

    #[test]
    fn later_scoring_wins_an_overlap() {
        let night = Hypnogram::new([(0.0, 60.0, Some(Stage::N2)), (30.0, 30.0, Some(Stage::N3))]);
        assert_eq!(night.stage_of_epoch(0.0), Some(Stage::N2));
        assert_eq!(night.stage_of_epoch(30.0), Some(Stage::N3));
    }
}
