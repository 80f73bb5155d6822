//! Reads the oxygen saturation of each second.

use nocturne_edf::EdfHeader;

use crate::sleep::EPOCH_S;

/// Valid saturations in percent; oximeters write 0, 1 or 127 without a finger.
const VALID_PERCENT: std::ops::RangeInclusive<f64> = 40.0..=100.5;

/// Returns the saturation of each second of `n_epochs` epochs in percent: the mean of its valid samples, or NaN.
///
/// Signals slower than 1 Hz hold their last value.
pub(super) fn seconds(
    header: &EdfHeader,
    signal: usize,
    digital: &[i32],
    n_epochs: usize,
) -> Vec<f32> {
    let signal = &header.signals[signal];
    let rate_hz = header.rate_hz(signal);
    let (gain, offset) = signal.scaling().expect("the montage names a signal with a range");
    let second = |second: usize| {
        let from = (second as f64 * rate_hz) as usize;
        let to = (((second + 1) as f64 * rate_hz) as usize).max(from + 1);
        let measured = digital.get(from..to.min(digital.len())).unwrap_or_default();
        mean(measured.iter().map(|sample| gain * f64::from(*sample) + offset))
    };
    (0..n_epochs * EPOCH_S as usize).map(second).collect()
}

/// Returns the mean of the valid values, clamped to 100, or NaN if there are none.
fn mean(values: impl Iterator<Item = f64>) -> f32 {
    let valid = values.filter(|value| VALID_PERCENT.contains(value));
    let valid: Vec<f64> = valid.map(|value| value.min(100.0)).collect();
    (valid.iter().sum::<f64>() / valid.len() as f64) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn invalid_values_are_ignored() {
        assert_eq!(mean([95.0, 97.0].into_iter()), 96.0);
        assert_eq!(mean([95.0, 0.0, 127.0].into_iter()), 95.0);
        assert_eq!(mean([100.4].into_iter()), 100.0);
        assert!(mean([0.0, 127.0].into_iter()).is_nan());
        assert!(mean(std::iter::empty()).is_nan());
    }
}
