//! Detects heart beats in the ECG and measures rate and variability.

use serde::{Deserialize, Serialize};

use super::median;
use super::trend::{self, TrendSpan};
use crate::sleep::RATE_HZ;

/// Heart rate and variability of an epoch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HeartRate {
    /// Rate from the median interval, in beats per minute.
    pub rate_bpm: f64,
    /// Root mean square of successive differences of the intervals, in milliseconds (ultra-short: 30 s).
    pub rmssd_ms: f64,
    /// Lowest rate over three successive intervals.
    pub min_bpm: f64,
    /// Highest rate over three successive intervals.
    pub max_bpm: f64,
    /// Mean rate.
    pub mean_bpm: f64,
    /// Trends of the rate by time; they cover the epoch.
    pub trends: Vec<TrendSpan>,
}

/// Shortest and longest valid interval between beats in seconds: 24 to 200 beats per minute.
const INTERVAL_S: (f64, f64) = (0.3, 2.5);
/// Minimum number of valid intervals.
const MIN_INTERVALS: usize = 10;
/// Maximum relative difference of an interval from the median of five around it.
///
/// Larger differences are caused by missed, false or ectopic beats; breathing causes smaller ones.
const MAX_DIFFERENCE: f64 = 0.3;
/// Change between the halves of ten seconds up to which the rate is stable, in beats per minute.
const STABLE_BPM: f64 = 2.0;

/// Measures the heart rate, or returns `None` if there are too few beats.
pub(crate) fn heart_rate(ecg: &[f32]) -> Option<HeartRate> {
    // Middle and length of each interval, in seconds.
    let all: Vec<(f64, f64)> = beats_s(ecg)
        .windows(2)
        .map(|pair| (f64::midpoint(pair[0], pair[1]), pair[1] - pair[0]))
        .collect();
    let is_regular = |i: &usize| is_regular(&all, *i);
    let valid: Vec<usize> = (0..all.len()).filter(is_regular).collect();
    if valid.len() < MIN_INTERVALS {
        return None;
    }
    let intervals: Vec<(f64, f64)> = valid.iter().map(|i| all[*i]).collect();
    let mut lengths_s: Vec<f64> = intervals.iter().map(|(_, interval_s)| *interval_s).collect();
    // Only successive intervals have a difference.
    let differences: Vec<f64> = valid
        .windows(2)
        .filter(|pair| pair[0] + 1 == pair[1])
        .map(|pair| (all[pair[1]].1 - all[pair[0]].1).powi(2))
        .collect();
    let rmssd_s = (differences.iter().sum::<f64>() / differences.len().max(1) as f64).sqrt();
    let rates = lengths_s.windows(3).map(|three| 180.0 / three.iter().sum::<f64>());
    let (min_bpm, max_bpm) = rates.fold((f64::INFINITY, 0.0), |(low, high), rate| {
        (f64::min(low, rate), f64::max(high, rate))
    });
    let mean_bpm = 60.0 * lengths_s.len() as f64 / lengths_s.iter().sum::<f64>();
    Some(HeartRate {
        rate_bpm: 60.0 / median(&mut lengths_s)?,
        rmssd_ms: 1000.0 * rmssd_s,
        min_bpm,
        max_bpm,
        mean_bpm,
        trends: trends(&intervals),
    })
}

/// Returns whether an interval is valid and close to the intervals around it.
fn is_regular(intervals: &[(f64, f64)], i: usize) -> bool {
    let interval_s = intervals[i].1;
    let around = &intervals[i.saturating_sub(2)..(i + 3).min(intervals.len())];
    let mut around_s: Vec<f64> = around.iter().map(|(_, interval_s)| *interval_s).collect();
    let is_near = median(&mut around_s)
        .is_some_and(|median_s| (interval_s / median_s - 1.0).abs() <= MAX_DIFFERENCE);
    is_near && (INTERVAL_S.0..=INTERVAL_S.1).contains(&interval_s)
}

/// Returns the times of R waves in seconds: steep, large and at least 0.3 s apart.
///
/// The time of a beat is the centre of its squared slopes, which at 64 Hz is five times as precise as its steepest
/// sample.
fn beats_s(ecg: &[f32]) -> Vec<f64> {
    let slopes = squared_slopes(ecg);
    let energy = smoothed(&slopes);
    let mut sorted: Vec<f64> = energy.clone();
    sorted.sort_by(f64::total_cmp);
    // A QRS complex takes about a tenth of a beat, so the largest fiftieth of the samples is within QRS complexes.
    let threshold = 0.3 * sorted[sorted.len() * 49 / 50];
    if threshold <= 0.0 {
        return Vec::new();
    }
    let refractory = (INTERVAL_S.0 * RATE_HZ) as usize;
    let mut beats: Vec<usize> = Vec::new();
    for i in 1..energy.len() - 1 {
        let is_peak =
            energy[i] > threshold && energy[i] >= energy[i - 1] && energy[i] > energy[i + 1];
        if !is_peak {
            continue;
        }
        match beats.last_mut() {
            Some(last) if i - *last < refractory => {
                if energy[i] > energy[*last] {
                    *last = i;
                }
            }
            Some(_) | None => beats.push(i),
        }
    }
    beats.into_iter().map(|i| centre(&slopes, i) / RATE_HZ).collect()
}

/// Returns the squared slope after each sample.
fn squared_slopes(ecg: &[f32]) -> Vec<f64> {
    let slopes = ecg.windows(2).map(|pair| f64::from(pair[1] - pair[0]).powi(2));
    slopes.chain([0.0]).collect()
}

/// Returns sums over five samples: 80 ms, the length of a QRS complex.
fn smoothed(slopes: &[f64]) -> Vec<f64> {
    let around = |i: usize| &slopes[i.saturating_sub(2)..(i + 3).min(slopes.len())];
    (0..slopes.len()).map(|i| around(i).iter().sum()).collect()
}

/// Returns the centre of mass of the slopes within four samples of a peak, in samples.
fn centre(slopes: &[f64], peak: usize) -> f64 {
    let first = peak.saturating_sub(4);
    let around = &slopes[first..(peak + 5).min(slopes.len())];
    let moment: f64 = around.iter().enumerate().map(|(i, slope)| i as f64 * slope).sum();
    first as f64 + moment / around.iter().sum::<f64>()
}

/// Returns the trends of the rate.
fn trends(intervals: &[(f64, f64)]) -> Vec<TrendSpan> {
    trend::spans(|from_s, to_s| mean_rate(intervals, from_s, to_s), STABLE_BPM)
}

fn mean_rate(intervals: &[(f64, f64)], from_s: f64, to_s: f64) -> Option<f64> {
    let within: Vec<f64> = intervals
        .iter()
        .filter(|(at_s, _)| (from_s..to_s).contains(at_s))
        .map(|(_, interval_s)| *interval_s)
        .collect();
    (!within.is_empty()).then(|| 60.0 * within.len() as f64 / within.iter().sum::<f64>())
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg64Mcg;

    use super::*;
    use crate::features::Trend;

    /// An ECG of narrow triangles at the given times.
    fn ecg(beats_s: &[f64]) -> Vec<f32> {
        let sample = |i: usize| {
            let at_s = i as f64 / RATE_HZ;
            let nearest_s =
                beats_s.iter().map(|beat_s| (beat_s - at_s).abs()).fold(f64::INFINITY, f64::min);
            (1.0 - nearest_s / 0.04).max(0.0) as f32 + 0.01 * (at_s * 1.3).sin() as f32
        };
        (0..1920).map(sample).collect()
    }

    #[test]
    fn regular_beats_have_their_rate_and_almost_no_variability() {
        let beats_s: Vec<f64> = (0..30).map(|i| 0.5 + f64::from(i)).collect();
        let heart = heart_rate(&ecg(&beats_s)).unwrap();
        assert!((heart.rate_bpm - 60.0).abs() < 0.5, "{heart:?}");
        assert!(heart.rmssd_ms < 10.0, "{heart:?}");
        assert_eq!(heart.trends, [TrendSpan { trend: Trend::Stable, start_s: 0.0, end_s: 30.0 }]);
    }

    #[test]
    fn rmssd_of_alternating_intervals_is_their_difference() {
        let mut at_s = 0.4;
        let beats_s: Vec<f64> = (0..32)
            .map(|i| {
                at_s += if i % 2 == 0 { 0.85 } else { 0.95 };
                at_s
            })
            .collect();
        let heart = heart_rate(&ecg(&beats_s)).unwrap();
        assert!((heart.rmssd_ms - 100.0).abs() < 15.0, "{heart:?}");
    }

    #[test]
    fn detects_an_increasing_rate() {
        let mut at_s = 0.4;
        let mut beats_s = Vec::new();
        while at_s < 30.0 {
            beats_s.push(at_s);
            at_s += 60.0 / (55.0 + at_s);
        }
        let heart = heart_rate(&ecg(&beats_s)).unwrap();
        assert_eq!(
            heart.trends,
            [TrendSpan { trend: Trend::Increasing, start_s: 0.0, end_s: 30.0 }]
        );
        assert!(heart.min_bpm < 60.0 && heart.max_bpm > 80.0, "{heart:?}");
    }

    /// An ECG with beats at the given times and noise with a standard deviation.
    fn heart(beats_s: &[f64], noise: f64) -> Vec<f32> {
        let wave = |at_s: f64, width_s: f64| (-0.5 * (at_s / width_s).powi(2)).exp();
        let mut random = Pcg64Mcg::seed_from_u64(3);
        let sample = |i: usize| {
            let at_s = i as f64 / RATE_HZ;
            let near = beats_s.iter().map(|beat_s| at_s - beat_s).filter(|s| s.abs() < 0.6);
            let beat = |s: f64| {
                wave(s, 0.012) - 0.25 * wave(s - 0.03, 0.012) + 0.25 * wave(s - 0.26, 0.05)
            };
            // The sum of twelve uniform numbers is close enough to normal.
            let normal: f64 = (0..12).map(|_| random.random::<f64>()).sum::<f64>() - 6.0;
            (near.map(beat).sum::<f64>() + noise * normal) as f32
        };
        (0..1920).map(sample).collect()
    }

    /// Beats whose interval varies by `swing_s` with breathing.
    fn rhythm(interval_s: f64, swing_s: f64) -> Vec<f64> {
        let mut at_s = 0.37;
        let mut beats_s = Vec::new();
        while at_s < 29.7 {
            beats_s.push(at_s);
            at_s += interval_s + swing_s * (std::f64::consts::TAU * at_s / 4.1).sin();
        }
        beats_s
    }

    fn true_rmssd_ms(beats_s: &[f64]) -> f64 {
        let intervals: Vec<f64> = beats_s.windows(2).map(|pair| pair[1] - pair[0]).collect();
        let squares = intervals.windows(2).map(|pair| (pair[1] - pair[0]).powi(2));
        1000.0 * (squares.sum::<f64>() / (intervals.len() - 1) as f64).sqrt()
    }

    #[test]
    fn rmssd_is_accurate_to_2_ms() {
        for (interval_s, swing_s) in [(0.6, 0.01), (0.9, 0.03), (1.3, 0.06), (0.9, 0.0)] {
            let beats_s = rhythm(interval_s, swing_s);
            let measured = heart_rate(&heart(&beats_s, 0.01)).unwrap();
            let known_ms = true_rmssd_ms(&beats_s);
            assert!((measured.rmssd_ms - known_ms).abs() < 2.0, "{measured:?}, {known_ms} ms");
            let mean_bpm =
                60.0 * (beats_s.len() - 1) as f64 / (beats_s[beats_s.len() - 1] - beats_s[0]);
            assert!((measured.mean_bpm - mean_bpm).abs() < 0.2, "{measured:?}, {mean_bpm} bpm");
        }
    }

    #[test]
    fn missing_beats_do_not_add_variability() {
        let mut beats_s = rhythm(0.9, 0.01);
        beats_s.remove(15);
        let measured = heart_rate(&heart(&beats_s, 0.01)).unwrap();
        assert!(measured.rmssd_ms < 20.0, "{measured:?}");
        assert!((measured.mean_bpm - 66.7).abs() < 1.0, "{measured:?}");
        assert!(measured.min_bpm > 60.0, "{measured:?}");
    }

    #[test]
    fn detects_a_decrease_followed_by_a_stable_rate() {
        let mut at_s = 0.4;
        let mut beats_s = Vec::new();
        while at_s < 29.9 {
            beats_s.push(at_s);
            at_s += 60.0 / f64::max(85.0 - at_s, 65.0);
        }
        let measured = heart_rate(&heart(&beats_s, 0.01)).unwrap();
        let expected = [(Trend::Decreasing, 0.0, 20.0), (Trend::Stable, 20.0, 30.0)]
            .map(|(trend, start_s, end_s)| TrendSpan { trend, start_s, end_s });
        assert_eq!(measured.trends, expected);
    }

    #[test]
    fn measures_do_not_depend_on_gain_and_little_on_noise() {
        let beats_s = rhythm(0.9, 0.03);
        let whole = heart(&beats_s, 0.0);
        let half: Vec<f32> = whole.iter().map(|x| x / 2.0).collect();
        let measured = heart_rate(&whole).unwrap();
        assert_eq!(heart_rate(&half).unwrap(), measured);
        let noisy = heart_rate(&heart(&beats_s, 0.05)).unwrap();
        assert!((noisy.rate_bpm - measured.rate_bpm).abs() < 1.0, "{noisy:?}, {measured:?}");
        assert!((noisy.rmssd_ms - measured.rmssd_ms).abs() < 5.0, "{noisy:?}, {measured:?}");
    }

    #[test]
    fn signals_without_beats_have_no_rate() {
        assert_eq!(heart_rate(&[0.0; 1920]), None);
    }
}
