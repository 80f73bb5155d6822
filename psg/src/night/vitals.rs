//! Judges by power and noise whether a channel shows a body or a lead that is off, at the rate of the file.

use std::f64::consts::TAU;

use super::findings::Finding;
use crate::EPOCH_S;
use crate::dsp::dot;
use crate::montage::Channel;

/// A channel shows the mains where at least this share of its power lies at 50 or at 60 Hz.
const MAINS_SHARE: f64 = 0.25;
/// A channel is disconnected where at least this share of its power lies at 50 or at 60 Hz.
const ALL_MAINS_SHARE: f64 = 0.8;
/// Share of an epoch's seconds that must be beyond physiology for a lead to count as off.
const LOUD_SHARE: f64 = 0.75;
/// White noise changes from sample to sample by twice its variance; a signal that changes by this share of that, and no
/// signal of a body at [`NOISE_RATE_HZ`] does, is noise.
const WHITENESS: f64 = 0.8;
/// Noise of a lead is steady: the spread of its seconds varies by at most this share. Muscle swells and wanes by more.
const STEADINESS: f64 = 0.15;
/// Below this rate the samples of a living signal are too far apart to tell it from noise.
const NOISE_RATE_HZ: f64 = 100.0;
/// Fewest samples of a second that can be judged.
const FEWEST_SAMPLES: usize = 16;
/// Frequencies of the mains, and how far below the Nyquist frequency they must lie to be seen: the width of a window.
const MAINS_HZ: [f64; 2] = [50.0, 60.0];
const MAINS_MARGIN_HZ: f64 = 1.5;

/// Judges a channel epoch by epoch as its physical samples come, second by second.
#[derive(Debug)]
pub(super) struct Vitals {
    samples_per_epoch: f64,
    block_len: usize,
    /// Greatest variance of a second that the body makes; `None` where the channel is no voltage.
    greatest_variance: Option<f64>,
    judges_noise: bool,
    probes: Vec<Probe>,
    /// Samples that came so far.
    n: usize,
    block: Vec<f32>,
    steps: Vec<f32>,
    /// For sums in lanes.
    ones: Vec<f32>,
    sums: Sums,
    findings: Vec<Finding>,
}

/// A windowed sine and cosine of one second.
#[derive(Debug)]
struct Probe {
    sine: Vec<f32>,
    cosine: Vec<f32>,
}

/// What is known of an epoch so far.
#[derive(Debug, Default)]
struct Sums {
    n_blocks: usize,
    n_loud: usize,
    variance: f64,
    deviation: f64,
    step_energy: f64,
    mains: [f64; 2],
}

impl Vitals {
    /// Prepares for a channel at the rate of the file; `None` where nothing could be found at that rate.
    pub(super) fn new(channel: Channel, rate_hz: f64) -> Option<Self> {
        let block_len = rate_hz.round() as usize;
        let greatest_variance = greatest_deviation_uv(channel).map(|uv| uv * uv);
        let is_seen = |hz: &&f64| **hz + MAINS_MARGIN_HZ < rate_hz / 2.0;
        let probes: Vec<Probe> = MAINS_HZ
            .iter()
            .filter(is_seen)
            .map(|hz| Probe::new(block_len, TAU * hz / rate_hz))
            .collect();
        let says_something = greatest_variance.is_some() || !probes.is_empty();
        (says_something && block_len >= FEWEST_SAMPLES).then(|| Self {
            samples_per_epoch: EPOCH_S * rate_hz,
            block_len,
            greatest_variance,
            judges_noise: is_smooth(channel) && rate_hz >= NOISE_RATE_HZ,
            probes,
            n: 0,
            block: Vec::with_capacity(block_len),
            steps: vec![0.0; block_len - 1],
            ones: vec![1.0; block_len],
            sums: Sums::default(),
            findings: Vec::new(),
        })
    }

    /// Takes the next samples, in microvolts where the channel is a voltage.
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

    /// Returns what was found in each complete epoch.
    pub(super) fn finish(self) -> Vec<Finding> {
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
        sums.n_loud +=
            usize::from(self.greatest_variance.is_some_and(|greatest| variance > greatest));
        sums.variance += variance;
        sums.deviation += variance.sqrt();
        sums.step_energy += f64::from(dot(&self.steps, &self.steps)) / (n - 1.0);
        for (mains, probe) in sums.mains.iter_mut().zip(&self.probes) {
            *mains += probe.power(&self.block);
        }
        self.block.clear();
    }

    fn end_epoch(&mut self) {
        // What is left of a second at the end of an epoch is not judged.
        self.block.clear();
        let sums = std::mem::take(&mut self.sums);
        self.findings.push(sums.finding(self.judges_noise));
    }
}

impl Sums {
    fn finding(&self, judges_noise: bool) -> Finding {
        let n = self.n_blocks as f64;
        if self.variance <= 0.0 {
            return Finding::default();
        }
        let mains_share = self.mains[0].max(self.mains[1]) / self.variance;
        let is_loud = self.n_loud as f64 >= LOUD_SHARE * n;
        let mean_deviation = self.deviation / n;
        let scatter = (self.variance / n - mean_deviation * mean_deviation).max(0.0).sqrt();
        let is_noise = judges_noise
            && self.step_energy >= 2.0 * WHITENESS * self.variance
            && scatter <= STEADINESS * mean_deviation;
        Finding {
            disconnected: mains_share >= ALL_MAINS_SHARE || is_loud || is_noise,
            mains: mains_share >= MAINS_SHARE,
        }
    }
}

impl Probe {
    /// Makes a probe that answers with the amplitude of a sine of `turn` radians a sample; its window is that of Hann.
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

/// Returns the greatest standard deviation of a second, in microvolts, that is held for most of an epoch: beyond it no
/// wave, seizure, bite or beat stays.
const fn greatest_deviation_uv(channel: Channel) -> Option<f64> {
    match channel {
        Channel::EegC3A2 | Channel::EegC4A1 | Channel::EogLeft | Channel::EogRight => Some(500.0),
        Channel::EmgChin => Some(1000.0),
        Channel::Ecg => Some(10_000.0),
        Channel::Abdomen | Channel::Thorax | Channel::Airflow | Channel::Position => None,
    }
}

/// Returns whether slow waves prevail in the channel, unlike in white noise.
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
