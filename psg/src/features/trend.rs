//! Trends of a rate or level within an epoch.

use serde::{Deserialize, Serialize};

use crate::sleep::EPOCH_S;

/// A part of an epoch with one trend.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TrendSpan {
    /// The trend.
    pub trend: Trend,
    /// Start in seconds from the start of the epoch.
    pub start_s: f64,
    /// End in seconds from the start of the epoch.
    pub end_s: f64,
}

/// Direction of change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trend {
    /// It increases.
    Increasing,
    /// It decreases.
    Decreasing,
    /// It changes little.
    Stable,
}

/// Returns the trend of each third of the epoch, merging successive thirds with equal trends.
///
/// `mean(from_s, to_s)` is the mean over a part of the epoch, if known. A third is stable if the means of its halves
/// differ by at most `stable` or are unknown.
pub(super) fn spans(mean: impl Fn(f64, f64) -> Option<f64>, stable: f64) -> Vec<TrendSpan> {
    const PARTS: usize = 3;
    let part_s = EPOCH_S / PARTS as f64;
    let mut trends: Vec<TrendSpan> = Vec::new();
    for third in 0..PARTS {
        let (from_s, to_s) = (third as f64 * part_s, (third + 1) as f64 * part_s);
        let halfway_s = f64::midpoint(from_s, to_s);
        let trend = match mean(from_s, halfway_s).zip(mean(halfway_s, to_s)) {
            Some((first, second)) if second - first > stable => Trend::Increasing,
            Some((first, second)) if first - second > stable => Trend::Decreasing,
            Some(_) | None => Trend::Stable,
        };
        match trends.last_mut() {
            Some(last) if last.trend == trend => last.end_s = to_s,
            Some(_) | None => trends.push(TrendSpan { trend, start_s: from_s, end_s: to_s }),
        }
    }
    trends
}
