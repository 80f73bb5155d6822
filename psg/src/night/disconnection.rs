//! Detects disconnected leads and mains hum from power and noise, at the rate of the file.

use std::f64::consts::TAU;

use super::signal_findings::SignalFinding;
use crate::dsp::dot;
use crate::sleep::{Channel, EPOCH_S};

/// Minimum share of the power at 50 or 60 Hz in an epoch with mains hum.
const MAINS_SHARE: f64 = 0.25;
/// Minimum share of the power at 50 or 60 Hz in an epoch with a disconnected lead.
const DISCONNECTED_MAINS_SHARE: f64 = 0.8;
/// Minimum share of seconds with an amplitude beyond physiology in an epoch with a disconnected lead.
const LOUD_SHARE: f64 = 0.75;
/// Minimum whiteness of noise: the mean squared change between samples relative to that of white noise, which is twice
/// the variance. No physiological signal sampled at [`NOISE_RATE_HZ`] or more is this white.
const WHITENESS: f64 = 0.8;
/// Maximum relative variation of the standard deviation between seconds of noise; muscle activity varies more.
const STEADINESS: f64 = 0.15;
/// Minimum rate in hertz at which noise can be distinguished from physiological signals.
const NOISE_RATE_HZ: f64 = 100.0;
/// Minimum number of samples in a second.
const MIN_SAMPLES: usize = 16;
/// Mains frequencies in hertz.
const MAINS_HZ: [f64; 2] = [50.0, 60.0];
/// Minimum distance from the Nyquist frequency in hertz: the width of the window in frequency.
const MAINS_MARGIN_HZ: f64 = 1.5;

/// Checks a channel second by second as its physical samples arrive, and reports each epoch.
#[derive(Debug)]
pub(super) struct DisconnectionDetector {
    samples_per_epoch: f64,
    block_len: usize,
    /// Maximum physiological variance of a second; `None` if the channel is not a voltage.
    max_variance: Option<f64>,
    checks_noise: bool,
    probes: Vec<MainsProbe>,
    /// Number of samples processed.
    n: usize,
    block: Vec<f32>,
    steps: Vec<f32>,
    /// Ones, to sum with [`dot`].
    ones: Vec<f32>,
    sums: EpochSums,
    findings: Vec<SignalFinding>,
}

/// A windowed sine and cosine of one second at a mains frequency.
#[derive(Debug)]
struct MainsProbe {
    sine: Vec<f32>,
    cosine: Vec<f32>,
}

/// Sums over the seconds of the current epoch.
#[derive(Debug, Default)]
struct EpochSums {
    n_blocks: usize,
    n_loud: usize,
    variance: f64,
    deviation: f64,
    step_energy: f64,
    mains: [f64; 2],
}

impl DisconnectionDetector {
    /// Starts with a channel at the rate of the file; returns `None` if nothing can be detected at that rate.
    pub(super) fn new(channel: Channel, rate_hz: f64) -> Option<Self> {
        let block_len = rate_hz.round() as usize;
        let max_variance = max_deviation_uv(channel).map(|uv| uv * uv);
        let is_resolved = |hz: &&f64| **hz + MAINS_MARGIN_HZ < rate_hz / 2.0;
        let probes: Vec<MainsProbe> = MAINS_HZ
            .iter()
            .filter(is_resolved)
            .map(|hz| MainsProbe::new(block_len, TAU * hz / rate_hz))
            .collect();
        let can_detect = max_variance.is_some() || !probes.is_empty();
        (can_detect && block_len >= MIN_SAMPLES).then(|| Self {
            samples_per_epoch: EPOCH_S * rate_hz,
            block_len,
            max_variance,
            checks_noise: is_smooth(channel) && rate_hz >= NOISE_RATE_HZ,
            probes,
            n: 0,
            block: Vec::with_capacity(block_len),
            steps: vec![0.0; block_len - 1],
            ones: vec![1.0; block_len],
            sums: EpochSums::default(),
            findings: Vec::new(),
        })
    }

    /// Processes the next samples, in microvolts if the channel is a voltage.
    pub(super) fn push(&mut self, mut samples: &[f32]) {
        while !samples.is_empty() {
            let epoch_end =
                ((self.findings.len() + 1) as f64 * self.samples_per_epoch).round() as usize;
            let n = (self.block_len - self.block.len())
                .min(epoch_end.saturating_sub(self.n).max(1))
                .min(samples.len());
            let (now, later) = samples.split_at(n);
            self.block.extend_from_slice(now);
            self.n += n;
            if self.block.len() == self.block_len {
                self.end_block();
            }
            if self.n >= epoch_end {
                self.end_epoch();
            }
            samples = later;
        }
    }

    /// Returns the findings of each complete epoch.
    pub(super) fn finish(self) -> Vec<SignalFinding> {
        self.findings
    }

    fn end_block(&mut self) {
        let n = self.block.len() as f64;
        let mean = dot(&self.block, &self.ones) / n as f32;
        self.block.iter_mut().for_each(|x| *x -= mean);
        let variance = f64::from(dot(&self.block, &self.block)) / n;
        for (step, pair) in self.steps.iter_mut().zip(self.block.windows(2)) {
            *step = pair[1] - pair[0];
        }
        let sums = &mut self.sums;
        sums.n_blocks += 1;
        sums.n_loud += usize::from(self.max_variance.is_some_and(|max| variance > max));
        sums.variance += variance;
        sums.deviation += variance.sqrt();
        sums.step_energy += f64::from(dot(&self.steps, &self.steps)) / (n - 1.0);
        for (mains, probe) in sums.mains.iter_mut().zip(&self.probes) {
            *mains += probe.power(&self.block);
        }
        self.block.clear();
    }

    fn end_epoch(&mut self) {
        // An incomplete second at the end of an epoch is not checked.
        self.block.clear();
        let sums = std::mem::take(&mut self.sums);
        self.findings.push(sums.finding(self.checks_noise));
    }
}

impl EpochSums {
    fn finding(&self, checks_noise: bool) -> SignalFinding {
        let n = self.n_blocks as f64;
        if self.variance <= 0.0 {
            return SignalFinding::default();
        }
        let mains_share = self.mains[0].max(self.mains[1]) / self.variance;
        let is_loud = self.n_loud as f64 >= LOUD_SHARE * n;
        let mean_deviation = self.deviation / n;
        let scatter = (self.variance / n - mean_deviation * mean_deviation).max(0.0).sqrt();
        let is_noise = checks_noise
            && self.step_energy >= 2.0 * WHITENESS * self.variance
            && scatter <= STEADINESS * mean_deviation;
        SignalFinding {
            disconnected: mains_share >= DISCONNECTED_MAINS_SHARE || is_loud || is_noise,
            mains: mains_share >= MAINS_SHARE,
        }
    }
}

impl MainsProbe {
    /// Creates a Hann-windowed probe that measures the amplitude of a sine of `turn` radians per sample.
    fn new(n: usize, turn: f64) -> Self {
        let window = |i: usize| 0.5 - 0.5 * (TAU * (i as f64 + 0.5) / n as f64).cos();
        let scale = 2.0 / (0..n).map(window).sum::<f64>();
        let wave = |phase: f64| {
            let value = |i: usize| (scale * window(i) * (turn * i as f64 + phase).cos()) as f32;
            (0..n).map(value).collect()
        };
        Self { sine: wave(-TAU / 4.0), cosine: wave(0.0) }
    }

    /// Returns the power at the frequency of the probe.
    fn power(&self, samples: &[f32]) -> f64 {
        let (sine, cosine) = (dot(&self.sine, samples), dot(&self.cosine, samples));
        f64::from(sine * sine + cosine * cosine) / 2.0
    }
}

/// Returns the maximum standard deviation of a second, in microvolts, that physiological activity (waves, seizures, biting,
/// beats) sustains for most of an epoch; `None` if the channel is not a voltage.
const fn max_deviation_uv(channel: Channel) -> Option<f64> {
    match channel {
        Channel::EegC3A2 | Channel::EegC4A1 | Channel::EogLeft | Channel::EogRight => Some(500.0),
        Channel::EmgChin => Some(1000.0),
        Channel::Ecg => Some(10_000.0),
        Channel::Abdomen | Channel::Thorax | Channel::Airflow | Channel::Position => None,
    }
}

/// Returns whether slow activity dominates the channel, unlike in white noise.
const fn is_smooth(channel: Channel) -> bool {
    match channel {
        Channel::Ecg
        | Channel::EegC3A2
        | Channel::EegC4A1
        | Channel::EogLeft
        | Channel::EogRight => true,
        Channel::EmgChin
        | Channel::Abdomen
        | Channel::Thorax
        | Channel::Airflow
        | Channel::Position => false,
    }
}

#[cfg(test)]
mod tests;
