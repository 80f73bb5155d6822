//! How often intervals hold the truth, and how sure that is.

use serde::Serialize;

/// Intervals of a group of nights against the truth.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct IntervalCoverage {
    /// Smallest and largest true value.
    pub truth: (f64, f64),
    /// Number of nights.
    pub nights: usize,
    /// Number of nights whose interval holds the truth.
    pub held: usize,
    /// 95 % interval of the share of held nights (Clopper and Pearson 1934).
    pub share_interval: (f64, f64),
    /// Mean of estimate − truth.
    pub bias: f64,
    /// Mean of the true values.
    pub mean_truth: f64,
    /// Mean width of the intervals.
    pub width: f64,
}

/// An estimate, its interval, and the truth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) struct JudgedInterval {
    pub(super) estimate: f64,
    pub(super) interval: (f64, f64),
    pub(super) truth: f64,
}

impl IntervalCoverage {
    /// Compares nights with the truth; `None` without nights.
    pub(super) fn of(nights: &[JudgedInterval]) -> Option<Self> {
        let n = nights.len();
        if n == 0 {
            return None;
        }
        let holds = |night: &&JudgedInterval| {
            let (low, high) = night.interval;
            // The estimates are rounded in no place, but sums of probabilities are not exact.
            (low - 1e-9..=high + 1e-9).contains(&night.truth)
        };
        let held = nights.iter().filter(holds).count();
        let mean = |of: fn(&JudgedInterval) -> f64| nights.iter().map(of).sum::<f64>() / n as f64;
        let truths = nights.iter().map(|night| night.truth);
        Some(Self {
            truth: (truths.clone().fold(f64::INFINITY, f64::min), truths.fold(0.0, f64::max)),
            nights: n,
            held,
            share_interval: clopper_pearson(held, n),
            bias: mean(|night| night.estimate - night.truth),
            mean_truth: mean(|night| night.truth),
            width: mean(|night| night.interval.1 - night.interval.0),
        })
    }

    /// Returns the share of nights whose interval holds the truth.
    pub fn share(&self) -> f64 {
        self.held as f64 / self.nights as f64
    }

    /// Returns whether the share may be 95 %.
    pub fn may_be_95_percent(&self) -> bool {
        (self.share_interval.0..=self.share_interval.1).contains(&0.95)
    }
}

/// Returns the 95 % interval of a share of `k` in `n` (Clopper and Pearson 1934): the shares for which neither tail of the
/// binomial distribution is below 2.5 %.
fn clopper_pearson(k: usize, n: usize) -> (f64, f64) {
    let at_least = |k: usize, p: f64| (k..=n).map(|i| probability(i, n, p)).sum::<f64>();
    let at_most = |k: usize, p: f64| (0..=k).map(|i| probability(i, n, p)).sum::<f64>();
    let low = if k == 0 { 0.0 } else { root(|p| at_least(k, p) - 0.025) };
    let high = if k == n { 1.0 } else { root(|p| 0.025 - at_most(k, p)) };
    (low, high)
}

/// Returns the binomial probability of `k` in `n`.
fn probability(k: usize, n: usize, p: f64) -> f64 {
    let log_factorial = |n: usize| libm::lgamma(n as f64 + 1.0);
    let ways = log_factorial(n) - log_factorial(k) - log_factorial(n - k);
    (ways + k as f64 * p.ln() + (n - k) as f64 * (-p).ln_1p()).exp()
}

/// Returns where an ascending function is 0 between 0 and 1.
fn root(f: impl Fn(f64) -> f64) -> f64 {
    let (mut low, mut high) = (0.0, 1.0);
    for _ in 0..60 {
        let middle = 0.5 * (low + high);
        if f(middle) < 0.0 { low = middle } else { high = middle }
    }
    0.5 * (low + high)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_of_shares_are_those_of_clopper_and_pearson() {
        // From the F distribution, as R's `binom.test` prints them.
        for (k, n, low, high) in [
            (0, 10, 0.0, 0.308_497),
            (5, 10, 0.187_086, 0.812_914),
            (95, 100, 0.887_165, 0.983_571),
            (380, 400, 0.923_914, 0.969_216),
        ] {
            let found = clopper_pearson(k, n);
            assert!((found.0 - low).abs() < 1e-4 && (found.1 - high).abs() < 1e-4, "{found:?}");
        }
        assert_eq!(clopper_pearson(10, 10).1, 1.0);
    }

    #[test]
    fn coverage_counts_the_nights_whose_interval_holds_the_truth() {
        let night = |estimate: f64, truth: f64| JudgedInterval {
            estimate,
            interval: (estimate - 2.0, estimate + 2.0),
            truth,
        };
        let nights = [night(10.0, 11.0), night(10.0, 13.0), night(4.0, 2.0), night(6.0, 6.0)];
        let coverage = IntervalCoverage::of(&nights).unwrap();
        assert_eq!((coverage.nights, coverage.held), (4, 3));
        assert_eq!(coverage.truth, (2.0, 13.0));
        assert_eq!((coverage.bias, coverage.mean_truth, coverage.width), (-0.5, 8.0, 4.0));
        assert_eq!(IntervalCoverage::of(&[]), None);
    }
}
