//! Ratios of sampling rates.

/// A ratio of two integers in lowest terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Ratio {
    /// Interpolation factor.
    pub up: usize,
    /// Decimation factor.
    pub down: usize,
}

/// Maximum term of a ratio: the filter has twenty coefficients per unit of the larger term.
const MAX_TERM: f64 = 100_000.0;

impl Ratio {
    /// Returns the ratio of `to_hz` to `from_hz`: exact if its terms are at most 100,000, else the nearest such ratio.
    ///
    /// Returns `None` if a rate is not positive and finite, or if the ratio is above 100,000 or below its inverse.
    pub fn of_rates(from_hz: f64, to_hz: f64) -> Option<Self> {
        let value = to_hz / from_hz;
        if !(from_hz > 0.0 && to_hz > 0.0 && (1.0 / MAX_TERM..=MAX_TERM).contains(&value)) {
            return None;
        }
        // Continued fraction: each convergent is the best ratio with terms of its size.
        let (mut previous, mut last) = ((0.0, 1.0), (1.0, 0.0));
        let mut rest = value;
        loop {
            let whole = rest.floor();
            let next = (whole * last.0 + previous.0, whole * last.1 + previous.1);
            if next.0 > MAX_TERM || next.1 > MAX_TERM {
                break;
            }
            (previous, last) = (last, next);
            let is_exact = (last.0 / last.1 / value - 1.0).abs() < 1e-12;
            if is_exact {
                break;
            }
            rest = 1.0 / (rest - whole);
        }
        Some(Self { up: last.0 as usize, down: last.1 as usize })
    }

    /// Returns the number of output samples for `n` input samples: `n · up / down`, rounded up.
    pub const fn output_len(self, n: usize) -> usize {
        (n * self.up).div_ceil(self.down)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ratios_are_in_lowest_terms() {
        let check = |from_hz, expected| {
            let ratio = Ratio::of_rates(from_hz, 64.0).map(|ratio| (ratio.up, ratio.down));
            assert_eq!(ratio, expected, "{from_hz} Hz");
        };
        check(64.0, Some((1, 1)));
        check(128.0, Some((1, 2)));
        check(125.0, Some((64, 125)));
        check(12.8, Some((5, 1)));
        check(487.5, Some((128, 975)));
        check(1.0 / 3.0, Some((192, 1)));
        check(999.0, Some((64, 999)));
        check(0.0, None);
        check(f64::NAN, None);
        check(1e9, None);
    }

    #[test]
    fn inexact_ratios_drift_by_less_than_a_sample_a_day() {
        let from_hz = 1000.0 / std::f64::consts::PI;
        let ratio = Ratio::of_rates(from_hz, 64.0).unwrap();
        let day_samples = from_hz * 86_400.0;
        let drift =
            day_samples * (ratio.up as f64 / ratio.down as f64) - day_samples * 64.0 / from_hz;
        assert!(drift.abs() < 1.0, "{drift}");
    }
}
