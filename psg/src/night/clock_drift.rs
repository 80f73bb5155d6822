//! Detects channels with different clocks, as in files that merge two recorders.
//!
//! Leads on one head record much of the same activity at the same time. If the lag with the highest correlation is
//! constant but not zero, or grows through the night, their clocks differ. Only clear cases give a warning, and no
//! signal is shifted.

use std::sync::Arc;

use nocturne_edf::EdfHeader;
use realfft::num_complex::Complex;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};

use crate::montage::ResolvedMontage;
use crate::sleep::{Channel, EPOCH_SAMPLES, Epoch, RATE_HZ};
use crate::warning::{Warning, WarningCode};

/// Pairs of channels that record common activity.
const PAIRS: [(Channel, Channel); 5] = [
    (Channel::EegC3A2, Channel::EegC4A1),
    (Channel::EogLeft, Channel::EogRight),
    (Channel::EegC3A2, Channel::EogLeft),
    (Channel::EegC4A1, Channel::EogRight),
    (Channel::EegC4A1, Channel::EogLeft),
];

/// Number of segments of the night in which an epoch is compared.
const SEGMENTS: usize = 24;
/// Minimum number of lags that must agree with each other.
const MIN_LAGS: usize = 8;
/// Maximum lag in samples: 4 s.
const MAX_LAG: usize = 256;
/// Minimum correlation at the best lag.
const MIN_CORRELATION: f32 = 0.4;
/// Minimum difference between the correlation at the best lag and at any lag more than [`PEAK`] samples away.
const MIN_PROMINENCE: f32 = 0.1;
/// Band in hertz of activity that leads have in common; sweat below and muscle above it differ between leads.
const SHARED_HZ: (f64, f64) = (1.0, 12.0);
/// Half width of a correlation peak in samples, from the autocorrelation of the EEG.
const PEAK: usize = 32;
/// Minimum lag, or growth of the lag, for a warning, in samples: 0.1 s.
const MIN_REPORTED: f64 = 6.4;
/// Maximum distance of a lag from the line, in samples.
const MAX_DISTANCE: f64 = 2.0;

/// Returns a warning for each pair of channels whose common activity is not synchronous.
///
/// `traces` contains the samples of all epochs for each channel.
pub(super) fn warnings(
    montage: &ResolvedMontage,
    header: &EdfHeader,
    epochs: &[Epoch],
    traces: &[Vec<f32>],
) -> Vec<Warning> {
    let fed = |channel: Channel| montage.channels().iter().find(|it| it.channel == channel);
    let mut correlator = Correlator::new();
    let mut warnings = Vec::new();
    for (first, second) in PAIRS {
        let (Some(one), Some(other)) = (fed(first), fed(second)) else { continue };
        if one.plus == other.plus {
            continue;
        }
        let lags = correlator.lags(epochs, traces, (first, second));
        let Some(line) = LagLine::through(&lags) else { continue };
        let Some(problem) = line.problem(epochs) else { continue };
        let label = |signal: usize| &header.signals[signal].label;
        let message = format!(
            "`{}`, which feeds {second}, {problem} `{}`, which feeds {first}; read as stored",
            label(other.plus),
            label(one.plus)
        );
        warnings.push(Warning::new(WarningCode::ClockDrift, message));
    }
    warnings
}

/// Index of an epoch and the samples by which the second channel of a pair lags the first in it.
type Lags = Vec<(f64, f64)>;

/// Finds the lag with the highest correlation between two channels in an epoch.
struct Correlator {
    forward: Arc<dyn RealToComplex<f32>>,
    inverse: Arc<dyn ComplexToReal<f32>>,
}

impl Correlator {
    fn new() -> Self {
        let mut planner = RealFftPlanner::new();
        // Padded with zeros to twice the length, so that the correlation is not circular.
        let n = 2 * EPOCH_SAMPLES;
        Self { forward: planner.plan_fft_forward(n), inverse: planner.plan_fft_inverse(n) }
    }

    /// Returns the lag of one epoch in each segment of the night that has a clear one.
    fn lags(&mut self, epochs: &[Epoch], traces: &[Vec<f32>], pair: (Channel, Channel)) -> Lags {
        let is_good = |i: &usize| {
            let epoch = &epochs[*i];
            [pair.0, pair.1]
                .iter()
                .all(|it| epoch.mask.contains(*it) && !epoch.quality.clipped.contains(*it))
        };
        let stride = epochs.len().div_ceil(SEGMENTS).max(1);
        let starts = (0..epochs.len()).step_by(stride);
        // The first of at most five good epochs with a clear lag; the limit bounds the time for unrelated channels.
        let lag_in_segment = |start: usize| {
            let good = (start..(start + stride).min(epochs.len())).filter(is_good).take(5);
            good.into_iter().find_map(|i| {
                let samples = |channel: Channel| {
                    &traces[channel.index()][i * EPOCH_SAMPLES..][..EPOCH_SAMPLES]
                };
                Some((i as f64, self.lag(samples(pair.0), samples(pair.1))?))
            })
        };
        starts.filter_map(lag_in_segment).collect()
    }

    /// Returns the samples by which `second` lags `first`, or `None` if the correlation has no clear peak.
    fn lag(&self, first: &[f32], second: &[f32]) -> Option<f64> {
        let (first, one) = self.band_spectrum(first);
        let (second, other) = self.band_spectrum(second);
        let norm = (one * other).sqrt();
        if norm <= 0.0 {
            return None;
        }
        let mut product: Vec<Complex<f32>> =
            first.iter().zip(&second).map(|(a, b)| a.conj() * b).collect();
        let n = 2 * EPOCH_SAMPLES;
        let mut correlation = vec![0.0; n];
        self.inverse.process(&mut product, &mut correlation).ok()?;
        // Absolute values, because conjugate eye movements have opposite signs in the two EOGs.
        let at = |lag: isize| {
            let index = lag.rem_euclid(n as isize) as usize;
            (correlation[index] / (n as f32 * norm)).abs()
        };
        let max_lag = MAX_LAG as isize;
        let best = (-max_lag..=max_lag).max_by(|a, b| at(*a).total_cmp(&at(*b)))?;
        let elsewhere = (-max_lag..=max_lag)
            .filter(|lag| (lag - best).unsigned_abs() > PEAK)
            .map(at)
            .fold(0.0, f32::max);
        let is_clear = at(best) >= MIN_CORRELATION && at(best) >= elsewhere + MIN_PROMINENCE;
        // A maximum at the limit of the search is the flank of a peak beyond it.
        (is_clear && best.abs() < max_lag).then_some(best as f64)
    }

    /// Returns the spectrum of the differences of successive samples within [`SHARED_HZ`], and its energy.
    ///
    /// Differences are whiter than samples, which makes the peak of the correlation sharper.
    fn band_spectrum(&self, samples: &[f32]) -> (Vec<Complex<f32>>, f32) {
        let mut input = self.forward.make_input_vec();
        for (input, pair) in input.iter_mut().zip(samples.windows(2)) {
            *input = pair[1] - pair[0];
        }
        let n = input.len();
        let mut output = self.forward.make_output_vec();
        self.forward
            .process(&mut input, &mut output)
            .expect("the buffers have the lengths of this transform");
        let bin = |hz: f64| (hz / RATE_HZ * n as f64) as usize;
        output[..bin(SHARED_HZ.0)].fill(Complex::default());
        output[bin(SHARED_HZ.1)..].fill(Complex::default());
        let energy = output.iter().map(Complex::norm_sqr).sum::<f32>();
        // Each bin represents two bins of the full spectrum.
        (output, 2.0 * energy / n as f32)
    }
}

/// A line through the lags: samples at the first epoch, and samples per epoch.
#[derive(Debug, Clone, Copy, PartialEq)]
struct LagLine {
    start: f64,
    slope: f64,
}

impl LagLine {
    /// Returns the Theil-Sen line, or `None` if fewer than three quarters of the lags are close to it.
    fn through(lags: &Lags) -> Option<Self> {
        if lags.len() < MIN_LAGS {
            return None;
        }
        let pairs =
            lags.iter().enumerate().flat_map(|(i, a)| lags[..i].iter().map(move |b| (a, b)));
        let slope = median(pairs.map(|(a, b)| (a.1 - b.1) / (a.0 - b.0)).collect());
        let start = median(lags.iter().map(|(epoch, lag)| lag - slope * epoch).collect());
        let close =
            lags.iter().filter(|(epoch, lag)| (lag - start - slope * epoch).abs() <= MAX_DISTANCE);
        (close.count() >= MIN_LAGS.max(lags.len() * 3 / 4)).then_some(Self { start, slope })
    }

    /// Describes a constant or growing lag, for a message; `None` if it is too small to report.
    fn problem(self, epochs: &[Epoch]) -> Option<String> {
        let growth = self.slope * epochs.len() as f64;
        let seconds = |samples: f64| samples.abs() / RATE_HZ;
        if growth.abs() >= MIN_REPORTED {
            let verb = if growth > 0.0 { "falls behind" } else { "runs ahead of" };
            return Some(format!(
                "drifts: over the recording it {verb}, by {:.2} s in total,",
                seconds(growth)
            ));
        }
        let lag = self.start + growth / 2.0;
        (lag.abs() >= MIN_REPORTED).then(|| {
            let relation = if lag > 0.0 { "late" } else { "early" };
            format!("is {:.2} s {relation} compared with", seconds(lag))
        })
    }
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The lags of two simulated leads; the second lags by `offset` samples, and by `drift` more at the end.
    fn lags(offset: f64, drift: f64) -> Lags {
        use rand::SeedableRng;
        use rand_distr::{Distribution, StandardNormal};
        let mut random = rand_pcg::Pcg64::seed_from_u64(4);
        let n = 60 * EPOCH_SAMPLES;
        let mut draw = || -> f32 { StandardNormal.sample(&mut random) };
        // Autoregressive noise as common activity.
        let mut level = 0.0;
        let source: Vec<f32> = (0..n + 1000)
            .map(|_| {
                level = 0.9 * level + draw();
                level
            })
            .collect();
        let second = |i: usize| {
            let lag = offset + drift * i as f64 / n as f64;
            source[(i as f64 + 500.0 - lag).round() as usize]
        };
        let first: Vec<f32> = (0..n).map(|i| source[i + 500] + draw()).collect();
        let second: Vec<f32> = (0..n).map(|i| second(i) + draw()).collect();
        let mut traces = vec![Vec::new(); Channel::COUNT];
        traces[Channel::EegC3A2.index()] = first;
        traces[Channel::EegC4A1.index()] = second;
        Correlator::new().lags(&epochs(), &traces, (Channel::EegC3A2, Channel::EegC4A1))
    }

    fn epochs() -> Vec<Epoch> {
        let epoch = |i: u32| Epoch {
            number: crate::sleep::EpochNumber(i),
            onset_s: f64::from(i) * crate::sleep::EPOCH_S,
            mask: crate::sleep::ChannelMask::ALL,
            quality: crate::sleep::Quality::default(),
            stage: None,
            events: vec![],
        };
        (0..60).map(epoch).collect()
    }

    fn problem(offset: f64, drift: f64) -> Option<String> {
        LagLine::through(&lags(offset, drift)).and_then(|line| line.problem(&epochs()))
    }

    #[test]
    fn leads_with_one_clock_give_no_warning() {
        assert_eq!(problem(0.0, 0.0), None);
        assert_eq!(problem(2.0, 2.0), None);
    }

    #[test]
    fn constant_lags_give_a_warning() {
        assert_eq!(problem(32.0, 0.0).as_deref(), Some("is 0.50 s late compared with"));
        assert_eq!(problem(-64.0, 0.0).as_deref(), Some("is 1.00 s early compared with"));
    }

    #[test]
    fn growing_lags_give_a_warning() {
        let found = problem(0.0, 64.0).unwrap();
        assert!(found.starts_with("drifts: over the recording it falls behind"), "{found}");
        let found = problem(0.0, -64.0).unwrap();
        assert!(found.starts_with("drifts: over the recording it runs ahead of"), "{found}");
    }

    #[test]
    fn random_lags_have_no_line() {
        let random = |seed: u64| -> Lags {
            (0..20)
                .map(|i| (f64::from(i), (seed.wrapping_mul(i as u64 + 7) % 301) as f64))
                .collect()
        };
        assert_eq!(LagLine::through(&random(97)), None);
    }
}
