//! Measures oxygen saturation.

use serde::{Deserialize, Serialize};

use super::trend::{self, TrendSpan};

/// Oxygen saturation of an epoch; not part of the encoder's input.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Saturation {
    /// Minimum over seconds, in percent.
    pub min_percent: f64,
    /// Mean over seconds, in percent.
    pub mean_percent: f64,
    /// Trends by time; they cover the epoch.
    pub trends: Vec<TrendSpan>,
}

/// Minimum number of seconds with a valid value.
const MIN_VALID_S: usize = 20;
/// Change between the halves of ten seconds up to which the saturation is stable, in percent; oximeters have steps of 1.
const STABLE_PERCENT: f64 = 0.8;

/// Measures the saturation from the percentages of 30 seconds, NaN for seconds without a valid value.
pub(super) fn saturation(seconds: &[f32]) -> Option<Saturation> {
    let valid = |seconds: &[f32]| -> Vec<f64> {
        seconds.iter().filter(|it| it.is_finite()).map(|it| f64::from(*it)).collect()
    };
    let mean = |values: &[f64]| {
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
    };
    let all = valid(seconds);
    if all.len() < MIN_VALID_S {
        return None;
    }
    let within =
        |from_s: f64, to_s: f64| mean(&valid(seconds.get(from_s as usize..to_s as usize)?));
    Some(Saturation {
        min_percent: all.iter().copied().fold(f64::INFINITY, f64::min),
        mean_percent: mean(&all)?,
        trends: trend::spans(within, STABLE_PERCENT),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::Trend;

    fn span(trend: Trend, start_s: f64, end_s: f64) -> TrendSpan {
        TrendSpan { trend, start_s, end_s }
    }

    #[test]
    fn measures_minimum_mean_and_trends() {
        // Constant at 96, down to 87 in ten seconds, then up by one a second.
        let seconds: Vec<f32> = (0..30)
            .map(|s| match s {
                0..10 => 96.0,
                10..20 => 96.0 - 0.9 * (s - 9) as f32,
                _ => 87.0 + (s - 19) as f32,
            })
            .collect();
        let measured = saturation(&seconds).unwrap();
        let mean = seconds.iter().sum::<f32>() / 30.0;
        assert!((measured.min_percent - 87.0).abs() < 0.01, "{measured:?}");
        assert!((measured.mean_percent - f64::from(mean)).abs() < 0.01, "{measured:?}");
        let expected = [
            span(Trend::Stable, 0.0, 10.0),
            span(Trend::Decreasing, 10.0, 20.0),
            span(Trend::Increasing, 20.0, 30.0),
        ];
        assert_eq!(measured.trends, expected);
    }

    #[test]
    fn alternation_of_one_percent_is_stable() {
        let seconds: Vec<f32> = (0..30).map(|s| if s % 2 == 0 { 95.0 } else { 96.0 }).collect();
        let measured = saturation(&seconds).unwrap();
        assert_eq!(measured.trends, [span(Trend::Stable, 0.0, 30.0)]);
    }

    #[test]
    fn ignores_seconds_without_a_valid_value() {
        let mut seconds = [94.0; 30];
        seconds[3..12].fill(f32::NAN);
        let measured = saturation(&seconds).unwrap();
        assert_eq!((measured.min_percent, measured.mean_percent), (94.0, 94.0));
        seconds[12..16].fill(f32::NAN);
        assert_eq!(saturation(&seconds), None);
    }
}
