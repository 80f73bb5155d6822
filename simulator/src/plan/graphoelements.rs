//! Draws graphoelements: spindles, K-complexes, vertex waves and sawtooth waves.

use std::f64::consts::TAU;

use crate::curve::{Curve, smooth};
use crate::plan::arousal::Arousal;
use crate::plan::vigilance::{Bout, SleepCourse, Vigilance};
use crate::random::Random;
use crate::subject::BrainTraits;

/// A sleep spindle (De Gennaro and Ferrara 2003).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Spindle {
    pub(crate) onset_s: f64,
    pub(crate) duration_s: f64,
    pub(crate) hz: f64,
    /// Change of frequency from start to end; negative, because spindles slow down.
    pub(crate) chirp_hz: f64,
    /// Peak amplitude in microvolts.
    pub(crate) uv: f64,
    /// Amplitude factors at C3 and C4.
    pub(crate) sides: [f64; 2],
}

/// A K-complex or a vertex sharp wave.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct SharpWave {
    pub(crate) onset_s: f64,
    pub(crate) duration_s: f64,
    /// Peak-to-peak amplitude in microvolts.
    pub(crate) uv: f64,
}

/// A train of sawtooth waves in REM sleep (Iber et al. 2007: 2–6 Hz, triangular).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Sawtooth {
    pub(crate) onset_s: f64,
    pub(crate) duration_s: f64,
    pub(crate) hz: f64,
    pub(crate) uv: f64,
}

/// The graphoelements of a night, each kind by onset.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Graphoelements {
    pub(crate) spindles: Vec<Spindle>,
    pub(crate) k_complexes: Vec<SharpWave>,
    pub(crate) vertex_waves: Vec<SharpWave>,
    pub(crate) sawteeth: Vec<Sawtooth>,
}

/// Period in seconds with which the spindle rate waxes and wanes (Lecci et al. 2017).
const INFRASLOW_S: f64 = 50.0;

/// Median in seconds and logarithmic spread of spindles.
const SPINDLE_LENGTH_S: (f64, f64) = (1.0, 0.3);
/// Shortest and longest spindle in seconds.
const SPINDLE_RANGE_S: (f64, f64) = (0.5, 2.2);

impl Graphoelements {
    /// Draws the graphoelements of a night.
    pub(super) fn draw(
        course: &SleepCourse,
        (depth, arousals): (&Curve, &[Arousal]),
        traits: &BrainTraits,
        random: &mut Random,
    ) -> Self {
        let mut all = Self::default();
        for bout in &course.bouts {
            match bout.vigilance {
                Vigilance::Wake => {}
                Vigilance::N1 => all.draw_vertex_waves(bout, traits, random),
                Vigilance::Nrem => {
                    all.draw_k_complexes(bout, (depth, arousals), traits, random);
                    all.draw_spindles(bout, depth, traits, random);
                }
                Vigilance::Rem => all.draw_sawteeth(bout, traits, random),
            }
        }
        let is_calm = |start_s: f64, end_s: f64| {
            !arousals.iter().any(|a| a.onset_s < end_s && start_s < a.end_s() + 2.0)
        };
        all.spindles.sort_by(|a, b| a.onset_s.total_cmp(&b.onset_s));
        let mut last_end_s = f64::NEG_INFINITY;
        all.spindles.retain(|spindle| {
            let end_s = spindle.onset_s + spindle.duration_s;
            let keep = spindle.onset_s > last_end_s + 0.3 && is_calm(spindle.onset_s, end_s);
            if keep {
                last_end_s = end_s;
            }
            keep
        });
        all.k_complexes.sort_by(|a, b| a.onset_s.total_cmp(&b.onset_s));
        all.k_complexes.dedup_by(|b, a| b.onset_s < a.onset_s + a.duration_s + 0.3);
        all
    }

    fn draw_spindles(
        &mut self,
        bout: &Bout,
        depth: &Curve,
        traits: &BrainTraits,
        random: &mut Random,
    ) {
        let phase = random.uniform();
        let maximum_per_s = traits.spindles_per_min / 60.0 * 2.2;
        let mut time_s = bout.start_s;
        loop {
            time_s += random.exponential(1.0 / maximum_per_s);
            if time_s + 2.5 > bout.end_s {
                break;
            }
            let depth = depth.at(time_s);
            let infraslow = 1.0 + 0.6 * (TAU * (time_s / INFRASLOW_S + phase)).sin();
            // Fewer spindles in the deepest sleep and at the start of N2.
            let share =
                (0.5 + smooth(depth / 0.2) * 0.5) * (1.0 - 0.9 * smooth((depth - 0.25) / 0.3));
            if random.chance(infraslow * share / 2.2) {
                self.spindles.push(Spindle::draw(time_s, depth, traits, random));
            }
        }
    }

    fn draw_k_complexes(
        &mut self,
        bout: &Bout,
        (depth, arousals): (&Curve, &[Arousal]),
        traits: &BrainTraits,
        random: &mut Random,
    ) {
        let mut onsets = Vec::new();
        let mut time_s = bout.start_s;
        loop {
            time_s += random.exponential(60.0 / traits.k_complexes_per_min);
            if time_s + 2.0 > bout.end_s {
                break;
            }
            // In deep sleep K-complexes cannot be distinguished from slow waves.
            if random.chance(1.0 - 0.9 * smooth((depth.at(time_s) - 0.25) / 0.3)) {
                onsets.push(time_s);
            }
        }
        // Some arousals start with a K-complex.
        for arousal in arousals.iter().filter(|a| (bout.start_s..bout.end_s).contains(&a.onset_s)) {
            if random.chance(0.3) && arousal.onset_s - 0.9 > bout.start_s {
                onsets.push(arousal.onset_s - 0.9);
            }
        }
        for onset_s in onsets {
            let duration_s = random.between(0.7, 1.4);
            let uv =
                traits.gain * random.log_normal_within((traits.k_complex_uv, 0.22), (75.0, 450.0));
            self.k_complexes.push(SharpWave { onset_s, duration_s, uv });
            if random.chance(0.6) {
                let spindle_s = onset_s + random.between(0.5, 0.9) * duration_s;
                let depth = depth.at(spindle_s);
                self.spindles.push(Spindle::draw(spindle_s, depth, traits, random));
            }
        }
    }

    fn draw_vertex_waves(&mut self, bout: &Bout, traits: &BrainTraits, random: &mut Random) {
        // Vertex waves occur in the later part of N1.
        let mut time_s = bout.start_s + 0.3 * (bout.end_s - bout.start_s);
        loop {
            time_s += random.exponential(20.0);
            if time_s + 1.0 > bout.end_s {
                break;
            }
            let duration_s = random.between(0.2, 0.42);
            let uv = traits.gain * random.log_normal(0.5 * traits.k_complex_uv, 0.35);
            self.vertex_waves.push(SharpWave { onset_s: time_s, duration_s, uv });
        }
    }

    fn draw_sawteeth(&mut self, bout: &Bout, traits: &BrainTraits, random: &mut Random) {
        let mut time_s = bout.start_s;
        loop {
            time_s += random.exponential(45.0);
            let duration_s = random.between(1.5, 6.0);
            if time_s + duration_s > bout.end_s {
                break;
            }
            let hz = random.between(2.2, 4.8);
            let uv = traits.gain * random.log_normal(4.0 * traits.theta_uv, 0.3);
            self.sawteeth.push(Sawtooth { onset_s: time_s, duration_s, hz, uv });
            time_s += duration_s;
        }
    }
}

impl Spindle {
    fn draw(onset_s: f64, depth: f64, traits: &BrainTraits, random: &mut Random) -> Self {
        Self {
            onset_s,
            duration_s: random.log_normal_within(SPINDLE_LENGTH_S, SPINDLE_RANGE_S),
            // Spindles are slower in deeper sleep.
            hz: (traits.spindle_hz - 0.5 * depth.min(1.0) + 0.35 * random.normal())
                .clamp(10.5, 16.0),
            chirp_hz: -random.between(0.0, 1.0),
            uv: traits.gain * random.log_normal(traits.spindle_uv, 0.3),
            sides: [random.log_normal(1.0, 0.12), random.log_normal(1.0, 0.12)],
        }
    }
}
