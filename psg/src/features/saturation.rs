//! Oxygen saturation of the blood.

use serde::{Deserialize, Serialize};

use super::trend::{self, TrendStretch};

/// What the oximeter tells; it is no input of an encoder.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Saturation {
    /// Lowest second, in percent.
    pub min_percent: f64,
    /// Mean of the epoch, in percent.
    pub mean_percent: f64,
    /// How it goes, in order of time; together the stretches fill the epoch.
    pub trends: Vec<TrendStretch>,
}

/// Fewest seconds of an epoch from which its saturation is told.
const FEWEST_S: usize = 20;
/// A saturation that changes by less between the halves of ten seconds is stable, in percent; oximeters count in ones.
const STABLE_PERCENT: f64 = 0.8;

/// Measures the saturation from the percentages of 30 seconds, NaN where it is not known.
pub(super) fn saturation(seconds: &[f32]) -> Option<Saturation> {
    let known = |seconds: &[f32]| -> Vec<f64> {
        seconds.iter().filter(|it| it.is_finite()).map(|it| f64::from(*it)).collect()
    };
    let mean = |values: &[f64]| {
        (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
    };
    let all = known(seconds);
    if all.len() < FEWEST_S {
        return None;
    }
    let within =
        |from_s: f64, to_s: f64| mean(&known(seconds.get(from_s as usize..to_s as usize)?));
    Some(Saturation {
        min_percent: all.iter().copied().fold(f64::INFINITY, f64::min),
        mean_percent: mean(&all)?,
        trends: trend::stretches(within, STABLE_PERCENT),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::Trend;

    fn stretch(trend: Trend, start_s: f64, end_s: f64) -> TrendStretch {
        TrendStretch { trend, start_s, end_s }
    }

    #[test]
    fn fall_and_rise_have_their_numbers_and_times() {
        // Steady at 96, down to 87 in ten seconds, up again by one a second.
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
            stretch(Trend::Stable, 0.0, 10.0),
            stretch(Trend::Decreasing, 10.0, 20.0),
            stretch(Trend::Increasing, 20.0, 30.0),
        ];
        assert_eq!(measured.trends, expected);
    }

    #[test]
    fn flicker_of_one_percent_is_stable() {
        let seconds: Vec<f32> = (0..30).map(|s| if s % 2 == 0 { 95.0 } else { 96.0 }).collect();
        let measured = saturation(&seconds).unwrap();
        assert_eq!(measured.trends, [stretch(Trend::Stable, 0.0, 30.0)]);
    }

    #[test]
    fn seconds_without_a_value_do_not_count() {
        let mut seconds = [94.0; 30];
        seconds[3..12].fill(f32::NAN);
        let measured = saturation(&seconds).unwrap();
        assert_eq!((measured.min_percent, measured.mean_percent), (94.0, 94.0));
        seconds[12..16].fill(f32::NAN);
        assert_eq!(saturation(&seconds), None);
    }
}
