//! The heart: beats, rate and variability.

use serde::{Deserialize, Serialize};

use super::median;
use crate::{EPOCH_S, RATE_HZ};

/// What the beats of an epoch tell.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HeartRate {
    /// Rate by the median interval, in beats per minute.
    pub rate_bpm: f64,
    /// Root mean square of successive differences of the intervals, in milliseconds (ultra-short: 30 s).
    pub rmssd_ms: f64,
    /// Lowest rate of three beats in a row.
    pub min_bpm: f64,
    /// Highest rate of three beats in a row.
    pub max_bpm: f64,
    /// Mean rate.
    pub mean_bpm: f64,
    /// How the rate goes, in order of time; together the stretches fill the epoch.
    pub trends: Vec<HeartTrend>,
}

/// A stretch over which the heart rate goes one way.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct HeartTrend {
    /// The way.
    pub trend: Trend,
    /// Begin in seconds from the start of the epoch.
    pub start_s: f64,
    /// End in seconds from the start of the epoch.
    pub end_s: f64,
}

/// Which way a rate goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trend {
    /// Up.
    Increasing,
    /// Down.
    Decreasing,
    /// Neither.
    Stable,
}

/// Shortest and longest interval between beats that is believed, in seconds: 24 to 200 beats per minute.
const INTERVAL_S: (f64, f64) = (0.3, 2.5);
/// Fewest beats from which a rate is told.
const FEWEST_BEATS: usize = 10;
/// A rate that changes by less between two stretches of ten seconds is stable, in beats per minute.
const STABLE_BPM: f64 = 2.0;

/// Measures the heart rate, or returns `None` where there are too few beats to tell.
pub(super) fn heart_rate(ecg: &[f32]) -> Option<HeartRate> {
    let beats_s = beats_s(ecg);
    let intervals: Vec<(f64, f64)> = beats_s
        .windows(2)
        .map(|pair| (f64::midpoint(pair[0], pair[1]), pair[1] - pair[0]))
        .filter(|(_, interval_s)| (INTERVAL_S.0..=INTERVAL_S.1).contains(interval_s))
        .collect();
    if intervals.len() < FEWEST_BEATS {
        return None;
    }
    let mut lengths_s: Vec<f64> = intervals.iter().map(|(_, interval_s)| *interval_s).collect();
    let differences = intervals.windows(2).map(|pair| (pair[1].1 - pair[0].1).powi(2));
    let rmssd_s = (differences.sum::<f64>() / (intervals.len() - 1) as f64).sqrt();
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

/// Finds the R waves: steep, high and at least 0.3 s apart. The times are interpolated between samples.
fn beats_s(ecg: &[f32]) -> Vec<f64> {
    let energy = steepness(ecg);
    let mut sorted: Vec<f64> = energy.clone();
    sorted.sort_by(f64::total_cmp);
    // The QRS complex takes about a tenth of a beat, so the top twentieth lies within it.
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
    beats.into_iter().map(|i| (i as f64 + vertex(&energy[i - 1..=i + 1])) / RATE_HZ).collect()
}

/// Returns the squared slope, smoothed over five samples (80 ms, the length of a QRS complex).
fn steepness(ecg: &[f32]) -> Vec<f64> {
    let mut squared: Vec<f64> =
        ecg.windows(2).map(|pair| f64::from(pair[1] - pair[0]).powi(2)).collect();
    squared.push(0.0);
    let at = |i: i64| usize::try_from(i).ok().and_then(|i| squared.get(i)).copied().unwrap_or(0.0);
    (0..squared.len() as i64).map(|i| (i - 2..=i + 2).map(at).sum()).collect()
}

/// Returns where the parabola through three neighbouring values has its vertex, in samples from the middle one.
fn vertex(around: &[f64]) -> f64 {
    let (left, middle, right) = (around[0], around[1], around[2]);
    let curvature = left - 2.0 * middle + right;
    if curvature == 0.0 { 0.0 } else { (0.5 * (left - right) / curvature).clamp(-0.5, 0.5) }
}

/// Tells the way of the rate from third to third of the epoch.
fn trends(intervals: &[(f64, f64)]) -> Vec<HeartTrend> {
    const STRETCHES: usize = 3;
    let stretch_s = EPOCH_S / STRETCHES as f64;
    let mut trends: Vec<HeartTrend> = Vec::new();
    for third in 0..STRETCHES {
        let (from_s, to_s) = (third as f64 * stretch_s, (third + 1) as f64 * stretch_s);
        let halfway_s = f64::midpoint(from_s, to_s);
        let change =
            mean_rate(intervals, from_s, halfway_s).zip(mean_rate(intervals, halfway_s, to_s));
        let trend = match change {
            Some((before, after)) if after - before > STABLE_BPM => Trend::Increasing,
            Some((before, after)) if before - after > STABLE_BPM => Trend::Decreasing,
            Some(_) | None => Trend::Stable,
        };
        match trends.last_mut() {
            Some(last) if last.trend == trend => last.end_s = to_s,
            Some(_) | None => trends.push(HeartTrend { trend, start_s: from_s, end_s: to_s }),
        }
    }
    trends
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
    use super::*;

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
    fn steady_heart_has_its_rate_and_hardly_any_variability() {
        let beats_s: Vec<f64> = (0..30).map(|i| 0.5 + f64::from(i)).collect();
        let heart = heart_rate(&ecg(&beats_s)).unwrap();
        assert!((heart.rate_bpm - 60.0).abs() < 0.5, "{heart:?}");
        assert!(heart.rmssd_ms < 10.0, "{heart:?}");
        assert_eq!(heart.trends, [HeartTrend { trend: Trend::Stable, start_s: 0.0, end_s: 30.0 }]);
    }

    #[test]
    fn alternating_intervals_have_their_difference_as_variability() {
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
    fn rising_heart_rate_is_told() {
        let mut at_s = 0.4;
        let mut beats_s = Vec::new();
        while at_s < 30.0 {
            beats_s.push(at_s);
            at_s += 60.0 / (55.0 + at_s);
        }
        let heart = heart_rate(&ecg(&beats_s)).unwrap();
        assert_eq!(
            heart.trends,
            [HeartTrend { trend: Trend::Increasing, start_s: 0.0, end_s: 30.0 }]
        );
        assert!(heart.min_bpm < 60.0 && heart.max_bpm > 80.0, "{heart:?}");
    }

    #[test]
    fn signal_without_beats_has_no_rate() {
        assert_eq!(heart_rate(&[0.0; 1920]), None);
    }
}
