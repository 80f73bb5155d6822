//! Recordings of the same night, such as an EDF and a BDF of it, are counted once.

use nocturne_concepts::Track;

use crate::question::nights::judge::JudgedNight;

/// Largest mean difference of stage probabilities between two recordings of the same signals, which differ by rounding.
const LARGEST_DIFFERENCE: f32 = 0.02;

/// Keeps one of the recordings of each night, the first by name, and names the others in it.
pub(super) fn merged(nights: Vec<JudgedNight>) -> Vec<JudgedNight> {
    let mut kept: Vec<JudgedNight> = Vec::new();
    for night in nights {
        match kept.iter_mut().find(|other| is_same_night(&other.track, &night.track)) {
            Some(other) => other.hit.same_night.push(night.hit.recording),
            None => kept.push(night),
        }
    }
    kept
}

/// Returns whether two tracks are of the same night: they start at the same time by the clock, and their epochs have the
/// same numbers, channels and stages.
fn is_same_night(a: &Track, b: &Track) -> bool {
    let n = a.n_epochs();
    if a.start().is_none() || a.start() != b.start() || n != b.n_epochs() || n == 0 {
        return false;
    }
    let is_same =
        |epoch: usize| a.number(epoch) == b.number(epoch) && a.mask(epoch) == b.mask(epoch);
    if !(0..n).all(is_same) {
        return false;
    }
    let difference = |epoch: usize| match (a.posterior(epoch), b.posterior(epoch)) {
        (Some(a), Some(b)) => a.iter().zip(b).map(|(a, b)| (a - b).abs()).sum::<f32>() / 2.0,
        (None, None) => 0.0,
        _ => 1.0,
    };
    (0..n).map(difference).sum::<f32>() / n as f32 <= LARGEST_DIFFERENCE
}
