//! Renders electrode potentials: slow drift, sweat sway, movement, pops, and excursions that saturate the amplifier.

use nocturne_psg::montage::Channel;

use super::breathing::BreathingSignals;
use super::noise::{LANES, LaneNoise};
use super::spectrum::{GAIN_RATE_HZ, movement_levels};
use crate::curve::{Curve, plateau};
use crate::filter::Biquad;
use crate::plan::NightPlan;
use crate::plan::channel_fault::FaultKind;
use crate::plan::vigilance::Vigilance;
use crate::plan::wake_state::{self, WakeState};
use crate::random::Random;

/// Rate of the electrode potentials in hertz; hum and noise are added later.
const POTENTIAL_RATE_HZ: f64 = 32.0;

/// The channels with drifting electrodes, in lane order.
pub(super) const HEAD: [Channel; 4] =
    [Channel::EegC3A2, Channel::EegC4A1, Channel::EogLeft, Channel::EogRight];

/// Drift of each electrode relative to the central ones; smaller at the eyes, so that slow eye movements stay visible.
const DRIFTS: [f64; 4] = [1.0, 1.0, 0.4, 0.4];

/// Returns the potential of each electrode of [`HEAD`] in microvolts.
pub(super) fn potentials(plan: &NightPlan, breathing: &BreathingSignals) -> [Curve; 4] {
    let mut curves = drift_and_movement(plan);
    add_sway(plan, breathing, &mut curves);
    let mut random = Random::new(plan.spec.seed, plan.spec.night, "electrodes");
    for (channel, curve) in HEAD.into_iter().zip(&mut curves) {
        add_pops(plan, channel, curve, &mut random);
    }
    add_excursions(plan, &mut curves, &mut random);
    curves
}

/// Draws drift, which is larger in wake, and swings during movements.
fn drift_and_movement(plan: &NightPlan) -> [Curve; 4] {
    let seeded = |purpose: &str| Random::new(plan.spec.seed, plan.spec.night, purpose);
    let recorder = &plan.recorder;
    let n = (plan.duration_s() * POTENTIAL_RATE_HZ) as usize + 1;
    let gains = (plan.duration_s() * GAIN_RATE_HZ) as usize + 1;
    let moving = Curve::new(GAIN_RATE_HZ, movement_levels(plan, gains));
    let calm = Curve::from_fn(GAIN_RATE_HZ, plan.duration_s(), |time_s| {
        recorder.drift_uv * restlessness(plan, time_s)
    });
    let slow = [
        Biquad::low_pass(0.15, 0.5, POTENTIAL_RATE_HZ),
        Biquad::high_pass(0.04, 0.6, POTENTIAL_RATE_HZ),
    ];
    // Broadband: swings from a tenth of a second to several seconds.
    let swing = [
        Biquad::band_pass(0.33, 0.3, POTENTIAL_RATE_HZ),
        Biquad::low_pass(5.0, 0.5, POTENTIAL_RATE_HZ),
    ];
    let mut drift = LaneNoise::new(slow, seeded("electrode drift"));
    let mut swings = LaneNoise::new(swing, seeded("electrode swings"));
    let (mut drifts, mut swung) = (vec![[0.0; LANES]; n], vec![[0.0; LANES]; n]);
    drift.fill(&mut drifts);
    swings.fill(&mut swung);
    let mut sizes = seeded("electrode sizes");
    let sizes: [f64; 4] = std::array::from_fn(|_| sizes.log_normal(1.0, 0.35));
    std::array::from_fn(|lane| {
        let value = |i: usize| {
            let time_s = i as f64 / POTENTIAL_RATE_HZ;
            let moved = moving.at(time_s).powf(1.3) * recorder.movement_uv;
            let own = (lane + 1) % LANES;
            let drift = f64::from(0.5 * drifts[i][0] + 0.87 * drifts[i][own]);
            let swing = f64::from(0.6 * swung[i][0] + 0.8 * swung[i][own]);
            (sizes[lane] * (DRIFTS[lane] * calm.at(time_s) * drift + moved * swing)) as f32
        };
        Curve::new(POTENTIAL_RATE_HZ, (0..n).map(value).collect())
    })
}

/// Returns the drift relative to that in quiet sleep.
fn restlessness(plan: &NightPlan, time_s: f64) -> f64 {
    match plan.course.at(time_s) {
        Vigilance::Wake => match wake_state::at(&plan.wake, time_s).unwrap_or(WakeState::Closed) {
            WakeState::Closed => 1.1,
            WakeState::Drowsy => 1.0,
            WakeState::Open => 1.7,
            WakeState::Moving => 4.0,
        },
        Vigilance::N1 | Vigilance::Nrem | Vigilance::Rem => 1.0,
    }
}

/// Adds sweat sway: slow, and partly synchronous with breathing.
fn add_sway(plan: &NightPlan, breathing: &BreathingSignals, curves: &mut [Curve; 4]) {
    let mut random = Random::new(plan.spec.seed, plan.spec.night, "sway");
    for fault in plan.faults.iter().filter(|fault| fault.kind == FaultKind::Sway) {
        let Some(lane) = HEAD.iter().position(|channel| *channel == fault.channel) else {
            continue;
        };
        let uv = plan.recorder.sway_uv * random.log_normal(1.0, 0.4);
        let with_breath = random.uniform();
        let (mut velocity, mut deflection) = (0.0, 0.0);
        curves[lane].change((fault.onset_s, fault.end_s()), |time_s, value| {
            // A damped oscillator at 0.25 Hz, driven by noise.
            let omega = std::f64::consts::TAU * 0.25 / POTENTIAL_RATE_HZ;
            velocity += -0.35 * omega * velocity - omega * omega * deflection
                + omega * (0.7 * omega).sqrt() * random.normal();
            deflection += velocity;
            let breath = 2.0 * breathing.thorax.at(time_s);
            let envelope = plateau(time_s - fault.onset_s, fault.duration_s, 20.0);
            value + uv * envelope * ((1.0 - with_breath) * deflection + with_breath * breath)
        });
    }
}

/// Adds pops: a jump that decays exponentially.
fn add_pops(plan: &NightPlan, channel: Channel, curve: &mut Curve, random: &mut Random) {
    let pops =
        plan.faults.iter().filter(|fault| fault.kind == FaultKind::Pop && fault.channel == channel);
    for pop in pops {
        let uv = random.sign() * random.log_normal(250.0, 0.6);
        let return_s = pop.duration_s / 4.0;
        curve.change((pop.onset_s, pop.end_s()), |time_s, value| {
            value + uv * (-(time_s - pop.onset_s) / return_s).exp()
        });
    }
}

/// Adds excursions during movements that saturate the input of the amplifier for some seconds.
fn add_excursions(plan: &NightPlan, curves: &mut [Curve; 4], random: &mut Random) {
    let recorder = &plan.recorder;
    for movement in plan.movements.iter().filter(|movement| movement.strength > 0.3) {
        let expected = recorder.saturation_share * (0.4 + 0.15 * movement.duration_s).min(2.5);
        for curve in curves.iter_mut() {
            if !random.chance(expected) {
                continue;
            }
            let onset_s = movement.onset_s + random.uniform() * movement.duration_s;
            let duration_s = random.log_normal(2.0, 0.6).min(10.0);
            let uv = random.sign() * recorder.input_rail_uv * random.between(0.8, 4.0);
            let flank_s = random.log_normal(0.15, 0.8).min(0.5 * duration_s);
            curve.change((onset_s, onset_s + duration_s), |time_s, value| {
                value + uv * plateau(time_s - onset_s, duration_s, flank_s)
            });
        }
    }
}
