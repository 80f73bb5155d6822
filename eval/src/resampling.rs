//! Divides the epochs into the units that the bootstrap resamples for the intervals of all figures.

use std::collections::{BTreeMap, BTreeSet};

use nocturne_encoder::metrics::Bootstrap;
use serde::Serialize;

use crate::scored_night::ScoredNight;

/// Number of draws of the bootstrap.
const DRAWS: usize = 1000;
/// Seed of the draws.
const SEED: u64 = 20_260_103;
/// Length of a unit of a single subject's recording, in seconds.
const HALF_HOUR_S: f64 = 1800.0;

/// How the intervals were computed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Resampling {
    /// The resampled unit.
    pub unit: ResamplingUnit,
    /// Number of units. With fewer than about ten, the intervals are too narrow.
    pub units: usize,
    /// Number of draws of all units.
    pub draws: usize,
}

/// A unit that is resampled as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum ResamplingUnit {
    /// A subject with all recordings; see [`nocturne_psg::subject_of`].
    Subject,
    /// Half an hour of the only subject; the interval does not cover differences between subjects.
    HalfHour,
}

/// Assigns a unit to every epoch and draws the units. With one subject, a unit is half an hour.
pub(crate) fn resample(nights: &mut [ScoredNight]) -> (Resampling, Bootstrap) {
    let subjects: BTreeSet<&str> = nights.iter().map(|night| night.subject.as_str()).collect();
    let unit = if subjects.len() == 1 { ResamplingUnit::HalfHour } else { ResamplingUnit::Subject };
    let mut numbers = BTreeMap::new();
    for (i, night) in nights.iter_mut().enumerate() {
        for epoch in &mut night.epochs {
            let key = match unit {
                ResamplingUnit::Subject => (night.subject.clone(), 0, 0),
                ResamplingUnit::HalfHour => {
                    (String::new(), i, (epoch.onset_s / HALF_HOUR_S) as u64)
                }
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

    use super::*;
    use crate::scored_night::tests::night_of;

    fn night(subject: &str) -> ScoredNight {
        let epoch = |onset_s| (onset_s, Stage::N2, [1.0, 0.0]);
        night_of(subject, &[0.0, 1770.0, 1800.0, 9000.0].map(epoch))
    }

    fn units(night: &ScoredNight) -> Vec<usize> {
        night.epochs.iter().map(|epoch| epoch.unit).collect()
    }

    #[test]
    fn half_hours_of_a_single_subject_are_resampled() {
        let mut nights = [night("a"), night("a")];
        let (resampling, bootstrap) = resample(&mut nights);
        let unit = ResamplingUnit::HalfHour;
        assert_eq!(resampling, Resampling { unit, units: 6, draws: DRAWS });
        assert_eq!(bootstrap.n_units(), 6);
        assert_eq!((units(&nights[0]), units(&nights[1])), (vec![0, 0, 1, 2], vec![3, 3, 4, 5]));
    }

    #[test]
    fn several_subjects_are_resampled_with_all_their_recordings() {
        let mut nights = [night("a"), night("b"), night("a")];
        let (resampling, _) = resample(&mut nights);
        let unit = ResamplingUnit::Subject;
        assert_eq!(resampling, Resampling { unit, units: 2, draws: DRAWS });
        assert_eq!(nights.each_ref().map(units), [vec![0; 4], vec![1; 4], vec![0; 4]]);
    }
}
