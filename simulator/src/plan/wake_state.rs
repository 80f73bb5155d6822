//! Draws the states of a sleeper while awake: eyes closed, eyes open, drowsy or moving.

use crate::plan::vigilance::{SleepCourse, Vigilance};
use crate::random::Random;
use crate::subject::SleepTraits;

/// State of an awake sleeper.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum WakeState {
    /// Relaxed with closed eyes.
    Closed,
    /// Looking around or reading.
    Open,
    /// Falling asleep.
    Drowsy,
    /// Moving the body.
    Moving,
}

/// A time span in one state, `[start_s, end_s)`; the spans cover all bouts of wake.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct WakeSpan {
    pub(crate) state: WakeState,
    pub(crate) start_s: f64,
    pub(crate) end_s: f64,
}

/// Draws the states in every bout of wake.
pub(super) fn draw(
    course: &SleepCourse,
    traits: &SleepTraits,
    random: &mut Random,
) -> Vec<WakeSpan> {
    let mut spans = Vec::new();
    let wakes = course.bouts.iter().filter(|bout| bout.vigilance == Vigilance::Wake);
    for bout in wakes {
        let mut time_s = bout.start_s;
        let mut state = first_state(bout.start_s, course, random);
        while time_s < bout.end_s {
            let lights_on = time_s < course.lights_off_s || time_s >= course.lights_on_s;
            let length_s = length_s(state, traits, random);
            let end_s = (time_s + length_s).min(bout.end_s);
            spans.push(WakeSpan { state, start_s: time_s, end_s });
            time_s = end_s;
            // Drowsiness precedes sleep.
            let sleep_is_near = bout.end_s - time_s < 90.0 && bout.end_s < course.lights_on_s;
            state = next_state(state, (lights_on, sleep_is_near), traits, random);
        }
    }
    spans
}

/// Returns the state at a time, or `None` in sleep.
pub(crate) fn at(spans: &[WakeSpan], time_s: f64) -> Option<WakeState> {
    let i = spans.partition_point(|span| span.end_s <= time_s);
    spans.get(i).filter(|span| span.start_s <= time_s).map(|span| span.state)
}

fn first_state(start_s: f64, course: &SleepCourse, random: &mut Random) -> WakeState {
    if start_s < course.lights_off_s || start_s >= course.lights_on_s {
        random.pick(&[(WakeState::Open, 0.7), (WakeState::Moving, 0.3)])
    } else if start_s == course.lights_off_s {
        WakeState::Closed
    } else {
        // Awakenings often start with a movement; many are too short for the eyes to open.
        random.pick(&[(WakeState::Moving, 0.4), (WakeState::Closed, 0.4), (WakeState::Open, 0.2)])
    }
}

fn length_s(state: WakeState, traits: &SleepTraits, random: &mut Random) -> f64 {
    match state {
        WakeState::Closed => random.log_normal(70.0, 0.8).clamp(8.0, 600.0),
        WakeState::Open => random.log_normal(30.0, 0.8).clamp(4.0, 300.0),
        WakeState::Drowsy => random.log_normal(40.0, 0.6).clamp(10.0, 180.0),
        WakeState::Moving => {
            random.log_normal(7.0 * traits.restlessness.sqrt(), 0.6).clamp(2.0, 60.0)
        }
    }
}

fn next_state(
    state: WakeState,
    (lights_on, sleep_is_near): (bool, bool),
    traits: &SleepTraits,
    random: &mut Random,
) -> WakeState {
    let restless = traits.restlessness;
    let (closed, open, drowsy) = match (lights_on, sleep_is_near) {
        (true, _) => (0.5, 3.0, 0.02),
        (false, true) => (1.0, 0.1, 2.0),
        (false, false) => (2.0, 1.2, 0.5),
    };
    let moving = if sleep_is_near { 0.15 } else { 0.6 } * restless;
    let weighted = [
        (WakeState::Closed, closed),
        (WakeState::Open, open),
        (WakeState::Drowsy, drowsy),
        (WakeState::Moving, moving),
    ];
    loop {
        let next = random.pick(&weighted);
        if next != state {
            return next;
        }
    }
}
