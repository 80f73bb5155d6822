//! Adds disturbances at the electrodes: drift, ECG, mains hum, noise, and the artefacts of loose electrodes.

use std::f64::consts::TAU;

use nocturne_psg::montage::Channel;

use super::electrode::HEAD;
use crate::curve::{Curve, plateau};
use crate::plan::NightPlan;
use crate::plan::channel_fault::{ChannelFault, FaultKind};
use crate::random::Random;

/// Mains hum at an electrode against the common reference, relative to that of a derivation, where most of it cancels.
const COMMON_HUM: f64 = 12.0;

/// Disturbances of a night.
pub(super) struct Disturbance<'a> {
    plan: &'a NightPlan,
    potentials: [Curve; 4],
    /// Amplitude of the ECG in each derivation of the head, in microvolts per millivolt.
    ecg_leak: [f64; 4],
    /// Amplitude of the ECG in the chin EMG, in microvolts per millivolt.
    chin_leak: f64,
}

impl<'a> Disturbance<'a> {
    /// Draws the strength of the disturbances in each derivation.
    pub(super) fn new(plan: &'a NightPlan, potentials: [Curve; 4]) -> Self {
        let mut random = Random::new(plan.spec.seed, plan.spec.night, "disturbance");
        let leak = plan.recorder.ecg_leak_uv / plan.subject.heart.r_wave_mv;
        // The two mastoids are on different sides of the heart's dipole.
        let sides = [1.0, -0.7, 0.9, 0.9];
        let ecg_leak = sides.map(|side| leak * side * random.log_normal(1.0, 0.4));
        let chin_leak = random.log_normal_within((0.8, 1.0), (0.0, 15.0));
        Self { plan, potentials, ecg_leak, chin_leak }
    }

    /// Adds the disturbances of a derivation of the head, in microvolts.
    pub(super) fn add_to_head(
        &self,
        lane: usize,
        (samples, ecg_mv): (&mut [f32], &[f32]),
        rate_hz: f64,
    ) {
        let recorder = &self.plan.recorder;
        self.potentials[lane].add_to(samples, rate_hz, 1.0, 0.0);
        add_scaled(samples, ecg_mv, self.ecg_leak[lane]);
        self.add_noise(&format!("noise {lane}"), recorder.noise_uv, samples);
        add_tone(samples, (recorder.mains_hz, rate_hz), recorder.mains_uv, lane as f64);
        add_tone(samples, (recorder.tone_hz, rate_hz), recorder.tone_uv, 0.0);
        self.add_loose_electrode(HEAD[lane], samples, rate_hz);
    }

    /// Adds the potential of a mastoid (0 left, 1 right) against the common reference.
    pub(super) fn add_reference(
        &self,
        mastoid: usize,
        (samples, ecg_mv): (&mut [f32], &[f32]),
        rate_hz: f64,
    ) {
        let recorder = &self.plan.recorder;
        let side = [1.0, -0.6][mastoid];
        add_scaled(samples, ecg_mv, side * 2.0 * self.ecg_leak[mastoid].abs());
        self.add_noise(&format!("mastoid {mastoid}"), recorder.noise_uv + 1.5, samples);
        // The hum of the common reference is equal at all electrodes and cancels in every derivation.
        add_tone(samples, (recorder.mains_hz, rate_hz), COMMON_HUM * recorder.mains_uv, 0.3);
    }

    /// Adds the disturbances of the chin EMG, in microvolts.
    pub(super) fn add_to_chin(&self, (samples, ecg_mv): (&mut [f32], &[f32]), rate_hz: f64) {
        let recorder = &self.plan.recorder;
        add_scaled(samples, ecg_mv, self.chin_leak);
        self.add_noise("chin noise", recorder.noise_uv, samples);
        add_tone(samples, (recorder.mains_hz, rate_hz), 0.5 * recorder.mains_uv, 1.0);
        self.add_loose_electrode(Channel::EmgChin, samples, rate_hz);
    }

    /// Adds white noise with a standard deviation of `uv` microvolts.
    fn add_noise(&self, purpose: &str, uv: f64, samples: &mut [f32]) {
        let mut random = Random::new(self.plan.spec.seed, self.plan.spec.night, purpose);
        // The sum of four 16-bit uniform numbers is close enough to normal; its mean is 131,070, its deviation 37,837.
        let scale = (uv / 37_837.0) as f32;
        for sample in samples {
            let bits = random.bits();
            let sum =
                (bits & 0xffff) + (bits >> 16 & 0xffff) + (bits >> 32 & 0xffff) + (bits >> 48);
            *sample += (sum as f32 - 131_070.0) * scale;
        }
    }

    /// Adds the artefacts of a loose electrode: mains hum, drift and crackle.
    fn add_loose_electrode(&self, channel: Channel, samples: &mut [f32], rate_hz: f64) {
        let is_loose =
            |fault: &&ChannelFault| fault.kind == FaultKind::Loose && fault.channel == channel;
        let mut random =
            Random::new(self.plan.spec.seed, self.plan.spec.night, &format!("loose {channel}"));
        for fault in self.plan.faults.iter().filter(is_loose) {
            let hum_uv = random.log_normal(40.0, 0.7);
            let noise_uv = random.log_normal(8.0, 0.6);
            let crackle_uv = random.log_normal(15.0, 0.8);
            let mut walk = 0.0;
            let first = (fault.onset_s * rate_hz) as usize;
            let last = ((fault.end_s() * rate_hz) as usize).min(samples.len());
            let phase = TAU * self.plan.recorder.mains_hz.min(0.45 * rate_hz) / rate_hz;
            for (i, sample) in samples[first..last].iter_mut().enumerate() {
                let envelope = plateau(i as f64 / rate_hz, fault.duration_s, 1.0);
                walk += -walk / (2.0 * rate_hz) + crackle_uv / rate_hz.sqrt() * random.normal();
                let hum = hum_uv * (phase * i as f64).sin();
                *sample += (envelope * (hum + walk + noise_uv * random.normal())) as f32;
            }
        }
    }
}

fn add_scaled(samples: &mut [f32], other: &[f32], gain: f64) {
    for (sample, value) in samples.iter_mut().zip(other) {
        *sample += value * gain as f32;
    }
}

/// Adds a sine unless its frequency is near or above the Nyquist frequency.
///
/// A rotating phasor needs one complex product per sample instead of a sine.
fn add_tone(samples: &mut [f32], (hz, rate_hz): (f64, f64), uv: f64, phase: f64) {
    if hz >= 0.48 * rate_hz || uv <= 0.0 {
        return;
    }
    let (turn_sin, turn_cos) = (TAU * hz / rate_hz).sin_cos();
    let (mut sin, mut cos) = phase.sin_cos();
    for sample in samples {
        *sample += (uv * sin) as f32;
        (sin, cos) = (sin * turn_cos + cos * turn_sin, cos * turn_cos - sin * turn_sin);
    }
}
