//! Draws the depth of NREM sleep and the slow activity that follows from it, and finds its slow waves.

use nocturne_psg::{Event, EventKind};

use crate::curve::Curve;
use crate::filter::{Biquad, BiquadFilter};
use crate::plan::arousal::Arousal;
use crate::plan::vigilance::{SleepCourse, Vigilance};
use crate::random::Random;
use crate::subject::BrainTraits;

/// Rate of the slow activity in hertz; its spectrum ends at 4 Hz.
pub(crate) const SLOW_RATE_HZ: f64 = 32.0;

/// Amplitude of slow waves at the frontal electrodes, where they are scored, relative to the central ones.
const FRONTAL: f32 = 1.35;
/// Minimum peak-to-peak amplitude of a slow wave at the central electrodes, in microvolts: 75 µV at the frontal ones (AASM
/// manual).
const SLOW_WAVE_UV: f32 = 75.0 / FRONTAL;
/// Shortest and longest slow wave in seconds: 0.5 to 2 Hz.
const SLOW_WAVE_S: (f64, f64) = (0.5, 2.0);

/// Time constant of random changes of depth, in seconds.
///
/// Several epochs long: with a shorter one N2 and N3 would alternate faster than in scored nights.
const WANDER_S: f64 = 300.0;

/// Share of the slow activity that remains in the lightest sleep and in wake.
const FLOOR: f64 = 0.05;

/// Depth at which slow activity has about half of its full amplitude.
const HALF_DEPTH: f64 = 0.45;

/// Time constant of bursts of slow activity in seconds.
const BURST_S: f64 = 2.5;
/// Rate in hertz at which bursts are drawn.
const BURST_RATE_HZ: f64 = 4.0;

/// Time constant with which slow activity follows the start and end of NREM sleep, in seconds.
const TRANSITION_S: f64 = 2.0;

/// Seconds before a REM period in which sleep becomes lighter.
const BEFORE_REM_S: f64 = 420.0;

/// Draws the depth of sleep: 0 outside NREM sleep, about 1 in the deepest sleep of a young adult.
///
/// Depth rises through a NREM period and falls before REM sleep and at arousals. Its target decays with time asleep as
/// process S does (Achermann and Borbély 2003).
pub(super) fn draw(
    course: &SleepCourse,
    traits: &BrainTraits,
    arousals: &[Arousal],
    random: &mut Random,
) -> Curve {
    let duration_s = course.bouts.last().map_or(0.0, |bout| bout.end_s);
    let (mut depth, mut asleep_h, mut wander): (f64, f64, f64) = (0.0, 0.0, 0.0);
    let mut arousals = arousals.iter().peekable();
    Curve::from_fn(1.0, duration_s, |time_s| {
        let vigilance = course.at(time_s);
        wander += (-wander / WANDER_S) + 0.13 * (2.0 / WANDER_S).sqrt() * random.normal();
        if vigilance != Vigilance::Wake {
            asleep_h += 1.0 / 3600.0;
        }
        let (target, time_constant_s) = match vigilance {
            Vigilance::Wake => (0.0, 45.0),
            Vigilance::N1 | Vigilance::Rem => (0.0, 25.0),
            Vigilance::Nrem => {
                let drive = traits.depth * (-asleep_h / traits.depth_decay_h).exp();
                let target = drive * before_rem(course, time_s);
                let rising_s = 60.0 * traits.deepening_min;
                (target, if depth < target { rising_s } else { 60.0 })
            }
        };
        depth += (target - depth) / time_constant_s;
        while let Some(arousal) = arousals.next_if(|arousal| arousal.onset_s <= time_s) {
            depth *= 1.0 - 0.22 * arousal.strength.min(1.5);
        }
        (depth * (1.0 + wander)).max(0.0)
    })
}

/// Returns the factor by which sleep lightens as a REM period approaches.
fn before_rem(course: &SleepCourse, time_s: f64) -> f64 {
    let i = course.bouts.partition_point(|bout| bout.end_s <= time_s);
    match (course.bouts.get(i), course.bouts.get(i + 1)) {
        (Some(now), Some(next)) if next.vigilance == Vigilance::Rem => {
            (0.15 + (now.end_s - time_s) / BEFORE_REM_S).min(1.0)
        }
        _ => 1.0,
    }
}

/// Draws the slow activity (below 4 Hz) at the central electrodes in microvolts, at [`SLOW_RATE_HZ`].
///
/// Its amplitude follows the depth, in bursts of some seconds. Negative half-waves are sharper (Massimini et al. 2004).
pub(super) fn slow_activity(
    (course, depth): (&SleepCourse, &Curve),
    traits: &BrainTraits,
    arousals: &[Arousal],
    random: &mut Random,
) -> Curve {
    let duration_s = (depth.values().len() - 1) as f64 / depth.rate_hz();
    let n = (duration_s * SLOW_RATE_HZ) as usize;
    let gain = slow_gain((course, depth), traits, random);
    let mut resonance = BiquadFilter::new(vec![
        Biquad::band_pass(traits.slow_wave_hz, 0.9, SLOW_RATE_HZ),
        Biquad::band_pass(traits.slow_wave_hz * 1.25, 0.7, SLOW_RATE_HZ),
    ]);
    // The filter averages many samples, so that uniform input gives nearly normal output.
    let scale = 12.0_f64.sqrt() / resonance.noise_gain();
    let values = (0..n)
        .map(|i| {
            let wave = resonance.run(random.uniform() - 0.5) * scale;
            let sharper = wave - 0.14 * (wave * wave - 1.0);
            (sharper * gain.at(i as f64 / SLOW_RATE_HZ)) as f32
        })
        .collect();
    let mut slow = Curve::new(SLOW_RATE_HZ, values);
    for arousal in arousals {
        // An arousal suppresses slow activity; it returns within three seconds.
        let span = (arousal.onset_s, arousal.onset_s + arousal.duration_s + 3.0);
        slow.change(span, |time_s, value| {
            let onset = ((time_s - span.0) / 0.4).min(1.0);
            let end = ((span.1 - time_s) / 3.0).clamp(0.0, 1.0);
            value * (1.0 - 0.75 * onset.min(end) * arousal.strength.min(1.0))
        });
    }
    slow
}

/// Draws the standard deviation of slow activity in microvolts, which follows the depth in bursts of some seconds.
///
/// Depth persists through a brief awakening, slow activity does not: it appears in NREM sleep only.
fn slow_gain(
    (course, depth): (&SleepCourse, &Curve),
    traits: &BrainTraits,
    random: &mut Random,
) -> Curve {
    let duration_s = depth.values().len() as f64 / depth.rate_hz();
    let step = 1.0 / (BURST_S * BURST_RATE_HZ);
    let (mut burst, mut presence) = (0.0, 0.0_f64);
    Curve::from_fn(BURST_RATE_HZ, duration_s, |time_s| {
        burst += -burst * step + 0.25 * (2.0 * step).sqrt() * random.normal();
        let in_nrem = if course.at(time_s) == Vigilance::Nrem { 1.0 } else { 0.0 };
        presence += (in_nrem - presence) / (TRANSITION_S * BURST_RATE_HZ);
        let share = FLOOR + (1.0 - FLOOR) * presence * recruited(depth.at(time_s));
        burst.exp() * share * traits.slow_wave_uv * traits.gain
    })
}

/// Returns the share of full slow activity at a depth.
///
/// It rises steeply around half of the full depth, so that N2 and N3 differ by as much as in people.
fn recruited(depth: f64) -> f64 {
    let power = depth.powi(4);
    1.05 * power / (power + HALF_DEPTH.powi(4))
}

/// Finds the slow waves: periods between two downward zero crossings of 0.5–2 Hz with over 75 µV peak to peak.
pub(super) fn slow_waves(slow: &Curve) -> Vec<Event> {
    let values = slow.values();
    let mut waves = Vec::new();
    let mut start = None;
    let (mut lowest, mut highest) = (0.0_f32, 0.0_f32);
    for i in 1..values.len() {
        if values[i - 1] >= 0.0 && values[i] < 0.0 {
            if let Some(start) = start {
                let duration_s = (i - start) as f64 / SLOW_RATE_HZ;
                let fits = (SLOW_WAVE_S.0..=SLOW_WAVE_S.1).contains(&duration_s);
                if fits && highest - lowest > SLOW_WAVE_UV {
                    let onset_s = start as f64 / SLOW_RATE_HZ;
                    waves.push(Event::new(EventKind::SlowWave, onset_s, duration_s));
                }
            }
            start = Some(i);
            (lowest, highest) = (0.0, 0.0);
        }
        lowest = lowest.min(values[i]);
        highest = highest.max(values[i]);
    }
    waves
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slow_waves_need_frequency_and_amplitude() {
        let sine = |hz: f64, uv: f64| {
            Curve::from_fn(SLOW_RATE_HZ, 30.0, |t| uv * (std::f64::consts::TAU * hz * t).sin())
        };
        assert_eq!(slow_waves(&sine(1.0, 30.0)).len(), 29);
        assert_eq!(slow_waves(&sine(1.0, 26.0)).len(), 0);
        assert_eq!(slow_waves(&sine(3.0, 40.0)).len(), 0);
        assert_eq!(slow_waves(&sine(0.3, 40.0)).len(), 0);
    }
}
