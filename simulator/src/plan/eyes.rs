//! Draws eye movements: saccades, reading, blinks, and rapid and slow eye movements.

use nocturne_psg::{Event, EventKind};

use crate::plan::vigilance::{SleepCourse, Vigilance};
use crate::plan::wake_state::{WakeSpan, WakeState};
use crate::random::Random;
use crate::subject::MuscleTraits;

/// A saccade.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Saccade {
    pub(crate) onset_s: f64,
    /// Degrees to the left; negative to the right.
    pub(crate) left_deg: f64,
    /// Degrees upwards.
    pub(crate) up_deg: f64,
}

/// A slow rolling eye movement: a few periods of a sine.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct SlowRoll {
    pub(crate) onset_s: f64,
    pub(crate) duration_s: f64,
    pub(crate) hz: f64,
    pub(crate) amplitude_deg: f64,
}

/// A blink.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Blink {
    pub(crate) onset_s: f64,
    pub(crate) duration_s: f64,
    pub(crate) up_deg: f64,
}

/// The eye movements of a night and the events they are scored as.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct GazePlan {
    pub(crate) saccades: Vec<Saccade>,
    pub(crate) rolls: Vec<SlowRoll>,
    pub(crate) blinks: Vec<Blink>,
    /// Rapid eye movements (bursts, in REM sleep and with open eyes) and slow eye movements.
    pub(crate) events: Vec<Event>,
}

impl GazePlan {
    /// Draws the eye movements of a night.
    pub(super) fn draw(
        course: &SleepCourse,
        wake: &[WakeSpan],
        traits: &MuscleTraits,
        random: &mut Random,
    ) -> Self {
        let mut all = Self::default();
        for span in wake {
            let span_s = (span.start_s, span.end_s);
            match span.state {
                WakeState::Open => all.add_open_eyes(span_s, traits, random),
                WakeState::Moving => {
                    all.add_bursts(span_s, 6.0, random);
                    all.add_blinks(span_s, traits.blinks_per_min, random);
                }
                WakeState::Closed => all.add_blinks(span_s, 0.5, random),
                WakeState::Drowsy => all.add_slow_rolls(span_s, 0.7, random),
            }
        }
        for bout in &course.bouts {
            let span_s = (bout.start_s, bout.end_s);
            match bout.vigilance {
                Vigilance::Wake | Vigilance::Nrem => {}
                Vigilance::N1 => all.add_slow_rolls(span_s, 0.75, random),
                Vigilance::Rem => all.add_bursts(span_s, traits.rem_bursts_per_min, random),
            }
        }
        all.saccades.sort_by(|a, b| a.onset_s.total_cmp(&b.onset_s));
        all
    }

    fn add_open_eyes(&mut self, span_s: (f64, f64), traits: &MuscleTraits, random: &mut Random) {
        self.add_blinks(span_s, traits.blinks_per_min, random);
        if span_s.1 - span_s.0 > 10.0 && random.chance(0.25) {
            self.add_reading(span_s, random);
        } else {
            self.add_bursts(span_s, 8.0, random);
        }
    }

    /// Adds reading: small saccades to the right along a line, a large one back (AASM manual, reading eye movements).
    fn add_reading(&mut self, (start_s, end_s): (f64, f64), random: &mut Random) {
        let line_deg = random.between(10.0, 22.0);
        let words = random.between(4.0, 8.0).round();
        let (mut time_s, mut word) = (start_s + 0.5, 0.0);
        while time_s + 0.5 < end_s {
            let left_deg = if word < words { -line_deg / words } else { line_deg };
            word = if word < words { word + 1.0 } else { 0.0 };
            self.saccades.push(Saccade { onset_s: time_s, left_deg, up_deg: 0.0 });
            time_s += random.between(0.18, 0.4);
        }
    }

    /// Adds bursts of rapid eye movements, each scored as one event.
    fn add_bursts(&mut self, (start_s, end_s): (f64, f64), per_min: f64, random: &mut Random) {
        let mut time_s = start_s + random.exponential(60.0 / per_min);
        while time_s + 1.0 < end_s {
            let until_s = (time_s + random.log_normal(2.2, 0.6).min(9.0)).min(end_s - 0.3);
            let onset_s = time_s;
            let largest_deg = random.log_normal(11.0, 0.35).min(30.0);
            let mut gaze_deg: f64 = 0.0;
            let mut n = 0;
            while time_s < until_s || n == 0 {
                // Alternate sides, so that the gaze stays around the middle.
                let target_deg = largest_deg
                    * random.between(0.3, 1.0)
                    * -gaze_deg.signum()
                    * if gaze_deg == 0.0 { random.sign() } else { 1.0 };
                let left_deg = target_deg - gaze_deg;
                let up_deg = 0.5 * largest_deg * random.normal().clamp(-2.0, 2.0);
                self.saccades.push(Saccade { onset_s: time_s, left_deg, up_deg });
                gaze_deg = target_deg;
                n += 1;
                time_s += random.log_normal(0.42, 0.45).clamp(0.15, 1.5);
            }
            let duration_s = (time_s - onset_s).min(end_s - onset_s);
            self.events.push(Event::new(EventKind::RapidEyeMovement, onset_s, duration_s));
            time_s += random.exponential(60.0 / per_min);
        }
    }

    /// Adds slow rolling eye movements; each candidate occurs with the given probability.
    fn add_slow_rolls(&mut self, (start_s, end_s): (f64, f64), chance: f64, random: &mut Random) {
        let mut time_s = start_s + random.between(0.5, 3.0);
        while time_s + 4.0 < end_s {
            let duration_s = random.log_normal(9.0, 0.5).clamp(4.0, 25.0).min(end_s - time_s);
            if random.chance(chance) {
                let hz = random.between(0.16, 0.45);
                let amplitude_deg = random.log_normal(9.0, 0.4).min(25.0);
                self.rolls.push(SlowRoll { onset_s: time_s, duration_s, hz, amplitude_deg });
                self.events.push(Event::new(EventKind::SlowEyeMovement, time_s, duration_s));
            }
            time_s += duration_s + random.exponential(4.0);
        }
    }

    fn add_blinks(&mut self, (start_s, end_s): (f64, f64), per_min: f64, random: &mut Random) {
        let mut onset_s = start_s + random.exponential(60.0 / per_min);
        while onset_s + 0.5 < end_s {
            let duration_s = random.between(0.2, 0.4);
            self.blinks.push(Blink { onset_s, duration_s, up_deg: random.log_normal(14.0, 0.25) });
            onset_s += duration_s + random.exponential(60.0 / per_min);
        }
    }
}
