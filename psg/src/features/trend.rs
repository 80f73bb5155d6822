//! Which way a rate or a level goes in an epoch.

use serde::{Deserialize, Serialize};

use crate::EPOCH_S;

/// A stretch over which a number goes one way.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct TrendStretch {
    /// The way.
    pub trend: Trend,
    /// Begin in seconds from the start of the epoch.
    pub start_s: f64,
    /// End in seconds from the start of the epoch.
    pub end_s: f64,
}

/// Which way a number goes.
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

/// Tells the way from third to third of the epoch, joining thirds that go the same way.
///
/// `mean(from_s, to_s)` is the mean of the number in a stretch, where it is known; a number whose mean changes by
/// `stable` or less between the halves of a third is stable, and so is one that is not known.
pub(super) fn stretches(mean: impl Fn(f64, f64) -> Option<f64>, stable: f64) -> Vec<TrendStretch> {
    const STRETCHES: usize = 3;
    let stretch_s = EPOCH_S / STRETCHES as f64;
    let mut trends: Vec<TrendStretch> = Vec::new();
    for third in 0..STRETCHES {
        let (from_s, to_s) = (third as f64 * stretch_s, (third + 1) as f64 * stretch_s);
        let halfway_s = f64::midpoint(from_s, to_s);
        let trend = match mean(from_s, halfway_s).zip(mean(halfway_s, to_s)) {
            Some((before, after)) if after - before > stable => Trend::Increasing,
            Some((before, after)) if before - after > stable => Trend::Decreasing,
            Some(_) | None => Trend::Stable,
        };
        match trends.last_mut() {
            Some(last) if last.trend == trend => last.end_s = to_s,
            Some(_) | None => trends.push(TrendStretch { trend, start_s: from_s, end_s: to_s }),
        }
    }
    trends
}
