//! Renders the brain's part of the EEG at the central electrodes and at the eyes.

use std::f64::consts::{PI, TAU};

use super::noise::{LANES, LaneNoise};
use super::spectrum::{BACKGROUND_HZ, Gains};
use crate::curve::{Curve, CurveCursor, plateau};
use crate::filter::{Biquad, BiquadFilter};
use crate::plan::NightPlan;
use crate::plan::graphoelements::{Sawtooth, SharpWave, Spindle};
use crate::plan::nrem_depth::SLOW_RATE_HZ;
use crate::random::Random;

/// The four derivations of the head in microvolts: C3-A2, C4-A1, and the left and right EOG.
#[derive(Debug)]
pub(super) struct HeadSignals {
    pub(super) rate_hz: f64,
    pub(super) c3: Vec<f32>,
    pub(super) c4: Vec<f32>,
    pub(super) eye_left: Vec<f32>,
    pub(super) eye_right: Vec<f32>,
}

/// Samples per block; the noise of a block fits in the cache.
const BLOCK: usize = 2048;

/// Bands with a centre up to this frequency in hertz are rendered at [`SLOW_RATE_HZ`].
const SLOWEST_HZ: f64 = 2.0;

/// Factor by which the power of overlapping octave bands exceeds that of a single band.
const OVERLAP: f64 = 1.3;

/// Amplitude of slow activity at the eyes, which are near its frontal maximum.
const SLOW_AT_EYES: f64 = 0.75;
/// Delay in seconds from the eyes to the central electrodes: slow waves travel from front to back at 1–7 m/s (Massimini
/// et al. 2004).
const SLOW_FROM_EYES_S: f64 = 0.03;

/// One band of noise with its gain over the night.
struct NoiseBand<'a> {
    noise: LaneNoise,
    gain: &'a Curve,
    /// Rate at which the band is rendered, in hertz.
    rate_hz: f64,
    /// Factor that turns the gain into a standard deviation.
    scale: f64,
    /// Square of the correlation between channels.
    shared: f64,
    /// Amplitude at the eyes relative to the central electrodes.
    at_eyes: f64,
}

impl HeadSignals {
    /// Renders the brain's part of the four derivations.
    pub(super) fn render(plan: &NightPlan, gains: &Gains, rate_hz: f64) -> Self {
        let mut head = Self::silent(plan.duration_s(), rate_hz);
        let mut slow = Self::silent(plan.duration_s(), SLOW_RATE_HZ);
        for band in background(plan, gains, rate_hz) {
            let part = if band.rate_hz == SLOW_RATE_HZ { &mut slow } else { &mut head };
            part.add_band(band);
        }
        for band in rhythms(plan, gains, rate_hz) {
            head.add_band(band);
        }
        head.add_slower(slow);
        let c4_factor = plan.subject.brain.asymmetry;
        for sample in &mut head.c4 {
            *sample *= c4_factor as f32;
        }
        head.add_slow_activity(&plan.slow_activity_uv, c4_factor);
        head.add_graphoelements(plan, c4_factor);
        head
    }

    /// Returns signals of zeros.
    fn silent(duration_s: f64, rate_hz: f64) -> Self {
        let zeros = || vec![0.0; (duration_s * rate_hz) as usize];
        Self { rate_hz, c3: zeros(), c4: zeros(), eye_left: zeros(), eye_right: zeros() }
    }

    /// Resamples signals rendered at a lower rate and adds them.
    fn add_slower(&mut self, slow: Self) {
        let rate_hz = self.rate_hz;
        let pairs = [
            (slow.c3, &mut self.c3),
            (slow.c4, &mut self.c4),
            (slow.eye_left, &mut self.eye_left),
            (slow.eye_right, &mut self.eye_right),
        ];
        for (values, samples) in pairs {
            Curve::new(slow.rate_hz, values).add_to(samples, rate_hz, 1.0, 0.0);
        }
    }

    fn add_graphoelements(&mut self, plan: &NightPlan, c4_factor: f64) {
        let mut random = Random::new(plan.spec.seed, plan.spec.night, "graphoelement phases");
        for spindle in &plan.graphoelements.spindles {
            self.add_spindle(spindle, &mut random);
        }
        for wave in &plan.graphoelements.k_complexes {
            self.add_wave(wave, k_complex, (SLOW_AT_EYES, c4_factor));
        }
        for wave in &plan.graphoelements.vertex_waves {
            self.add_wave(wave, vertex_wave, (0.3, c4_factor));
        }
        for sawtooth in &plan.graphoelements.sawteeth {
            self.add_sawtooth(sawtooth, c4_factor);
        }
    }

    /// Adds a band of noise. Lane 0 of the noise is common to all derivations, lanes 1 to 3 are their own parts; the own
    /// part of the eyes has opposite signs in the two EOGs.
    fn add_band(&mut self, mut band: NoiseBand<'_>) {
        let mut block = vec![[0.0; LANES]; BLOCK];
        let mut cursor = CurveCursor::new(band.gain.rate_hz(), self.rate_hz, 0.0);
        let gains = band.gain.values();
        let shared = (band.shared.sqrt() * band.scale) as f32;
        let own = ((1.0 - band.shared).sqrt() * band.scale) as f32;
        let at_eyes = band.at_eyes as f32;
        let n = self.c3.len();
        for start in (0..n).step_by(BLOCK) {
            let block = &mut block[..BLOCK.min(n - start)];
            band.noise.fill(block);
            let end = start + block.len();
            let channels = self.c3[start..end]
                .iter_mut()
                .zip(&mut self.c4[start..end])
                .zip(&mut self.eye_left[start..end])
                .zip(&mut self.eye_right[start..end]);
            for (lanes, (((c3, c4), eye_left), eye_right)) in block.iter().zip(channels) {
                let (low, high) = (gains[cursor.index()], gains[cursor.index() + 1]);
                let gain = low + (high - low) * cursor.fraction();
                cursor.advance();
                let common = shared * gain * lanes[0];
                let own = own * gain;
                *c3 += common + own * lanes[1];
                *c4 += common + own * lanes[2];
                *eye_left += at_eyes * (common + own * lanes[3]);
                *eye_right += at_eyes * (common - own * lanes[3]);
            }
        }
    }

    /// Adds the slow activity, which reaches the eyes before the central electrodes, and C4 6 ms after C3.
    fn add_slow_activity(&mut self, slow: &Curve, c4_factor: f64) {
        let rate_hz = self.rate_hz;
        slow.add_to(&mut self.c3, rate_hz, 1.0, 0.0);
        slow.add_to(&mut self.c4, rate_hz, c4_factor, 0.006);
        slow.add_to(&mut self.eye_left, rate_hz, SLOW_AT_EYES, -SLOW_FROM_EYES_S);
        slow.add_to(&mut self.eye_right, rate_hz, SLOW_AT_EYES * c4_factor, -SLOW_FROM_EYES_S);
    }

    /// Adds `shape(seconds since onset)` to all four derivations, scaled by `factors` in the order of the fields.
    fn add_shape(
        &mut self,
        (onset_s, duration_s): (f64, f64),
        factors: [f64; 4],
        mut shape: impl FnMut(f64) -> f64,
    ) {
        let first = (onset_s.max(0.0) * self.rate_hz).ceil() as usize;
        let last = (((onset_s + duration_s) * self.rate_hz) as usize).min(self.c3.len());
        for i in first..last {
            let value = shape(i as f64 / self.rate_hz - onset_s);
            self.c3[i] += (value * factors[0]) as f32;
            self.c4[i] += (value * factors[1]) as f32;
            self.eye_left[i] += (value * factors[2]) as f32;
            self.eye_right[i] += (value * factors[3]) as f32;
        }
    }

    fn add_spindle(&mut self, spindle: &Spindle, random: &mut Random) {
        let phase = random.uniform() * TAU;
        // The envelope peaks between 35 % and 65 % of the spindle.
        let crest = random.between(0.35, 0.65);
        let length_s = spindle.duration_s;
        let [left, right] = spindle.sides;
        let factors = [left, right, 0.35 * left, 0.35 * right];
        self.add_shape((spindle.onset_s, length_s), factors, |time_s| {
            let progress = time_s / length_s;
            let warped = if progress < crest {
                0.5 * progress / crest
            } else {
                0.5 + 0.5 * (progress - crest) / (1.0 - crest)
            };
            let envelope = (PI * warped).sin().powf(1.5);
            let cycles = spindle.hz * time_s + spindle.chirp_hz * time_s * (0.5 * progress - 0.5);
            spindle.uv * envelope * (TAU * cycles + phase).cos()
        });
    }

    fn add_wave(
        &mut self,
        wave: &SharpWave,
        shape: fn(f64) -> f64,
        (at_eyes, c4_factor): (f64, f64),
    ) {
        let factors = [1.0, c4_factor, at_eyes, at_eyes * c4_factor];
        self.add_shape((wave.onset_s, wave.duration_s), factors, |time_s| {
            wave.uv * shape(time_s / wave.duration_s)
        });
    }

    fn add_sawtooth(&mut self, sawtooth: &Sawtooth, c4_factor: f64) {
        let factors = [1.0, c4_factor, 0.4, 0.4 * c4_factor];
        self.add_shape((sawtooth.onset_s, sawtooth.duration_s), factors, |time_s| {
            let phase = (sawtooth.hz * time_s).fract();
            // Slow rise, fast fall.
            let tooth = if phase < 0.65 { phase / 0.65 - 0.5 } else { 0.5 - (phase - 0.65) / 0.35 };
            sawtooth.uv * tooth * plateau(time_s, sawtooth.duration_s, 0.5)
        });
    }
}

/// Returns a K-complex over `[0, 1]`, 1 peak to peak: a sharp negative wave, then a slower positive one.
fn k_complex(x: f64) -> f64 {
    0.08 * gauss(x, 0.10, 0.05) - 0.56 * gauss(x, 0.28, 0.09) + 0.44 * gauss(x, 0.62, 0.15)
}

/// Returns a vertex sharp wave over `[0, 1]`: a sharp negative wave, then a small positive one.
fn vertex_wave(x: f64) -> f64 {
    0.22 * gauss(x, 0.78, 0.12) - 0.78 * gauss(x, 0.42, 0.12)
}

fn gauss(x: f64, centre: f64, deviation: f64) -> f64 {
    (-0.5 * ((x - centre) / deviation).powi(2)).exp()
}

/// Returns the bands of the background EEG; the slow ones are rendered at a lower rate, which is cheaper.
fn background<'a>(plan: &NightPlan, gains: &'a Gains, rate_hz: f64) -> Vec<NoiseBand<'a>> {
    let bands = BACKGROUND_HZ.into_iter().zip(&gains.background);
    let fitting = bands.filter(|(hz, _)| *hz < 0.4 * rate_hz);
    fitting
        .map(|(hz, gain)| {
            let rate_hz = if hz <= SLOWEST_HZ { SLOW_RATE_HZ } else { rate_hz };
            let sections = [Biquad::band_pass(hz, 0.95, rate_hz); 2];
            // Equivalent noise bandwidth: unit noise has a spectral density of 1 / width at the centre.
            let width_hz =
                BiquadFilter::new(sections.to_vec()).noise_gain().powi(2) * rate_hz / 2.0;
            NoiseBand {
                noise: noise(plan, &format!("background {hz}"), sections),
                gain,
                rate_hz,
                scale: (width_hz / OVERLAP).sqrt(),
                // Slow activity is shared by both hemispheres, fast activity less so.
                shared: 0.8 / (1.0 + hz / 16.0),
                at_eyes: 0.8,
            }
        })
        .collect()
}

/// Returns the rhythms on top of the background and the activity of scalp muscles.
fn rhythms<'a>(plan: &NightPlan, gains: &'a Gains, rate_hz: f64) -> [NoiseBand<'a>; 5] {
    let brain = &plan.subject.brain;
    let rhythm = |name, gain, (hz, q): (f64, f64), shared, at_eyes| {
        let sections = [Biquad::band_pass(hz, q, rate_hz); 2];
        NoiseBand { noise: noise(plan, name, sections), gain, rate_hz, scale: 1.0, shared, at_eyes }
    };
    let muscle = [Biquad::high_pass(22.0, 0.6, rate_hz), Biquad::low_pass(90.0, 0.6, rate_hz)];
    [
        rhythm("alpha", &gains.alpha, (brain.alpha_hz, 6.0), 0.75, 0.5),
        rhythm("theta", &gains.theta, (5.4, 1.3), 0.7, 0.6),
        rhythm("beta", &gains.beta, (21.0, 1.5), 0.4, 0.6),
        rhythm("sigma", &gains.sigma, (brain.spindle_hz, 4.0), 0.6, 0.35),
        NoiseBand {
            noise: noise(plan, "scalp muscle", muscle),
            gain: &gains.muscle,
            rate_hz,
            scale: 1.0,
            shared: 0.1,
            at_eyes: 1.2,
        },
    ]
}

fn noise(plan: &NightPlan, purpose: &str, sections: [Biquad; 2]) -> LaneNoise {
    LaneNoise::new(sections, Random::new(plan.spec.seed, plan.spec.night, purpose))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn k_complexes_start_negative_and_have_unit_amplitude() {
        let values: Vec<f64> = (0..=1000).map(|i| k_complex(f64::from(i) / 1000.0)).collect();
        let lowest = values.iter().copied().fold(0.0, f64::min);
        let highest = values.iter().copied().fold(0.0, f64::max);
        assert!((highest - lowest - 1.0).abs() < 0.05, "{lowest} to {highest}");
        let index = |value: f64| values.iter().position(|v| *v == value).unwrap();
        assert!(index(lowest) < index(highest));
    }
}
