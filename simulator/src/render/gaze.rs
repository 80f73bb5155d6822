//! Renders eye movements at the eyes and their pick-up at the central electrodes.

use std::f64::consts::TAU;

use super::eeg::HeadSignals;
use crate::curve::{Curve, bump, plateau};
use crate::plan::NightPlan;
use crate::plan::eyes::{GazePlan, Saccade};

/// Rate of the gaze in hertz; a saccade takes about 50 ms.
const GAZE_RATE_HZ: f64 = 64.0;

/// Time constant of a saccade in seconds.
const SACCADE_S: f64 = 0.018;
/// Time constant in seconds with which the gaze drifts back to the middle.
const RETURN_S: f64 = 4.0;

/// Amplitude of one degree upwards at E1 (below the eye) and E2 (above the eye), relative to one degree sideways (AASM
/// manual).
const UPWARDS: [f64; 2] = [-0.4, 0.6];

/// Adds the eye movements of a night.
pub(super) fn add(plan: &NightPlan, head: &mut HeadSignals) {
    let uv_per_degree = plan.subject.muscle.eye_uv_per_degree;
    let leak = plan.subject.muscle.eye_leak;
    let (left, up) = gaze(&plan.gaze, plan.duration_s());
    let rate_hz = head.rate_hz;
    // The front of the eye is positive: E1 rises with a look to the left, E2 falls.
    let channels: [(&mut [f32], f64, f64); 4] = [
        (&mut head.eye_left, 1.0, UPWARDS[0]),
        (&mut head.eye_right, -1.0, UPWARDS[1]),
        (&mut head.c3, 0.6 * leak, 0.5 * leak),
        (&mut head.c4, -0.6 * leak, 0.5 * leak),
    ];
    for (samples, sideways, upwards) in channels {
        let degrees = left.values().iter().zip(up.values());
        let signal = degrees.map(|(left, up)| left * sideways as f32 + up * upwards as f32);
        let signal = Curve::new(GAZE_RATE_HZ, signal.collect());
        signal.add_to(samples, rate_hz, uv_per_degree, 0.0);
    }
}

/// Returns the direction of the gaze over the night, degrees to the left and degrees upwards.
fn gaze(eyes: &GazePlan, duration_s: f64) -> (Curve, Curve) {
    let mut left = saccade_path(&eyes.saccades, |saccade| saccade.left_deg, duration_s);
    let mut up = saccade_path(&eyes.saccades, |saccade| saccade.up_deg, duration_s);
    for roll in &eyes.rolls {
        left.change((roll.onset_s, roll.onset_s + roll.duration_s), |time_s, value| {
            let since_s = time_s - roll.onset_s;
            let envelope = plateau(since_s, roll.duration_s, 0.8);
            value + roll.amplitude_deg * envelope * (TAU * roll.hz * since_s).sin()
        });
    }
    for blink in &eyes.blinks {
        up.change((blink.onset_s, blink.onset_s + blink.duration_s), |time_s, value| {
            value + blink.up_deg * bump((time_s - blink.onset_s) / blink.duration_s)
        });
    }
    (left, up)
}

/// Returns the gaze along one axis as moved by saccades.
fn saccade_path(saccades: &[Saccade], degrees: fn(&Saccade) -> f64, duration_s: f64) -> Curve {
    let mut next = saccades.iter().peekable();
    let (mut target, mut gaze) = (0.0, 0.0);
    let approach = 1.0 - (-1.0 / (SACCADE_S * GAZE_RATE_HZ)).exp();
    let drift = (-1.0 / (RETURN_S * GAZE_RATE_HZ)).exp();
    Curve::from_fn(GAZE_RATE_HZ, duration_s, |time_s| {
        while let Some(saccade) = next.next_if(|saccade| saccade.onset_s <= time_s) {
            target += degrees(saccade);
        }
        target *= drift;
        gaze += (target - gaze) * approach;
        gaze
    })
}
