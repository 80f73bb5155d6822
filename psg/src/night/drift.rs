//! Notices channels whose samples run away from each other, as two recorders that were joined leave them.
//!
//! Two leads on one head see much of the same activity at the same moment, and two belts the same breath. Where the lag
//! at which they agree best is steadily another one, or grows through the night, their clocks differ. Only what is
//! beyond doubt is told, and nothing is shifted.

use std::sync::Arc;

use nocturne_edf::EdfHeader;
use realfft::num_complex::Complex;
use realfft::{ComplexToReal, RealFftPlanner, RealToComplex};

use crate::montage::{Channel, ResolvedMontage};
use crate::{EPOCH_SAMPLES, Epoch, RATE_HZ, Warning, WarningCode};

/// Pairs that see the same at the same time.
const PAIRS: [(Channel, Channel); 5] = [
    (Channel::EegC3A2, Channel::EegC4A1),
    (Channel::EogLeft, Channel::EogRight),
    (Channel::EegC3A2, Channel::EogLeft),
    (Channel::EegC4A1, Channel::EogRight),
    (Channel::EegC4A1, Channel::EogLeft),
];

/// Stretches that are compared, spread over the night.
const STRETCHES: usize = 24;
/// Fewest stretches that must agree with each other.
const FEWEST: usize = 8;
/// Longest lag that is looked for, in samples: 4 s.
const LONGEST_LAG: usize = 256;
/// The best lag counts where the correlation there is at least this.
const CLEAR: f32 = 0.4;
/// The best lag counts where its correlation is so much above that of any lag beyond [`PEAK`] samples from it.
const SHARP: f32 = 0.1;
/// The brain's slow and middling rhythms in hertz; below lies sweat, above muscle, and either is each lead's own.
const SHARED_HZ: (f64, f64) = (1.0, 12.0);
/// Half width of a peak in samples; EEG is correlated with itself for so long.
const PEAK: usize = 32;
/// A lag, or its growth, is told from so many samples on: 0.1 s.
const TELLING: f64 = 6.4;
/// Root mean square distance, in samples, of the lags from their line.
const CLOSE: f64 = 2.0;

/// Returns a warning where two channels that see the same do not see it at the same time.
///
/// `traces` holds for each channel the samples of all epochs.
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
        let Some(line) = Line::through(&lags) else { continue };
        let Some(problem) = line.problem(epochs) else { continue };
        let label = |signal: usize| &header.signals[signal].label;
        let message = format!(
            "`{}`, which feeds {second}, {problem} `{}`, which feeds {first}; they are read as they are",
            label(other.plus),
            label(one.plus)
        );
        warnings.push(Warning::new(WarningCode::ClockDrift, message));
    }
    warnings
}

/// At which epoch the second channel of a pair lags behind the first by how many samples.
type Lags = Vec<(f64, f64)>;

/// Finds the lag at which two stretches agree best.
struct Correlator {
    forward: Arc<dyn RealToComplex<f32>>,
    inverse: Arc<dyn ComplexToReal<f32>>,
}

impl Correlator {
    fn new() -> Self {
        let mut planner = RealFftPlanner::new();
        let n = 2 * EPOCH_SAMPLES;
        Self { forward: planner.plan_fft_forward(n), inverse: planner.plan_fft_inverse(n) }
    }

    fn lags(&mut self, epochs: &[Epoch], traces: &[Vec<f32>], pair: (Channel, Channel)) -> Lags {
        let is_good = |i: &usize| {
            let epoch = &epochs[*i];
            [pair.0, pair.1]
                .iter()
                .all(|it| epoch.mask.contains(*it) && !epoch.quality.clipped.contains(*it))
        };
        let stride = epochs.len().div_ceil(STRETCHES).max(1);
        let starts = (0..epochs.len()).step_by(stride);
        // The first good epoch of each stretch whose lag is clear.
        let of_stretch = |start: usize| {
            let good = (start..(start + stride).min(epochs.len())).filter(is_good).take(5);
            good.into_iter().find_map(|i| {
                let samples = |channel: Channel| {
                    &traces[channel.index()][i * EPOCH_SAMPLES..][..EPOCH_SAMPLES]
                };
                Some((i as f64, self.lag(samples(pair.0), samples(pair.1))?))
            })
        };
        starts.filter_map(of_stretch).collect()
    }

    /// Returns the samples by which `second` comes after `first`, where that is clear.
    fn lag(&self, first: &[f32], second: &[f32]) -> Option<f64> {
        let (first, one) = self.transformed(first);
        let (second, other) = self.transformed(second);
        let norm = (one * other).sqrt();
        if norm <= 0.0 {
            return None;
        }
        let mut product: Vec<Complex<f32>> =
            first.iter().zip(&second).map(|(a, b)| a.conj() * b).collect();
        let n = 2 * EPOCH_SAMPLES;
        let mut correlation = vec![0.0; n];
        self.inverse.process(&mut product, &mut correlation).ok()?;
        // Eyes move together with opposite signs.
        let at = |lag: isize| {
            let place = lag.rem_euclid(n as isize) as usize;
            (correlation[place] / (n as f32 * norm)).abs()
        };
        let longest = LONGEST_LAG as isize;
        let best = (-longest..=longest).max_by(|a, b| at(*a).total_cmp(&at(*b)))?;
        let elsewhere = (-longest..=longest)
            .filter(|lag| (lag - best).unsigned_abs() > PEAK)
            .map(at)
            .fold(0.0, f32::max);
        let is_clear = at(best) >= CLEAR && at(best) >= elsewhere + SHARP;
        (is_clear && best.abs() < longest).then_some(best as f64)
    }

    /// Returns the spectrum of the changes from sample to sample, which are whiter than the samples, in the band that
    /// two leads share, and the energy there.
    fn transformed(&self, samples: &[f32]) -> (Vec<Complex<f32>>, f32) {
        let mut input = self.forward.make_input_vec();
        for (input, pair) in input.iter_mut().zip(samples.windows(2)) {
            *input = pair[1] - pair[0];
        }
        let n = input.len();
        let mut output = self.forward.make_output_vec();
        self.forward.process(&mut input, &mut output).expect("the buffers were made for it");
        let bin = |hz: f64| (hz / RATE_HZ * n as f64) as usize;
        output[..bin(SHARED_HZ.0)].fill(Complex::default());
        output[bin(SHARED_HZ.1)..].fill(Complex::default());
        let energy = output.iter().map(Complex::norm_sqr).sum::<f32>();
        // Each bin stands for two of the whole spectrum.
        (output, 2.0 * energy / n as f32)
    }
}

/// The line through the lags: samples at the first epoch, and samples gained an epoch.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Line {
    start: f64,
    slope: f64,
}

impl Line {
    /// Returns the line that most lags lie close to, by the medians of Theil and Sen.
    fn through(lags: &Lags) -> Option<Self> {
        if lags.len() < FEWEST {
            return None;
        }
        let pairs =
            lags.iter().enumerate().flat_map(|(i, a)| lags[..i].iter().map(move |b| (a, b)));
        let slope = median(pairs.map(|(a, b)| (a.1 - b.1) / (a.0 - b.0)).collect());
        let start = median(lags.iter().map(|(epoch, lag)| lag - slope * epoch).collect());
        let close = lags.iter().filter(|(epoch, lag)| (lag - start - slope * epoch).abs() <= CLOSE);
        (close.count() >= FEWEST.max(lags.len() * 3 / 4)).then_some(Self { start, slope })
    }

    fn problem(self, epochs: &[Epoch]) -> Option<String> {
        let growth = self.slope * epochs.len() as f64;
        let seconds = |samples: f64| samples.abs() / RATE_HZ;
        if growth.abs() >= TELLING {
            let way = if growth > 0.0 { "falls behind" } else { "runs ahead of" };
            return Some(format!(
                "drifts: in the course of the recording it {way}, by {:.2} s in all,",
                seconds(growth)
            ));
        }
        let lag = self.start + growth / 2.0;
        (lag.abs() >= TELLING).then(|| {
            let way = if lag > 0.0 { "comes after" } else { "comes before" };
            format!("is {:.2} s off: it {way}", seconds(lag))
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

    /// A night of two leads, the second `offset` samples behind the first and `drift` more at the end.
    fn lags(offset: f64, drift: f64) -> Lags {
        use rand::SeedableRng;
        use rand_distr::{Distribution, StandardNormal};
        let mut random = rand_pcg::Pcg64::seed_from_u64(4);
        let n = 60 * EPOCH_SAMPLES;
        let mut draw = || -> f32 { StandardNormal.sample(&mut random) };
        // Noise of the brain: each sample remembers the one before.
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
            number: crate::EpochNumber(i),
            onset_s: f64::from(i) * crate::EPOCH_S,
            mask: crate::montage::ChannelMask::ALL,
            quality: crate::Quality::default(),
            stage: None,
            events: vec![],
        };
        (0..60).map(epoch).collect()
    }

    fn problem(offset: f64, drift: f64) -> Option<String> {
        Line::through(&lags(offset, drift)).and_then(|line| line.problem(&epochs()))
    }

    #[test]
    fn leads_of_one_clock_are_fine() {
        assert_eq!(problem(0.0, 0.0), None);
        assert_eq!(problem(2.0, 2.0), None);
    }

    #[test]
    fn a_lead_that_comes_late_is_told() {
        assert_eq!(problem(32.0, 0.0).as_deref(), Some("is 0.50 s off: it comes after"));
        assert_eq!(problem(-64.0, 0.0).as_deref(), Some("is 1.00 s off: it comes before"));
    }

    #[test]
    fn a_lead_that_runs_away_is_told() {
        let told = problem(0.0, 64.0).unwrap();
        assert!(
            told.starts_with("drifts: in the course of the recording it falls behind"),
            "{told}"
        );
        let told = problem(0.0, -64.0).unwrap();
        assert!(
            told.starts_with("drifts: in the course of the recording it runs ahead of"),
            "{told}"
        );
    }

    #[test]
    fn leads_that_have_nothing_in_common_say_nothing() {
        let alone = |seed: u64| -> Lags {
            (0..20)
                .map(|i| (f64::from(i), (seed.wrapping_mul(i as u64 + 7) % 301) as f64))
                .collect()
        };
        assert_eq!(Line::through(&alone(97)), None);
    }
}
