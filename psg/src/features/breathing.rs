//! Measures breathing in effort belts and in the airflow.

use serde::{Deserialize, Serialize};

use super::median;
use crate::sleep::{EPOCH_S, RATE_HZ};

/// Breathing in an effort belt.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Breathing {
    /// Breaths per minute.
    pub rate_bpm: f64,
    /// Standard deviation of the intervals between breaths, in seconds.
    pub interval_deviation_s: f64,
}

/// Breathing in the airflow.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Airflow {
    /// Breaths per minute.
    pub rate_bpm: f64,
    /// Mean over peak flow of an inspiration: 0.64 for a sine, 1 for a plateau (flow limitation).
    pub flatness: f64,
}

/// Minimum number of breaths.
const MIN_BREATHS: usize = 3;
/// Hysteresis of breath detection, as a share of the epoch's standard deviation.
const HYSTERESIS: f64 = 0.3;

pub(super) fn breathing(belt: &[f32]) -> Option<Breathing> {
    let smooth = smoothed(belt);
    let intervals_s = intervals_s(&breaths(&smooth));
    let rate_bpm = rate_bpm(&intervals_s)?;
    let mean_s = intervals_s.iter().sum::<f64>() / intervals_s.len() as f64;
    let variance =
        intervals_s.iter().map(|s| (s - mean_s).powi(2)).sum::<f64>() / intervals_s.len() as f64;
    Some(Breathing { rate_bpm, interval_deviation_s: variance.sqrt() })
}

pub(super) fn airflow(flow: &[f32]) -> Option<Airflow> {
    let smooth = smoothed(flow);
    let breaths = breaths(&smooth);
    let rate_bpm = rate_bpm(&intervals_s(&breaths))?;
    let mut flatness: Vec<f64> = breaths
        .windows(2)
        .filter_map(|pair| inspiration_flatness(&smooth[pair[0]..pair[1]]))
        .collect();
    Some(Airflow { rate_bpm, flatness: median(&mut flatness)? })
}

/// Removes the linear trend, because belts drift, and smooths with a moving mean over a quarter of a second.
fn smoothed(signal: &[f32]) -> Vec<f64> {
    const HALF: usize = (RATE_HZ / 8.0) as usize;
    let n = signal.len().max(1) as f64;
    let mean = signal.iter().map(|x| f64::from(*x)).sum::<f64>() / n;
    let from_middle = |i: usize| i as f64 - (n - 1.0) / 2.0;
    let moment: f64 = (0..).zip(signal).map(|(i, x)| from_middle(i) * (f64::from(*x) - mean)).sum();
    let slope = moment / (n * (n * n - 1.0) / 12.0).max(1.0);
    let mut sums = vec![0.0];
    for (i, x) in signal.iter().enumerate() {
        sums.push(sums[i] + f64::from(*x) - mean - slope * from_middle(i));
    }
    (0..signal.len())
        .map(|i| {
            let (from, to) = (i.saturating_sub(HALF), (i + HALF + 1).min(signal.len()));
            (sums[to] - sums[from]) / (to - from) as f64
        })
        .collect()
}

/// Returns the samples at which breaths rise through zero; a rise counts if it spans the hysteresis on both sides.
fn breaths(smooth: &[f64]) -> Vec<usize> {
    let deviation = (smooth.iter().map(|x| x * x).sum::<f64>() / smooth.len().max(1) as f64).sqrt();
    let band = HYSTERESIS * deviation;
    let mut breaths = Vec::new();
    let mut was_below = false;
    let mut crossing = 0;
    for (i, pair) in smooth.windows(2).enumerate() {
        if pair[0] < 0.0 && pair[1] >= 0.0 {
            crossing = i + 1;
        }
        if pair[1] < -band {
            was_below = true;
        } else if pair[1] > band && was_below {
            breaths.push(crossing);
            was_below = false;
        }
    }
    breaths
}

fn intervals_s(breaths: &[usize]) -> Vec<f64> {
    breaths
        .windows(2)
        .map(|pair| (pair[1] - pair[0]) as f64 / RATE_HZ)
        .filter(|s| *s < EPOCH_S)
        .collect()
}

fn rate_bpm(intervals_s: &[f64]) -> Option<f64> {
    if intervals_s.len() + 1 < MIN_BREATHS {
        return None;
    }
    median(&mut intervals_s.to_vec()).map(|interval_s| 60.0 / interval_s)
}

/// Returns the mean over the peak of the part of a breath above zero.
fn inspiration_flatness(breath: &[f64]) -> Option<f64> {
    let inspiration: Vec<f64> = breath.iter().copied().take_while(|x| *x >= 0.0).collect();
    let peak = inspiration.iter().copied().fold(0.0, f64::max);
    (peak > 0.0).then(|| inspiration.iter().sum::<f64>() / inspiration.len() as f64 / peak)
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg64Mcg;

    use super::*;

    fn breaths_of(period_s: impl Fn(f64) -> f64, shape: impl Fn(f64) -> f64) -> Vec<f32> {
        let mut phase = 0.7;
        (0..1920)
            .map(|i| {
                phase += 1.0 / (period_s(f64::from(i) / RATE_HZ) * RATE_HZ);
                shape((std::f64::consts::TAU * phase).sin()) as f32
            })
            .collect()
    }

    #[test]
    fn regular_breathing_has_its_rate() {
        let belt = breathing(&breaths_of(|_| 4.0, |x| x)).unwrap();
        assert!((belt.rate_bpm - 15.0).abs() < 0.2, "{belt:?}");
        assert!(belt.interval_deviation_s < 0.05, "{belt:?}");
    }

    #[test]
    fn irregular_breathing_has_a_large_deviation() {
        let belt =
            breathing(&breaths_of(|at_s| if at_s < 15.0 { 3.0 } else { 5.0 }, |x| x)).unwrap();
        assert!(belt.interval_deviation_s > 0.7, "{belt:?}");
    }

    #[test]
    fn interval_deviation_is_accurate_to_a_tenth_of_a_second() {
        // Breaths of 3 and 5 seconds alternate: their intervals have a standard deviation of 1 second.
        let mut random = Pcg64Mcg::seed_from_u64(7);
        let mut normal = || (0..12).map(|_| random.random::<f64>()).sum::<f64>() - 6.0;
        let belt: Vec<f32> = (0..1920)
            .map(|i| (f64::from(i) / RATE_HZ + 1.0) % 8.0)
            .map(|at_s| if at_s < 3.0 { at_s / 3.0 } else { (at_s - 3.0) / 5.0 })
            .map(|phase| (std::f64::consts::TAU * phase).sin() as f32)
            .collect();
        let noisy = belt.iter().map(|x| x + (0.05 * normal()) as f32).collect();
        let half = belt.iter().map(|x| x / 2.0).collect();
        let drifting = (0..).zip(&belt).map(|(i, x)| x + i as f32 / 480.0).collect();
        let measured = breathing(&belt).unwrap();
        for belt in [belt, noisy, half, drifting] {
            let breathing = breathing(&belt).unwrap();
            assert!((breathing.interval_deviation_s - 1.0).abs() < 0.1, "{breathing:?}");
            assert!((breathing.rate_bpm - measured.rate_bpm).abs() < 1.0, "{breathing:?}");
        }
    }

    #[test]
    fn airflow_measures_are_accurate_at_any_gain_and_with_noise() {
        let mut random = Pcg64Mcg::seed_from_u64(9);
        let mut normal = || (0..12).map(|_| random.random::<f64>()).sum::<f64>() - 6.0;
        for period_s in [2.5, 4.0, 6.0] {
            let flow = breaths_of(|_| period_s, |x| x);
            let noisy: Vec<f32> = flow.iter().map(|x| x + (0.05 * normal()) as f32).collect();
            let half: Vec<f32> = flow.iter().map(|x| x / 2.0).collect();
            for flow in [flow, noisy, half] {
                let measured = airflow(&flow).unwrap();
                assert!((measured.rate_bpm - 60.0 / period_s).abs() < 0.3, "{measured:?}");
                assert!((measured.flatness - 0.637).abs() < 0.04, "{measured:?}");
            }
        }
    }

    #[test]
    fn plateau_is_flatter_than_a_sine() {
        let sine = airflow(&breaths_of(|_| 4.0, |x| x)).unwrap().flatness;
        let plateau = airflow(&breaths_of(|_| 4.0, |x| x.clamp(-0.3, 0.3))).unwrap().flatness;
        assert!((sine - 0.64).abs() < 0.03, "{sine}");
        assert!(plateau > 0.85, "{plateau}");
    }

    #[test]
    fn signals_without_breaths_have_no_rate() {
        assert_eq!(breathing(&[0.0; 1920]), None);
        assert_eq!(airflow(&[1.0; 1920]), None);
    }
}
