//! The oxygen saturation of every second.

use nocturne_edf::EdfHeader;

use crate::EPOCH_S;

/// Percentages that an oximeter measures on somebody alive; it writes 0, 1 or 127 where the finger is out.
const BELIEVED_PERCENT: std::ops::RangeInclusive<f64> = 40.0..=100.5;

/// Returns the percentage of each second of `n_epochs` epochs: the mean of what was measured in it, or NaN.
///
/// Of a signal slower than one hertz the value that stood last counts.
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

/// Returns the mean of what is believed, at most 100, or NaN where nothing is.
fn mean(values: impl Iterator<Item = f64>) -> f32 {
    let believed = values.filter(|value| BELIEVED_PERCENT.contains(value));
    let believed: Vec<f64> = believed.map(|value| value.min(100.0)).collect();
    (believed.iter().sum::<f64>() / believed.len() as f64) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_no_oximeter_measures_is_not_known() {
        assert_eq!(mean([95.0, 97.0].into_iter()), 96.0);
        assert_eq!(mean([95.0, 0.0, 127.0].into_iter()), 95.0);
        assert_eq!(mean([100.4].into_iter()), 100.0);
        assert!(mean([0.0, 127.0].into_iter()).is_nan());
        assert!(mean(std::iter::empty()).is_nan());
    }
}
