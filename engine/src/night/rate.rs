//! From epochs with a concept to a rate per hour.

use nocturne_encoder::bundle::Calibration;
use nocturne_psg::EPOCH_S;

/// Epochs in an hour.
const EPOCHS_PER_HOUR: f64 = 3600.0 / EPOCH_S;

/// A rate per hour with its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Rate {
    pub(crate) per_hour: f64,
    pub(crate) low: f64,
    pub(crate) high: f64,
}

impl Rate {
    /// Estimates the rate from `found` epochs of `judged`.
    ///
    /// The share is corrected for the concept's known rates of hits and false alarms (Rogan and Gladen 1978). Several
    /// occurrences may fall into one epoch, so the rate is the mean of the Poisson distribution that leaves as many
    /// epochs empty. The interval is Wilson's (1927) on the share that was found, carried through both steps: it holds
    /// what chance does, not what a wrong calibration would do.
    pub(crate) fn estimate(found: usize, judged: usize, calibration: &Calibration) -> Option<Self> {
        if judged == 0 {
            return None;
        }
        let (low, high) = wilson(found as f64, judged as f64);
        let share = found as f64 / judged as f64;
        let rate = |share: f64| per_hour(corrected(share, calibration), judged);
        Some(Self { per_hour: rate(share), low: rate(low), high: rate(high) })
    }
}

/// Returns occurrences per hour of sleep: those whose onset lies in an epoch of sleep, by the hours of all such epochs.
///
/// `asleep_s` holds the onset of every epoch of sleep, ascending; `None` where there is none.
pub(crate) fn scored_rate(asleep_s: &[f64], onsets_s: impl Iterator<Item = f64>) -> Option<f64> {
    let is_asleep = |onset_s: &f64| {
        let before = asleep_s.partition_point(|start_s| start_s <= onset_s);
        before > 0 && *onset_s < asleep_s[before - 1] + EPOCH_S
    };
    let hours = asleep_s.len() as f64 / EPOCHS_PER_HOUR;
    (!asleep_s.is_empty()).then(|| onsets_s.filter(is_asleep).count() as f64 / hours)
}

/// Takes from a share what false alarms add to it and misses take from it.
fn corrected(share: f64, calibration: &Calibration) -> f64 {
    let (hits, alarms) =
        (f64::from(calibration.true_positive_rate), f64::from(calibration.false_positive_rate));
    // A concept that is found no more often where it is than where it is not says nothing; the share stays as it is.
    if hits - alarms < 0.05 { share } else { ((share - alarms) / (hits - alarms)).clamp(0.0, 1.0) }
}

/// Returns occurrences per hour where this share of epochs has at least one.
fn per_hour(share: f64, judged: usize) -> f64 {
    // A night whose every epoch is hit has no finite estimate; half an epoch is left empty, as is the custom.
    let most = 1.0 - 0.5 / judged as f64;
    (1.0 / (1.0 - share.min(most))).ln() * EPOCHS_PER_HOUR
}

/// Returns the 95 % interval of a share.
fn wilson(found: f64, judged: f64) -> (f64, f64) {
    const Z: f64 = 1.96;
    let share = found / judged;
    let middle = share + Z * Z / (2.0 * judged);
    let half = Z * (share * (1.0 - share) / judged + Z * Z / (4.0 * judged * judged)).sqrt();
    let scale = 1.0 + Z * Z / judged;
    (((middle - half) / scale).max(0.0), ((middle + half) / scale).min(1.0))
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

    #[test]
    fn rate_of_a_perfect_detector_is_that_of_the_epochs() {
        let rate = Rate::estimate(10, 960, &PERFECT).unwrap();
        assert!((rate.per_hour - 1.256).abs() < 0.01, "{rate:?}");
        assert!(rate.low < rate.per_hour && rate.per_hour < rate.high);
    }

    #[test]
    fn rate_of_nothing_is_not_negative() {
        let low = Rate::estimate(0, 960, &PERFECT).unwrap().low;
        assert!(low.is_sign_positive() && low < 1e-6, "{low}");
    }

    #[test]
    fn false_alarms_are_taken_off() {
        let alarming = Calibration { false_positive_rate: 0.1, ..PERFECT };
        assert_eq!(Rate::estimate(96, 960, &alarming).unwrap().per_hour, 0.0);
        assert!(
            Rate::estimate(192, 960, &alarming).unwrap().per_hour
                < Rate::estimate(192, 960, &PERFECT).unwrap().per_hour
        );
    }

    #[test]
    fn misses_are_added() {
        let missing = Calibration { true_positive_rate: 0.5, ..PERFECT };
        let rate = Rate::estimate(96, 960, &missing).unwrap().per_hour;
        assert!((rate - per_hour(0.2, 960)).abs() < 1e-6, "{rate}");
    }

    #[test]
    fn scored_rate_counts_what_begins_in_sleep() {
        // Two epochs of sleep with a wake epoch between them: a sixtieth of an hour.
        let rate = scored_rate(&[0.0, 60.0], [5.0, 29.9, 35.0, 60.0, 95.0].into_iter());
        assert_eq!(rate, Some(180.0));
        assert_eq!(scored_rate(&[], [5.0].into_iter()), None);
    }

    #[test]
    fn full_night_has_a_finite_rate_and_an_empty_one_has_none() {
        assert!(Rate::estimate(960, 960, &PERFECT).unwrap().high.is_finite());
        assert_eq!(Rate::estimate(0, 0, &PERFECT), None);
    }
}
