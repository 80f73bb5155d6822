//! Renders the chin EMG: tone by stage, twitches in REM sleep, bursts with arousals and movements.

use super::noise::{LANES, LaneNoise};
use super::spectrum::{GAIN_RATE_HZ, arousal_levels, movement_levels};
use crate::curve::{Curve, bump};
use crate::filter::Biquad;
use crate::plan::NightPlan;
use crate::plan::vigilance::Vigilance;
use crate::plan::wake_state::{self, WakeState};
use crate::random::Random;

/// Returns the chin EMG in microvolts.
pub(super) fn render(plan: &NightPlan, rate_hz: f64) -> Vec<f32> {
    let seeded = |purpose: &str| Random::new(plan.spec.seed, plan.spec.night, purpose);
    let tone = tone(plan, &mut seeded("chin tone"));
    let sections = [Biquad::high_pass(14.0, 0.6, rate_hz), Biquad::low_pass(100.0, 0.6, rate_hz)];
    let mut noise = LaneNoise::new(sections, seeded("chin"));
    let n = (plan.duration_s() * rate_hz) as usize;
    let mut samples = Vec::with_capacity(n);
    let mut block = [[0.0; LANES]; 512];
    while samples.len() < n {
        noise.fill(&mut block);
        for lanes in block.iter().take(n - samples.len()) {
            let time_s = samples.len() as f64 / rate_hz;
            samples.push(lanes[0] * tone.at(time_s) as f32);
        }
    }
    samples
}

/// Draws the muscle tone in microvolts over the night.
fn tone(plan: &NightPlan, random: &mut Random) -> Curve {
    let traits = &plan.subject.muscle;
    let n = (plan.duration_s() * GAIN_RATE_HZ) as usize + 1;
    let (activation, moving) = (arousal_levels(plan, n), movement_levels(plan, n));
    let (mut wander, mut level) = (0.0_f64, traits.chin_uv);
    let values = (0..n)
        .map(|i| {
            let time_s = i as f64 / GAIN_RATE_HZ;
            let share = match plan.course.at(time_s) {
                Vigilance::Wake => {
                    match wake_state::at(&plan.wake, time_s).unwrap_or(WakeState::Closed) {
                        WakeState::Closed => 1.0,
                        WakeState::Open => 1.25,
                        WakeState::Drowsy => 0.5 + 0.5 * traits.nrem_tone,
                        WakeState::Moving => 1.6,
                    }
                }
                Vigilance::N1 => 0.4 + 0.6 * traits.nrem_tone,
                Vigilance::Nrem => traits.nrem_tone,
                Vigilance::Rem => traits.rem_tone,
            };
            let step = 1.0 / (40.0 * GAIN_RATE_HZ);
            wander += -wander * step + 0.3 * (2.0 * step).sqrt() * random.normal();
            // Tone follows the stage with a time constant of 1.2 s.
            level += (share * traits.chin_uv - level) / (1.2 * GAIN_RATE_HZ);
            let bursts = 1.1 * f64::from(activation[i]) + 2.0 * f64::from(moving[i]);
            (level * wander.exp() + traits.chin_uv.max(6.0) * bursts) as f32
        })
        .collect();
    let mut tone = Curve::new(GAIN_RATE_HZ, values);
    add_twitches(plan, &mut tone, random);
    tone
}

/// Adds the twitches of phasic REM sleep.
fn add_twitches(plan: &NightPlan, tone: &mut Curve, random: &mut Random) {
    let traits = &plan.subject.muscle;
    for bout in plan.course.bouts.iter().filter(|bout| bout.vigilance == Vigilance::Rem) {
        let mut time_s = bout.start_s + random.exponential(60.0 / traits.twitches_per_min);
        while time_s + 1.0 < bout.end_s {
            let length_s = random.between(0.3, 0.9);
            let uv = traits.chin_uv * random.log_normal(0.8, 0.5);
            tone.change((time_s, time_s + length_s), |now_s, value| {
                value + uv * bump((now_s - time_s) / length_s)
            });
            time_s += length_s + random.exponential(60.0 / traits.twitches_per_min);
        }
    }
}
