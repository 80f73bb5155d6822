//! What eye movements add at the eyes, and how much of it the central electrodes pick up.

use std::f64::consts::TAU;

use super::eeg::HeadSignals;
use crate::curve::{Curve, bump, plateau};
use crate::plan::NightPlan;
use crate::plan::eyes::{GazePlan, Saccade};

/// Rate of the gaze in hertz; a saccade takes some 50 ms.
const GAZE_RATE_HZ: f64 = 64.0;

/// Time in which a saccade comes 63 % near its goal, in seconds.
const SACCADE_S: f64 = 0.018;
/// Time in which the gaze drifts back to the middle, in seconds.
const RETURN_S: f64 = 4.0;

/// How a degree upwards shows at E1 (below its eye) and E2 (above), against a degree sideways (AASM manual).
const UPWARDS: [f64; 2] = [-0.4, 0.6];

/// Adds the eye movements of a night.
pub(super) fn add(plan: &NightPlan, head: &mut HeadSignals) {
    let uv_per_degree = plan.subject.muscle.eye_uv_per_degree;
    let leak = plan.subject.muscle.eye_leak;
    let (left, up) = gaze(&plan.eyes, plan.duration_s());
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
        let seen = degrees.map(|(left, up)| left * sideways as f32 + up * upwards as f32);
        let seen = Curve::new(GAZE_RATE_HZ, seen.collect());
        seen.add_to(samples, rate_hz, uv_per_degree, 0.0);
    }
}

/// Returns the direction of the gaze over the night, degrees to the left and degrees upwards.
fn gaze(eyes: &GazePlan, duration_s: f64) -> (Curve, Curve) {
    let mut left = jumps(&eyes.saccades, |saccade| saccade.left_deg, duration_s);
    let mut up = jumps(&eyes.saccades, |saccade| saccade.up_deg, duration_s);
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

/// Returns the gaze along one axis as saccades make it.
fn jumps(saccades: &[Saccade], degrees: fn(&Saccade) -> f64, duration_s: f64) -> Curve {
    let mut next = saccades.iter().peekable();
    let (mut goal, mut gaze) = (0.0, 0.0);
    let approach = 1.0 - (-1.0 / (SACCADE_S * GAZE_RATE_HZ)).exp();
    let drift = (-1.0 / (RETURN_S * GAZE_RATE_HZ)).exp();
    Curve::from_fn(GAZE_RATE_HZ, duration_s, |time_s| {
        while let Some(saccade) = next.next_if(|saccade| saccade.onset_s <= time_s) {
            goal += degrees(saccade);
        }
        goal *= drift;
        gaze += (goal - gaze) * approach;
        gaze
    })
}
