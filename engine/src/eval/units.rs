//! What is drawn again to tell how far a figure may be off.

use std::collections::{BTreeMap, BTreeSet};

use nocturne_encoder::metrics::Bootstrap;
use serde::Serialize;

use super::scored_night::ScoredNight;

/// Draws of the bootstrap.
const DRAWS: usize = 1000;
/// Seed of the draws.
const SEED: u64 = 20_260_103;
/// Length of a stretch of one recording in seconds.
const STRETCH_S: f64 = 1800.0;

/// Ends of the 95 % intervals of figures, by their names; `None` where too little was drawn to tell them.
pub type Intervals = BTreeMap<&'static str, Option<[f64; 2]>>;

/// What the intervals were made of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Resampling {
    /// What was drawn.
    pub unit: Unit,
    /// How many there are. Below ten or so the intervals are too narrow.
    pub units: usize,
    /// How often all of them were drawn.
    pub draws: usize,
}

/// What is drawn again, as one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// A person with all recordings; see [`nocturne_psg::subject_of`].
    Subject,
    /// Half an hour of the only person; the interval says nothing of other people.
    HalfHour,
}

/// Numbers the units of all epochs, and draws them.
pub(super) fn resample(nights: &mut [ScoredNight]) -> (Resampling, Bootstrap) {
    let subjects: BTreeSet<&str> = nights.iter().map(|night| night.subject.as_str()).collect();
    let unit = if subjects.len() == 1 { Unit::HalfHour } else { Unit::Subject };
    let mut numbers = BTreeMap::new();
    for (i, night) in nights.iter_mut().enumerate() {
        for epoch in &mut night.epochs {
            let key = match unit {
                Unit::Subject => (night.subject.clone(), 0, 0),
                Unit::HalfHour => (String::new(), i, (epoch.onset_s / STRETCH_S) as u64),
            };
            let next = numbers.len();
            epoch.unit = *numbers.entry(key).or_insert(next);
        }
    }
    let units = numbers.len();
    (Resampling { unit, units, draws: DRAWS }, Bootstrap::draw(units, DRAWS, SEED))
}

#[cfg(test)]
mod tests {
    use nocturne_psg::Stage;

    use super::super::scored_night::tests::made_up;
    use super::*;

    fn night(subject: &str) -> ScoredNight {
        let epoch = |onset_s| (onset_s, Stage::N2, [1.0, 0.0]);
        made_up(subject, &[0.0, 1770.0, 1800.0, 9000.0].map(epoch))
    }

    fn units(night: &ScoredNight) -> Vec<usize> {
        night.epochs.iter().map(|epoch| epoch.unit).collect()
    }

    #[test]
    fn half_hours_of_one_person_are_drawn() {
        let mut nights = [night("a"), night("a")];
        let (resampling, bootstrap) = resample(&mut nights);
        assert_eq!(resampling, Resampling { unit: Unit::HalfHour, units: 6, draws: DRAWS });
        assert_eq!(bootstrap.n_units(), 6);
        assert_eq!((units(&nights[0]), units(&nights[1])), (vec![0, 0, 1, 2], vec![3, 3, 4, 5]));
    }

    #[test]
    fn people_are_drawn_with_all_their_recordings_where_there_are_several() {
        let mut nights = [night("a"), night("b"), night("a")];
        let (resampling, _) = resample(&mut nights);
        assert_eq!(resampling, Resampling { unit: Unit::Subject, units: 2, draws: DRAWS });
        assert_eq!(nights.each_ref().map(units), [vec![0; 4], vec![1; 4], vec![0; 4]]);
    }
}
