//! Draws body positions and body movements.

use nocturne_psg::montage::Position;

use crate::plan::vigilance::{SleepCourse, Vigilance};
use crate::plan::wake_state::{WakeSpan, WakeState};
use crate::random::Random;
use crate::site::Site;
use crate::subject::SleepTraits;

/// A position and the time at which it is assumed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Posture {
    pub(crate) from_s: f64,
    pub(crate) position: Position,
}

/// A body movement.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Movement {
    pub(crate) onset_s: f64,
    pub(crate) duration_s: f64,
    /// About 1 for turning over.
    pub(crate) strength: f64,
}

const POSITIONS: [Position; 4] =
    [Position::Right, Position::Left, Position::Supine, Position::Prone];

/// Draws the positions of the night, by time; the first starts at 0 s.
///
/// Sleepers turn mostly while awake. A turn during sleep causes an arousal.
pub(super) fn draw(
    course: &SleepCourse,
    (site, traits): (Site, &SleepTraits),
    random: &mut Random,
) -> Vec<Posture> {
    // SHHS has no code for upright.
    let can_sit = course.lights_off_s > 120.0 && site != Site::Shhs;
    let sits_up = can_sit && random.chance(0.4);
    let first = if sits_up { Position::Upright } else { pick(traits, random) };
    let mut postures = vec![Posture { from_s: 0.0, position: first }];
    if sits_up {
        postures.push(Posture { from_s: course.lights_off_s, position: pick(traits, random) });
    }
    for time_s in change_times(course, traits, random) {
        let last = postures.last().expect("postures starts with one element");
        // At least a minute apart, so that one arousal never covers two changes.
        if time_s < last.from_s + 60.0 || time_s > course.lights_on_s {
            continue;
        }
        let next = pick(traits, random);
        if next != last.position {
            postures.push(Posture { from_s: time_s, position: next });
        }
    }
    postures
}

/// Returns the position at a time.
pub(crate) fn at(postures: &[Posture], time_s: f64) -> Position {
    let i = postures.partition_point(|posture| posture.from_s <= time_s);
    postures[i.saturating_sub(1)].position
}

fn pick(traits: &SleepTraits, random: &mut Random) -> Position {
    let weights = traits.position_weights;
    let mut weighted = [(Position::Right, 0.0); 4];
    for (slot, pair) in weighted.iter_mut().zip(POSITIONS.into_iter().zip(weights)) {
        *slot = pair;
    }
    random.pick(&weighted)
}

fn change_times(course: &SleepCourse, traits: &SleepTraits, random: &mut Random) -> Vec<f64> {
    let mut times = Vec::new();
    for bout in &course.bouts {
        let length_s = bout.end_s - bout.start_s;
        let (per_h, in_sleep) = match bout.vigilance {
            // Most turning happens in the short bouts of wake, about a third of the wake of a night.
            Vigilance::Wake => (9.0 * traits.position_changes_per_h, false),
            Vigilance::N1 | Vigilance::Nrem | Vigilance::Rem => {
                (0.5 * traits.position_changes_per_h, true)
            }
        };
        let mut time_s = bout.start_s + random.exponential(3600.0 / per_h);
        // Leave room for the arousal of a change during sleep.
        let end_s = if in_sleep { bout.end_s - 20.0 } else { bout.end_s };
        let start_s = if in_sleep { bout.start_s + 20.0 } else { bout.start_s };
        while time_s < end_s {
            if time_s >= start_s && length_s > 5.0 {
                times.push(time_s);
            }
            time_s += random.exponential(3600.0 / per_h);
        }
    }
    times
}

/// Draws the body movements in wake and with position changes; `arousal::movements` draws the others.
pub(super) fn movements(
    wake: &[WakeSpan],
    postures: &[Posture],
    traits: &SleepTraits,
    random: &mut Random,
) -> Vec<Movement> {
    let mut movements: Vec<Movement> = postures
        .iter()
        .skip(1)
        .map(|posture| Movement {
            onset_s: posture.from_s - random.between(1.0, 3.0),
            duration_s: random.between(5.0, 12.0),
            strength: random.log_normal(1.2, 0.4),
        })
        .collect();
    for span in wake {
        let length_s = span.end_s - span.start_s;
        let per_min = match span.state {
            WakeState::Moving => {
                movements.push(Movement {
                    onset_s: span.start_s,
                    duration_s: length_s,
                    strength: random.log_normal(0.8, 0.5),
                });
                continue;
            }
            WakeState::Open => 4.0,
            WakeState::Closed => 2.0,
            WakeState::Drowsy => 0.6,
        };
        let mean_s = 60.0 / (per_min * traits.restlessness);
        let mut time_s = span.start_s + random.exponential(mean_s);
        while time_s < span.end_s {
            let duration_s = random.log_normal(1.5, 0.5).min(6.0);
            let strength = random.log_normal(0.35, 0.6);
            movements.push(Movement { onset_s: time_s, duration_s, strength });
            time_s += duration_s + random.exponential(mean_s);
        }
    }
    movements
}
