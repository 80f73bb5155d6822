//! From epochs with a concept to a rate per hour.

use nocturne_encoder::bundle::Calibration;
use nocturne_psg::EPOCH_S;

/// Epochs in an hour.
const EPOCHS_PER_HOUR: f64 = 3600.0 / EPOCH_S;
/// Smallest difference of hits and false alarms for which a share is corrected: below, a detector says next to nothing.
const LEAST_CONTRAST: f64 = 0.05;

/// A rate per hour with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Rate {
    /// Occurrences per hour.
    pub per_hour: f64,
    /// Lower end of the interval.
    pub low: f64,
    /// Upper end of the interval.
    pub high: f64,
}

impl Rate {
    /// Estimates the rate from `found` epochs of `judged`; `None` if no epoch was judged.
    ///
    /// The share of epochs is corrected for the concept's known rates of hits and false alarms (Rogan and Gladen 1978).
    /// An epoch may contain several occurrences, so the rate is the mean of the Poisson distribution that leaves the same
    /// share of epochs empty. The interval is Wilson's (1927) for the share that was found, carried through both steps:
    /// it covers random variation, not a wrong calibration.
    pub fn estimate(found: usize, judged: usize, calibration: &Calibration) -> Option<Self> {
        if judged == 0 {
            return None;
        }
        let (low, high) = wilson(found as f64, judged as f64);
        let share = found as f64 / judged as f64;
        let rate = |share: f64| per_hour(corrected(share, calibration), judged);
        Some(Self { per_hour: rate(share), low: rate(low), high: rate(high) })
    }
}

/// Removes from a share what false alarms add, and adds what is missed.
fn corrected(share: f64, calibration: &Calibration) -> f64 {
    let (hits, alarms) =
        (f64::from(calibration.true_positive_rate), f64::from(calibration.false_positive_rate));
    if hits - alarms < LEAST_CONTRAST {
        return share;
    }
    ((share - alarms) / (hits - alarms)).clamp(0.0, 1.0)
}

/// Returns the occurrences per hour if this share of epochs has at least one.
fn per_hour(share: f64, judged: usize) -> f64 {
    // If every epoch has one, the estimate is infinite. The usual correction leaves half an epoch empty.
    let most = 1.0 - 0.5 / judged as f64;
    (1.0 / (1.0 - share.min(most))).ln() * EPOCHS_PER_HOUR
}

/// Returns the 95 % interval of a share (Wilson 1927).
fn wilson(found: f64, judged: f64) -> (f64, f64) {
    const Z: f64 = 1.96;
    let share = found / judged;
    let centre = share + Z * Z / (2.0 * judged);
    let half = Z * (share * (1.0 - share) / judged + Z * Z / (4.0 * judged * judged)).sqrt();
    let scale = 1.0 + Z * Z / judged;
    (((centre - half) / scale).max(0.0), ((centre + half) / scale).min(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PERFECT: Calibration = Calibration {
        slope: 1.0,
        offset: 0.0,
        threshold: 0.5,
        true_positive_rate: 1.0,
        false_positive_rate: 0.0,
    };

    fn rate(found: usize, judged: usize, calibration: Calibration) -> Rate {
        Rate::estimate(found, judged, &calibration).unwrap()
    }

    #[test]
    fn rate_of_a_perfect_detector_follows_the_share_of_epochs() {
        let rate = rate(10, 960, PERFECT);
        assert!((rate.per_hour - 1.256).abs() < 0.01, "{rate:?}");
        assert!(rate.low < rate.per_hour && rate.per_hour < rate.high);
    }

    #[test]
    fn rate_of_no_occurrence_is_not_negative() {
        let low = rate(0, 960, PERFECT).low;
        assert!(low.is_sign_positive() && low < 1e-6, "{low}");
    }

    #[test]
    fn false_alarms_are_subtracted() {
        let alarming = Calibration { false_positive_rate: 0.1, ..PERFECT };
        assert_eq!(rate(96, 960, alarming).per_hour, 0.0);
        assert!(rate(192, 960, alarming).per_hour < rate(192, 960, PERFECT).per_hour);
    }

    #[test]
    fn misses_are_added() {
        let missing = Calibration { true_positive_rate: 0.5, ..PERFECT };
        let rate = rate(96, 960, missing).per_hour;
        assert!((rate - per_hour(0.2, 960)).abs() < 1e-6, "{rate}");
    }

    #[test]
    fn detector_that_says_nothing_is_not_corrected() {
        let blind = Calibration { true_positive_rate: 0.3, false_positive_rate: 0.28, ..PERFECT };
        assert_eq!(rate(96, 960, blind).per_hour, rate(96, 960, PERFECT).per_hour);
    }

    #[test]
    fn interval_narrows_with_more_epochs() {
        let width = |rate: Rate| rate.high - rate.low;
        assert!(width(rate(10, 100, PERFECT)) > 2.0 * width(rate(100, 1000, PERFECT)));
    }

    #[test]
    fn wilson_interval_matches_published_values() {
        // Newcombe 1998, table I: 81 of 263 and 0 of 20.
        let (low, high) = wilson(81.0, 263.0);
        assert!((low - 0.2553).abs() < 1e-4 && (high - 0.3662).abs() < 1e-4, "{low} {high}");
        let (low, high) = wilson(0.0, 20.0);
        assert!(low < 1e-12 && (high - 0.1611).abs() < 1e-4, "{low} {high}");
    }

    #[test]
    fn night_with_the_concept_in_every_epoch_has_a_finite_rate() {
        assert!(rate(960, 960, PERFECT).high.is_finite());
    }

    #[test]
    fn night_without_judged_epochs_has_no_rate() {
        assert_eq!(Rate::estimate(0, 0, &PERFECT), None);
    }
}
