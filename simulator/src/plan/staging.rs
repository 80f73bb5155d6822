//! Scores the stage of each epoch from the plan of a night.

use nocturne_psg::{EPOCH_S, Event, Stage};

use crate::plan::graphoelements::SharpWave;
use crate::plan::vigilance::{SleepCourse, Vigilance};

/// Minimum share of slow waves in an epoch of N3 (AASM manual).
const N3_SHARE: f64 = 0.2;

/// Returns the stage of each of `n_epochs` epochs.
///
/// The state with the largest share of the epoch decides (AASM manual). NREM sleep is N3 if slow waves, including
/// K-complexes, fill at least [`N3_SHARE`] of the epoch, otherwise N2.
pub(super) fn stages(
    course: &SleepCourse,
    (slow_waves, k_complexes): (&[Event], &[SharpWave]),
    n_epochs: usize,
) -> Vec<Stage> {
    let mut slow_s = vec![0.0; n_epochs];
    for wave in slow_waves {
        add_shares(&mut slow_s, wave.onset_s, wave.end_s());
    }
    for wave in k_complexes {
        add_shares(&mut slow_s, wave.onset_s, wave.onset_s + wave.duration_s);
    }
    let mut shares_s = vec![[0.0_f64; 4]; n_epochs];
    for bout in &course.bouts {
        let first = (bout.start_s / EPOCH_S) as usize;
        for (epoch_idx, shares_s) in shares_s.iter_mut().enumerate().skip(first) {
            let start_s = epoch_idx as f64 * EPOCH_S;
            let shared_s = bout.end_s.min(start_s + EPOCH_S) - bout.start_s.max(start_s);
            if shared_s <= 0.0 {
                break;
            }
            shares_s[bout.vigilance as usize] += shared_s;
        }
    }
    let stage = |(shares_s, slow_s): (&[f64; 4], &f64)| match longest(shares_s) {
        Vigilance::Wake => Stage::Wake,
        Vigilance::N1 => Stage::N1,
        Vigilance::Nrem if *slow_s >= N3_SHARE * EPOCH_S => Stage::N3,
        Vigilance::Nrem => Stage::N2,
        Vigilance::Rem => Stage::Rem,
    };
    shares_s.iter().zip(&slow_s).map(stage).collect()
}

/// Adds the seconds of a time span to the two epochs it can overlap.
fn add_shares(epochs_s: &mut [f64], start_s: f64, end_s: f64) {
    let first = (start_s / EPOCH_S) as usize;
    for (epoch_idx, epoch_s) in epochs_s.iter_mut().enumerate().skip(first).take(2) {
        let epoch_start_s = epoch_idx as f64 * EPOCH_S;
        *epoch_s += (end_s.min(epoch_start_s + EPOCH_S) - start_s.max(epoch_start_s)).max(0.0);
    }
}

fn longest(shares_s: &[f64; 4]) -> Vigilance {
    let all = [Vigilance::Wake, Vigilance::N1, Vigilance::Nrem, Vigilance::Rem];
    let mut best = Vigilance::Wake;
    for vigilance in all {
        if shares_s[vigilance as usize] > shares_s[best as usize] {
            best = vigilance;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::vigilance::Bout;
    use nocturne_psg::EventKind;

    fn course(bouts: &[(Vigilance, f64, f64)]) -> SleepCourse {
        let bout = |&(vigilance, start_s, end_s): &_| Bout { vigilance, start_s, end_s };
        SleepCourse {
            bouts: bouts.iter().map(bout).collect(),
            lights_off_s: 0.0,
            lights_on_s: f64::INFINITY,
        }
    }

    #[test]
    fn aasm_scores_the_stage_with_the_largest_share_of_the_epoch() {
        let course = course(&[
            (Vigilance::Wake, 0.0, 40.0),
            (Vigilance::N1, 40.0, 62.0),
            (Vigilance::Rem, 62.0, 90.0),
        ]);
        assert_eq!(stages(&course, (&[], &[]), 3), [Stage::Wake, Stage::N1, Stage::Rem]);
    }

    #[test]
    fn aasm_scores_n3_with_slow_waves_in_a_fifth_of_the_epoch() {
        let course = course(&[(Vigilance::Nrem, 0.0, 60.0)]);
        let wave = |onset_s| Event::new(EventKind::SlowWave, onset_s, 1.0);
        let waves: Vec<Event> = (0..6).map(|i| wave(f64::from(i))).collect();
        assert_eq!(stages(&course, (&waves, &[]), 2), [Stage::N3, Stage::N2]);
        assert_eq!(stages(&course, (&waves[1..], &[]), 2), [Stage::N2, Stage::N2]);
    }
}
