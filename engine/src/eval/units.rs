//! What is drawn again to tell how far a figure may be off.

use std::collections::BTreeMap;

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
    /// A recording, each taken for that of another person.
    Recording,
    /// Half an hour of the only recording; the interval says nothing of other people.
    HalfHour,
}

/// Numbers the units of all epochs, and draws them.
pub(super) fn resample(nights: &mut [ScoredNight]) -> (Resampling, Bootstrap) {
    let (unit, units) = match nights {
        [only] => (Unit::HalfHour, number_stretches(only)),
        several => {
            for (i, night) in several.iter_mut().enumerate() {
                night.epochs.iter_mut().for_each(|epoch| epoch.unit = i);
            }
            (Unit::Recording, several.len())
        }
    };
    (Resampling { unit, units, draws: DRAWS }, Bootstrap::draw(units, DRAWS, SEED))
}

fn number_stretches(night: &mut ScoredNight) -> usize {
    let mut numbers = BTreeMap::new();
    for epoch in &mut night.epochs {
        let next = numbers.len();
        epoch.unit = *numbers.entry((epoch.onset_s / STRETCH_S) as u64).or_insert(next);
    }
    numbers.len()
}

#[cfg(test)]
mod tests {
    use nocturne_psg::Stage;

    use super::super::scored_night::tests::made_up;
    use super::*;

    fn night() -> ScoredNight {
        made_up(&[0.0, 1770.0, 1800.0, 9000.0].map(|onset_s| (onset_s, Stage::N2, [1.0, 0.0])))
    }

    fn units(night: &ScoredNight) -> Vec<usize> {
        night.epochs.iter().map(|epoch| epoch.unit).collect()
    }

    #[test]
    fn half_hours_of_one_recording_are_drawn() {
        let mut nights = [night()];
        let (resampling, bootstrap) = resample(&mut nights);
        assert_eq!(resampling, Resampling { unit: Unit::HalfHour, units: 3, draws: DRAWS });
        assert_eq!((units(&nights[0]), bootstrap.n_units()), (vec![0, 0, 1, 2], 3));
    }

    #[test]
    fn recordings_are_drawn_where_there_are_several() {
        let mut nights = [night(), night()];
        let (resampling, _) = resample(&mut nights);
        assert_eq!(resampling, Resampling { unit: Unit::Recording, units: 2, draws: DRAWS });
        assert_eq!((units(&nights[0]), units(&nights[1])), (vec![0; 4], vec![1; 4]));
    }
}
