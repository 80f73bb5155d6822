//! Draws arousals: their causes, onsets and strengths.

use crate::curve::Curve;
use crate::plan::position::{Movement, Posture};
use crate::plan::respiration::RespiratoryEvent;
use crate::plan::vigilance::{SleepCourse, Vigilance};
use crate::random::Random;
use crate::subject::BreathingTraits;

/// An arousal: 3 to 15 s, after at least 10 s of sleep (ASDA 1992; AASM manual).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Arousal {
    pub(crate) onset_s: f64,
    pub(crate) duration_s: f64,
    /// Scale of its effect on EEG, muscles and heart; 1 is a full arousal.
    pub(crate) strength: f64,
}

impl Arousal {
    pub(crate) fn end_s(&self) -> f64 {
        self.onset_s + self.duration_s
    }
}

/// Median in seconds and logarithmic spread of arousals.
const LENGTH_S: (f64, f64) = (6.0, 0.38);
/// Shortest and longest arousal in seconds.
const RANGE_S: (f64, f64) = (3.2, 14.0);
/// Sleep that must precede an arousal, in seconds.
const SLEEP_BEFORE_S: f64 = 10.5;

/// Draws the arousals of a night, by onset.
///
/// Arousals after respiratory events and with position changes are placed first, spontaneous ones in the remaining time.
pub(super) fn draw(
    course: &SleepCourse,
    (events, postures): (&[RespiratoryEvent], &[Posture]),
    (traits, depth): (&BreathingTraits, &Curve),
    random: &mut Random,
) -> Vec<Arousal> {
    let mut arousals = Vec::new();
    for event in events.iter().filter(|event| event.ends_with_arousal) {
        let onset_s = event.end_s() - random.between(0.0, 1.5);
        arousals.push(Arousal::draw(onset_s, random));
    }
    for posture in postures.iter().skip(1) {
        if course.at(posture.from_s) != Vigilance::Wake {
            let onset_s = posture.from_s - random.between(2.0, 3.0);
            let strength = random.between(1.0, 1.5);
            arousals.push(Arousal { onset_s, duration_s: random.between(7.0, 13.0), strength });
        }
    }
    for (start_s, end_s) in course.sleeps() {
        let mut time_s = start_s;
        loop {
            time_s += random.exponential(3600.0 / (1.25 * traits.spontaneous_arousals_per_h));
            if time_s >= end_s {
                break;
            }
            let depth = match course.at(time_s) {
                Vigilance::Nrem => depth.at(time_s),
                Vigilance::Wake | Vigilance::N1 | Vigilance::Rem => 0.0,
            };
            let arousal = Arousal::draw(time_s, random);
            if random.chance(1.0 - 0.75 * depth.min(1.0)) && is_free(&arousal, &arousals, events) {
                arousals.push(arousal);
            }
        }
    }
    arousals.retain(|arousal| is_within_sleep(arousal, course));
    arousals.sort_by(|a, b| a.onset_s.total_cmp(&b.onset_s));
    let mut last_end_s = f64::NEG_INFINITY;
    arousals.retain(|arousal| {
        let has_slept = arousal.onset_s - last_end_s >= SLEEP_BEFORE_S;
        if has_slept {
            last_end_s = arousal.end_s();
        }
        has_slept
    });
    arousals
}

/// Draws the body movements that accompany half of the stronger arousals.
pub(super) fn movements(arousals: &[Arousal], random: &mut Random) -> Vec<Movement> {
    let mut movements = Vec::new();
    for arousal in arousals.iter().filter(|arousal| arousal.strength > 0.9) {
        if random.chance(0.5) {
            movements.push(Movement {
                onset_s: arousal.onset_s + random.between(0.0, 1.0),
                duration_s: random.between(1.5, 0.7 * arousal.duration_s + 1.0),
                strength: 0.4 * arousal.strength,
            });
        }
    }
    movements
}

impl Arousal {
    fn draw(onset_s: f64, random: &mut Random) -> Self {
        Self {
            onset_s,
            duration_s: random.log_normal_within(LENGTH_S, RANGE_S),
            strength: random.log_normal_within((0.85, 0.3), (0.45, 1.6)),
        }
    }
}

fn is_within_sleep(arousal: &Arousal, course: &SleepCourse) -> bool {
    course.sleeps().iter().any(|(start_s, end_s)| {
        arousal.onset_s - SLEEP_BEFORE_S >= *start_s && arousal.end_s() + 1.0 < *end_s
    })
}

/// Returns whether an arousal is far enough from other arousals and from respiratory events.
fn is_free(arousal: &Arousal, others: &[Arousal], events: &[RespiratoryEvent]) -> bool {
    let apart = |start_s: f64, end_s: f64| {
        arousal.onset_s > end_s + SLEEP_BEFORE_S || arousal.end_s() + SLEEP_BEFORE_S < start_s
    };
    others.iter().all(|other| apart(other.onset_s, other.end_s()))
        && events
            .iter()
            .all(|event| arousal.onset_s > event.end_s() || arousal.end_s() + 1.0 < event.onset_s)
}
