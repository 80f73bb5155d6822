//! Recordings of the same night, such as an EDF and a BDF of it, are counted once.

use std::collections::HashMap;

use nocturne_concepts::Track;

use crate::question::nights::judge::JudgedNight;

/// Largest mean difference of stage probabilities between two recordings of the same signals, which differ by rounding.
const LARGEST_DIFFERENCE: f32 = 0.02;

/// Keeps one of the recordings of each night, the first by name, and names the others in it.
pub(super) fn merged(nights: Vec<JudgedNight>) -> Vec<JudgedNight> {
    let mut kept: Vec<JudgedNight> = Vec::with_capacity(nights.len());
    // Positions in `kept` by start and length: only such nights can be the same.
    let mut alike: HashMap<(i64, usize), Vec<usize>> = HashMap::new();
    for night in nights {
        let Some(start_s) = night.track.start_s() else {
            kept.push(night);
            continue;
        };
        let others = alike.entry((start_s, night.track.n_epochs())).or_default();
        let same = others.iter().find(|at| is_same_night(&kept[**at].track, &night.track));
        if let Some(at) = same {
            kept[*at].hit.same_night.push(night.hit.recording);
        } else {
            others.push(kept.len());
            kept.push(night);
        }
    }
    kept
}

/// Returns whether two tracks of the same start and length are of the same night: their epochs have the same numbers,
/// channels and stages.
fn is_same_night(a: &Track, b: &Track) -> bool {
    let n = a.n_epochs();
    let most = LARGEST_DIFFERENCE * n as f32;
    let mut sum = 0.0;
    for epoch in 0..n {
        if a.number(epoch) != b.number(epoch) || a.mask(epoch) != b.mask(epoch) {
            return false;
        }
        sum += match (a.posterior(epoch), b.posterior(epoch)) {
            (Some(a), Some(b)) => a.iter().zip(b).map(|(a, b)| (a - b).abs()).sum::<f32>() / 2.0,
            (None, None) => 0.0,
            _ => 1.0,
        };
        // Other nights differ after a few epochs.
        if sum > most {
            return false;
        }
    }
    n > 0
}
