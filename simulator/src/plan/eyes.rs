//! What the eyes do: saccades, reading, blinks, rapid and slow rolling eye movements.

use nocturne_psg::{Event, EventKind};

use crate::plan::vigilance::{SleepCourse, Vigilance};
use crate::plan::wake_state::{WakeSpan, WakeState};
use crate::random::Random;
use crate::subject::MuscleTraits;

/// A jump of the gaze.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Saccade {
    pub(crate) onset_s: f64,
    /// Degrees to the left, to the right where negative.
    pub(crate) left_deg: f64,
    /// Degrees upwards.
    pub(crate) up_deg: f64,
}

/// A slow rolling movement of the eyes.
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

/// The eye movements of a night, and what is scored of them.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct GazePlan {
    pub(crate) saccades: Vec<Saccade>,
    pub(crate) rolls: Vec<SlowRoll>,
    pub(crate) blinks: Vec<Blink>,
    /// Bursts of rapid eye movements, in REM sleep and with open eyes, and slow eye movements.
    pub(crate) events: Vec<Event>,
}

impl GazePlan {
    /// Draws the eye movements of a night.
    pub(super) fn draw(
        course: &SleepCourse,
        moods: &[WakeSpan],
        traits: &MuscleTraits,
        random: &mut Random,
    ) -> Self {
        let mut all = Self::default();
        for span in moods {
            let stretch = (span.start_s, span.end_s);
            match span.mood {
                WakeState::Open => all.look_about(stretch, traits, random),
                WakeState::Moving => {
                    all.burst_at_rate(stretch, 6.0, random);
                    all.blink(stretch, traits.blinks_per_min, random);
                }
                WakeState::Closed => all.blink(stretch, 0.5, random),
                WakeState::Drowsy => all.roll(stretch, 0.7, random),
            }
        }
        for bout in &course.bouts {
            let stretch = (bout.start_s, bout.end_s);
            match bout.vigilance {
                Vigilance::Wake | Vigilance::Nrem => {}
                Vigilance::N1 => all.roll(stretch, 0.75, random),
                Vigilance::Rem => all.burst_at_rate(stretch, traits.rem_bursts_per_min, random),
            }
        }
        all.saccades.sort_by(|a, b| a.onset_s.total_cmp(&b.onset_s));
        all
    }

    fn look_about(&mut self, stretch: (f64, f64), traits: &MuscleTraits, random: &mut Random) {
        self.blink(stretch, traits.blinks_per_min, random);
        if stretch.1 - stretch.0 > 10.0 && random.chance(0.25) {
            self.read(stretch, random);
        } else {
            self.burst_at_rate(stretch, 8.0, random);
        }
    }

    /// Reads lines: small saccades to the right, a large one back (AASM manual, reading eye movements).
    fn read(&mut self, (start_s, end_s): (f64, f64), random: &mut Random) {
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

    /// Adds bursts of rapid eye movements, each of which is an event.
    fn burst_at_rate(&mut self, (start_s, end_s): (f64, f64), per_min: f64, random: &mut Random) {
        let mut time_s = start_s + random.exponential(60.0 / per_min);
        while time_s + 1.0 < end_s {
            let until_s = (time_s + random.log_normal(2.2, 0.6).min(9.0)).min(end_s - 0.3);
            let onset_s = time_s;
            let largest_deg = random.log_normal(11.0, 0.35).min(30.0);
            let mut gaze_deg: f64 = 0.0;
            let mut n = 0;
            while time_s < until_s || n == 0 {
                // The gaze swings around the middle.
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

    /// Adds slow rolling movements with that chance for each possible one.
    fn roll(&mut self, (start_s, end_s): (f64, f64), chance: f64, random: &mut Random) {
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

    fn blink(&mut self, (start_s, end_s): (f64, f64), per_min: f64, random: &mut Random) {
        let mut onset_s = start_s + random.exponential(60.0 / per_min);
        while onset_s + 0.5 < end_s {
            let duration_s = random.between(0.2, 0.4);
            self.blinks.push(Blink { onset_s, duration_s, up_deg: random.log_normal(14.0, 0.25) });
            onset_s += duration_s + random.exponential(60.0 / per_min);
        }
    }
}
