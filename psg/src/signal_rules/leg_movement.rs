//! Finds leg movements in the envelopes of leg EMGs, and the periodic ones among them, by the rules of the AASM manual.
//!
//! - A movement starts where the envelope is [`ONSET_UV`] above rest, and ends where it stays less than [`END_UV`] above
//!   rest for [`END_S`]. It lasts [`DURATION_S`].
//! - Movements of different legs whose onsets are less than [`SAME_MOVEMENT_S`] apart are one.
//! - Four or more successive movements with [`INTERVAL_S`] from onset to onset are a periodic series.
//!
//! The manual leaves open how rest is measured: here it is the 20th percentile of the means of the seconds within
//! [`REST_S`] of a second. The envelope is averaged over three bins, 0.15 s.

use std::ops::RangeInclusive;

use crate::night::ENVELOPE_HZ;

/// A movement of one leg or both.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct LegMovement {
    /// Onset in seconds from the start of the recording.
    pub onset_s: f64,
    /// Duration in seconds; of movements of both legs, from the first onset to the last end.
    pub duration_s: f32,
    /// Whether it is one of a periodic series.
    pub is_periodic: bool,
}

/// Rise above rest at which a movement starts, in microvolts.
const ONSET_UV: f32 = 8.0;
/// Rise above rest below which it ends, in microvolts.
const END_UV: f32 = 2.0;
/// How long it must stay below that.
const END_S: f64 = 0.5;
/// Durations of a movement in seconds.
const DURATION_S: RangeInclusive<f64> = 0.5..=10.0;
/// Difference of onsets below which movements of different legs are one, in seconds.
const SAME_MOVEMENT_S: f64 = 5.0;
/// Seconds from onset to onset in a periodic series.
const INTERVAL_S: RangeInclusive<f64> = 5.0..=90.0;
/// Smallest number of movements in a periodic series.
const MIN_SERIES: usize = 4;
/// Distance up to which seconds determine the rest around a second.
const REST_S: usize = 30;
/// Rest in microvolts of an EMG that can be scored: relaxed, neither flat nor full of hum (AASM manual: at most 10 µV).
const VALID_REST_UV: RangeInclusive<f32> = 0.05..=10.0;

/// Returns the rest around each second of an envelope in microvolts, `None` where it cannot be scored.
pub(super) fn rest_uv(envelope: &[f32]) -> Vec<Option<f32>> {
    let mean = |second: &[f32]| second.iter().sum::<f32>() / second.len() as f32;
    let means: Vec<f32> = envelope.chunks(ENVELOPE_HZ).map(mean).collect();
    let rest = |second: usize| {
        let around = &means[second.saturating_sub(REST_S)..(second + REST_S + 1).min(means.len())];
        let mut sorted: Vec<f32> = around.iter().copied().filter(|uv| uv.is_finite()).collect();
        sorted.sort_by(f32::total_cmp);
        let rest_uv = *sorted.get(sorted.len() / 5)?;
        (means[second].is_finite() && VALID_REST_UV.contains(&rest_uv)).then_some(rest_uv)
    };
    (0..means.len()).map(rest).collect()
}

/// A movement of one leg, in seconds.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct OneLeg {
    pub(super) onset_s: f64,
    pub(super) end_s: f64,
}

/// Finds the movements in a contiguous envelope that starts at `start_s`; `rest_uv` is the rest around each second.
pub(super) fn of_one_leg(envelope: &[f32], rest_uv: &[Option<f32>], start_s: f64) -> Vec<OneLeg> {
    let smooth = smoothed(envelope);
    let n_quiet = (END_S * ENVELOPE_HZ as f64) as usize;
    let at_s = |bin: usize| start_s + bin as f64 / ENVELOPE_HZ as f64;
    let mut found = Vec::new();
    let mut bin = 0;
    while bin < smooth.len() {
        let onset = bin;
        bin += 1;
        let Some(rest_uv) = rest_uv[onset / ENVELOPE_HZ] else { continue };
        let starts = smooth[onset] >= rest_uv + ONSET_UV;
        if !starts {
            continue;
        }
        let is_quiet = |bins: &[f32]| bins.iter().all(|uv| *uv < rest_uv + END_UV);
        let Some(length) = smooth[onset..].windows(n_quiet).position(is_quiet) else { break };
        bin = onset + length;
        let duration_s = length as f64 / ENVELOPE_HZ as f64;
        if DURATION_S.contains(&duration_s) {
            found.push(OneLeg { onset_s: at_s(onset), end_s: at_s(bin) });
        }
    }
    found
}

/// Returns the means over three bins.
fn smoothed(envelope: &[f32]) -> Vec<f32> {
    let mean = |bin: usize| {
        let around = &envelope[bin.saturating_sub(1)..(bin + 2).min(envelope.len())];
        around.iter().sum::<f32>() / around.len() as f32
    };
    (0..envelope.len()).map(mean).collect()
}

/// Joins the movements of all legs and finds the periodic ones; `counts` says whether a movement counts.
pub(super) fn of_all_legs(
    legs: &[Vec<OneLeg>],
    counts: impl Fn(&OneLeg) -> bool,
) -> Vec<LegMovement> {
    let mut all: Vec<(usize, OneLeg)> = Vec::new();
    for (leg, movements) in legs.iter().enumerate() {
        all.extend(movements.iter().map(|movement| (leg, *movement)));
    }
    all.sort_by(|a, b| a.1.onset_s.total_cmp(&b.1.onset_s));
    // The legs of each movement, and the movement.
    let mut joined: Vec<(Vec<usize>, OneLeg)> = Vec::new();
    for (leg, movement) in all {
        let is_same = |(legs, first): &(Vec<usize>, OneLeg)| {
            movement.onset_s - first.onset_s < SAME_MOVEMENT_S && !legs.contains(&leg)
        };
        match joined.last_mut() {
            Some(last) if is_same(last) => {
                last.0.push(leg);
                last.1.end_s = last.1.end_s.max(movement.end_s);
            }
            Some(_) | None => joined.push((vec![leg], movement)),
        }
    }
    let counted = joined.into_iter().map(|(_, movement)| movement).filter(counts);
    with_series(&counted.collect::<Vec<_>>())
}

/// Marks the movements of periodic series.
fn with_series(movements: &[OneLeg]) -> Vec<LegMovement> {
    let is_next = |a: &OneLeg, b: &OneLeg| INTERVAL_S.contains(&(b.onset_s - a.onset_s));
    let series = movements.chunk_by(is_next);
    let marked = series.flat_map(|series| {
        series.iter().map(|movement| LegMovement {
            onset_s: movement.onset_s,
            duration_s: (movement.end_s - movement.onset_s) as f32,
            is_periodic: series.len() >= MIN_SERIES,
        })
    });
    marked.collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An envelope of `n_s` seconds at 1 µV with the given levels from a second to another.
    fn envelope(n_s: usize, levels: &[(f64, f64, f32)]) -> Vec<f32> {
        let level = |bin: usize| {
            let at_s = (bin as f64 + 0.5) / ENVELOPE_HZ as f64;
            let found = levels.iter().find(|(from_s, to_s, _)| (*from_s..*to_s).contains(&at_s));
            found.map_or(1.0, |(_, _, uv)| *uv)
        };
        (0..n_s * ENVELOPE_HZ).map(level).collect()
    }

    fn found(envelope: &[f32]) -> Vec<OneLeg> {
        of_one_leg(envelope, &rest_uv(envelope), 100.0)
    }

    /// Expects one movement from a second to another, to the width of the moving average.
    fn expect_one(envelope: &[f32], (onset_s, end_s): (f64, f64)) {
        let found = found(envelope);
        let [movement] = found[..] else { panic!("{found:?}") };
        let is_near = |a: f64, b: f64| (a - b).abs() < 0.11;
        assert!(is_near(movement.onset_s, onset_s) && is_near(movement.end_s, end_s), "{found:?}");
    }

    #[test]
    fn movement_starts_8_uv_above_rest_and_ends_below_2_uv() {
        let enough = envelope(60, &[(20.0, 22.0, 9.5)]);
        expect_one(&enough, (120.0, 122.0));
        let little = envelope(60, &[(20.0, 22.0, 8.5)]);
        assert!(found(&little).is_empty());
        // It goes on at 2.5 µV above rest, and through a pause of 0.3 s, but not through one of 0.8 s.
        let long = envelope(60, &[(20.0, 21.0, 20.0), (21.0, 24.0, 3.5)]);
        expect_one(&long, (120.0, 124.0));
        let pause = envelope(60, &[(20.0, 21.0, 10.0), (21.3, 23.0, 10.0)]);
        expect_one(&pause, (120.0, 123.0));
        let two = envelope(60, &[(20.0, 21.0, 10.0), (21.8, 23.0, 10.0)]);
        assert_eq!(found(&two).len(), 2);
    }

    #[test]
    fn movement_lasts_half_a_second_to_ten_seconds() {
        let lasting = |s: f64| found(&envelope(120, &[(20.0, 20.0 + s, 20.0)])).len();
        assert_eq!([lasting(0.3), lasting(0.7), lasting(9.7), lasting(10.3)], [0, 1, 1, 0]);
    }

    #[test]
    fn emg_that_is_flat_or_never_at_rest_is_not_scored() {
        let loud: Vec<f32> =
            envelope(60, &[(20.0, 22.0, 30.0)]).iter().map(|uv| uv + 10.0).collect();
        assert!(rest_uv(&loud).iter().all(Option::is_none));
        assert!(found(&loud).is_empty());
        assert!(rest_uv(&[0.0; 1200]).iter().all(Option::is_none));
    }

    fn one(onset_s: f64) -> OneLeg {
        OneLeg { onset_s, end_s: onset_s + 2.0 }
    }

    fn periodic(legs: &[&[f64]]) -> Vec<(f64, bool)> {
        let legs: Vec<Vec<OneLeg>> =
            legs.iter().map(|onsets_s| onsets_s.iter().copied().map(one).collect()).collect();
        let all = of_all_legs(&legs, |_| true);
        all.iter().map(|movement| (movement.onset_s, movement.is_periodic)).collect()
    }

    #[test]
    fn four_movements_5_to_90_s_apart_are_a_series() {
        let expected = [(0.0, true), (5.0, true), (95.0, true), (120.0, true)];
        assert_eq!(periodic(&[&[0.0, 5.0, 95.0, 120.0]]), expected);
        assert!(periodic(&[&[0.0, 20.0, 40.0]]).iter().all(|(_, is_periodic)| !is_periodic));
        let broken = periodic(&[&[0.0, 20.0, 40.0, 131.0, 151.0, 171.0, 191.0]]);
        let marks: Vec<bool> = broken.iter().map(|(_, is_periodic)| *is_periodic).collect();
        assert_eq!(marks, [false, false, false, true, true, true, true]);
    }

    #[test]
    fn movements_of_both_legs_within_5_s_are_one() {
        let both = periodic(&[&[0.0, 30.0, 60.0], &[4.9, 35.0, 59.0]]);
        let onsets: Vec<f64> = both.iter().map(|(onset_s, _)| *onset_s).collect();
        assert_eq!(onsets, [0.0, 30.0, 35.0, 59.0]);
        let joined = of_all_legs(&[vec![one(0.0)], vec![one(4.0)]], |_| true);
        assert_eq!(joined.len(), 1);
        assert_eq!(joined[0].duration_s, 6.0);
        // The same leg moves twice.
        assert_eq!(periodic(&[&[0.0, 4.0]]).len(), 2);
    }

    #[test]
    fn movements_that_do_not_count_are_left_out_before_series_are_found() {
        let legs = [[0.0, 20.0, 40.0, 60.0, 80.0].map(one).to_vec()];
        let all = of_all_legs(&legs, |movement| movement.onset_s != 40.0);
        assert_eq!(all.len(), 4);
        // 20 and 60 are 40 s apart.
        assert!(all.iter().all(|movement| movement.is_periodic));
    }
}
