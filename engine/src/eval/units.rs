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
