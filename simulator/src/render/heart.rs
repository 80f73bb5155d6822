//! Draws the heart beats of a night and renders the ECG.

use std::f64::consts::TAU;

use super::breathing::BreathingSignals;
use crate::curve::{Curve, smooth};
use crate::plan::NightPlan;
use crate::plan::vigilance::Vigilance;
use crate::plan::wake_state::{self, WakeState};
use crate::random::Random;

/// A heart beat.
#[derive(Debug, Clone, Copy)]
pub(super) struct Beat {
    /// Time of the R wave in seconds.
    time_s: f64,
    /// Time since the previous beat, in seconds.
    interval_s: f64,
    /// Whether it is a premature ventricular beat: early and wide.
    is_ventricular: bool,
}

/// Centre relative to the R wave and width of the waves of a beat, in seconds (`McSharry` et al. 2003).
const P: (f64, f64) = (-0.165, 0.024);
const Q: (f64, f64) = (-0.030, 0.010);
const R: (f64, f64) = (0.0, 0.011);
const S: (f64, f64) = (0.030, 0.011);
/// The T wave shifts with the square root of the interval (Bazett).
const T: (f64, f64) = (0.270, 0.050);

/// Rate of the templates, in hertz.
const TEMPLATE_RATE_HZ: f64 = 1000.0;
/// Length of a template before the R wave, in seconds.
const BEFORE_S: f64 = 0.26;
/// Length of a template after the R wave, in seconds.
const AFTER_S: f64 = 0.5;

/// Draws the beats of a night.
pub(super) fn beats(plan: &NightPlan, breathing: &BreathingSignals) -> Vec<Beat> {
    let mut random = Random::new(plan.spec.seed, plan.spec.night, "heart");
    let traits = &plan.subject.heart;
    let response = response(plan);
    let (mut slow, mut mayer_phase, mut very_slow) = (0.0_f64, random.uniform(), 0.0_f64);
    let mut beats = Vec::new();
    let (mut time_s, mut interval_s) = (0.0, 60.0 / traits.rate_bpm);
    while time_s < plan.duration_s() {
        let step = |time_constant_s: f64| (interval_s / time_constant_s).min(1.0);
        ornstein(&mut slow, traits.slow_variation * 0.6, step(8.0), &mut random);
        ornstein(&mut very_slow, traits.slow_variation, step(300.0), &mut random);
        mayer_phase += 0.1 * interval_s;
        let (level, restless) = stage_level(plan, time_s);
        let breath = breathing.volume.at(time_s) - 0.35;
        let rate_bpm = traits.rate_bpm
            * (1.0
                + level
                + restless * (slow + very_slow)
                + 2.0 * traits.sinus_arrhythmia * breath
                + 0.5 * traits.slow_variation * (TAU * mayer_phase).sin()
                + response.at(time_s));
        let regular_s = 60.0 / rate_bpm.clamp(32.0, 190.0);
        let is_ventricular = random.chance(traits.premature_per_h / 3600.0 * regular_s);
        // A compensatory pause follows a premature beat.
        let after_premature = beats.last().is_some_and(|beat: &Beat| beat.is_ventricular);
        interval_s = match (is_ventricular, after_premature) {
            (true, _) => 0.62 * regular_s,
            (false, true) => 1.38 * regular_s,
            (false, false) => regular_s,
        };
        time_s += interval_s;
        beats.push(Beat { time_s, interval_s, is_ventricular });
    }
    beats
}

/// Returns the increase of the heart rate over N2, as a share, and the factor on its variability.
fn stage_level(plan: &NightPlan, time_s: f64) -> (f64, f64) {
    match plan.course.at(time_s) {
        Vigilance::Wake => match wake_state::at(&plan.wake, time_s).unwrap_or(WakeState::Closed) {
            WakeState::Closed | WakeState::Drowsy => (0.06, 1.3),
            WakeState::Open => (0.10, 1.5),
            WakeState::Moving => (0.18, 1.5),
        },
        Vigilance::N1 => (0.03, 1.2),
        Vigilance::Nrem => (0.0, 1.0 - 0.4 * plan.depth.at(time_s).min(1.0)),
        Vigilance::Rem => (0.05, 1.7),
    }
}

/// Returns the relative change of the heart rate: an increase with arousals and movements, a decrease during apneas.
fn response(plan: &NightPlan) -> Curve {
    let rise = plan.subject.heart.arousal_rise;
    let mut response = Curve::constant(4.0, plan.duration_s(), 0.0);
    for event in &plan.respiratory_events {
        response.change((event.onset_s, event.end_s()), |time_s, value| {
            value
                - 0.5
                    * rise
                    * (1.0 - event.flow)
                    * smooth((time_s - event.onset_s) / event.duration_s)
        });
    }
    // The rate rises within seconds of an arousal, peaks, and then undershoots (Bonnet and Arand 1997).
    let mut surge = |onset_s: f64, duration_s: f64, height: f64| {
        let peak_s = onset_s + 2.0 + 0.4 * duration_s;
        let end_s = peak_s + 12.0;
        response.change((onset_s, end_s), |time_s, value| {
            let share = if time_s < peak_s {
                smooth((time_s - onset_s) / (peak_s - onset_s))
            } else {
                let since = (time_s - peak_s) / 12.0;
                1.0 - smooth(1.6 * since)
                    - 0.25 * (TAU * 0.5 * since).sin() * smooth(2.0 * since - 0.6)
            };
            value + height * share
        });
    };
    for arousal in &plan.arousals {
        surge(arousal.onset_s, arousal.duration_s, rise * arousal.strength);
    }
    for movement in plan.movements.iter().filter(|movement| movement.strength > 0.5) {
        surge(movement.onset_s, movement.duration_s, 0.7 * rise * movement.strength.min(1.5));
    }
    response
}

/// Returns the heart rate in beats per minute once a second, averaged over some beats and rounded as by an oximeter.
pub(super) fn rate_bpm(beats: &[Beat], duration_s: f64) -> Vec<f32> {
    let n = duration_s as usize;
    let mut next = 0;
    let mut shown = beats.first().map_or(60.0, |beat| 60.0 / beat.interval_s);
    (0..n)
        .map(|second| {
            while beats.get(next).is_some_and(|beat| beat.time_s <= second as f64) {
                shown += 0.25 * (60.0 / beats[next].interval_s - shown);
                next += 1;
            }
            shown.round() as f32
        })
        .collect()
}

/// Renders the ECG in millivolts: lead II, R wave upwards.
pub(super) fn render(
    plan: &NightPlan,
    (beats, breathing): (&[Beat], &BreathingSignals),
    rate_hz: f64,
) -> Vec<f32> {
    let traits = &plan.subject.heart;
    let mut samples = vec![0.0; (plan.duration_s() * rate_hz) as usize];
    let [p, q, s, t] = traits.waves;
    let complex = template(&[(P, p), (Q, q), (R, 1.0), (S, s)]);
    let t_wave = template(&[((T.0 - 0.25, T.1), t)]);
    let ventricular = template(&[((0.0, 0.045), 1.2), ((0.12, 0.05), -0.3), ((0.27, 0.07), -0.45)]);
    for beat in beats {
        // The heart's axis rotates with breathing, which modulates the R wave.
        let height = traits.r_wave_mv * (1.0 + 0.08 * (breathing.volume.at(beat.time_s) - 0.4));
        if beat.is_ventricular {
            add(&mut samples, &ventricular, beat.time_s, height, rate_hz);
            continue;
        }
        add(&mut samples, &complex, beat.time_s, height, rate_hz);
        let t_s = beat.time_s + 0.25 * beat.interval_s.clamp(0.4, 1.6).sqrt();
        add(&mut samples, &t_wave, t_s, height, rate_hz);
    }
    breathing.thorax.add_to(&mut samples, rate_hz, 0.04 * traits.r_wave_mv, 0.0);
    samples
}

/// Returns a sum of Gaussians `((centre_s, width_s), height)`; time 0 is [`BEFORE_S`] after the start of the template.
fn template(waves: &[((f64, f64), f64)]) -> Vec<f32> {
    let n = ((BEFORE_S + AFTER_S) * TEMPLATE_RATE_HZ) as usize;
    let value = |i: usize| {
        let time_s = i as f64 / TEMPLATE_RATE_HZ - BEFORE_S;
        let bell = |((centre_s, width_s), height): &((f64, f64), f64)| {
            height * (-0.5 * ((time_s - centre_s) / width_s).powi(2)).exp()
        };
        waves.iter().map(bell).sum::<f64>() as f32
    };
    (0..n).map(value).collect()
}

/// Adds a template at a time between samples, by linear interpolation.
fn add(samples: &mut [f32], template: &[f32], time_s: f64, height: f64, rate_hz: f64) {
    let start_s = time_s - BEFORE_S;
    let first = (start_s * rate_hz).ceil().max(0.0) as usize;
    let step = TEMPLATE_RATE_HZ / rate_hz;
    let mut position = (first as f64 / rate_hz - start_s) * TEMPLATE_RATE_HZ;
    for sample in samples.iter_mut().skip(first) {
        let i = position as usize;
        let Some(next) = template.get(i + 1) else { break };
        let fraction = (position - i as f64) as f32;
        *sample += height as f32 * (template[i] + (next - template[i]) * fraction);
        position += step;
    }
}

/// Advances an Ornstein-Uhlenbeck process around 0 by `step` time constants.
fn ornstein(value: &mut f64, deviation: f64, step: f64, random: &mut Random) {
    *value += -*value * step + deviation * (2.0 * step).sqrt() * random.normal();
}
