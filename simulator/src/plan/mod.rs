//! The plan of a night: everything that happens in it, before any signal is rendered.

pub(super) mod arousal;
pub(super) mod channel_fault;
pub(super) mod eyes;
pub(super) mod graphoelements;
pub(super) mod nrem_depth;
pub(super) mod position;
pub(super) mod respiration;
mod staging;
pub(super) mod vigilance;
pub(super) mod wake_state;

use jiff::civil::{DateTime, date};
use nocturne_psg::{EPOCH_S, Event, Stage};

use crate::curve::Curve;
use crate::night_spec::NightSpec;
use crate::random::Random;
use crate::recorder::Recorder;
use crate::site::Site;
use crate::subject::Subject;

use arousal::Arousal;
use channel_fault::ChannelFault;
use eyes::GazePlan;
use graphoelements::Graphoelements;
use position::{Movement, Posture};
use respiration::{Desaturation, RespiratoryEvent};
use vigilance::SleepCourse;
use wake_state::WakeSpan;

/// Shortest and longest recording in epochs: six minutes and sixteen hours.
const EPOCHS: (f64, f64) = (12.0, 1920.0);

/// All events of a night. A plan is cheap to draw and sufficient for the truth file.
#[derive(Debug, Clone)]
pub struct NightPlan {
    pub(super) spec: NightSpec,
    pub(super) site: Site,
    pub(super) start: DateTime,
    pub(super) n_epochs: usize,
    pub(super) subject: Subject,
    pub(super) recorder: Recorder,
    pub(super) course: SleepCourse,
    pub(super) wake: Vec<WakeSpan>,
    pub(super) postures: Vec<Posture>,
    pub(super) movements: Vec<Movement>,
    pub(super) respiratory_events: Vec<RespiratoryEvent>,
    pub(super) spo2_percent: Curve,
    pub(super) desaturations: Vec<Desaturation>,
    pub(super) arousals: Vec<Arousal>,
    pub(super) depth: Curve,
    pub(super) slow_activity_uv: Curve,
    pub(super) slow_waves: Vec<Event>,
    pub(super) graphoelements: Graphoelements,
    pub(super) gaze: GazePlan,
    pub(super) faults: Vec<ChannelFault>,
    pub(super) stages: Vec<Stage>,
}

impl NightPlan {
    /// Draws the plan of a night.
    ///
    /// Each purpose has its own stream of random numbers, so that a change to one part of the plan does not change the
    /// others. The names of the purposes are part of the seeds: renaming one changes every simulated night.
    pub fn draw(spec: &NightSpec) -> Self {
        let random = |purpose: &str| Random::new(spec.seed, spec.night, purpose);
        let n_epochs = n_epochs(spec.hours);
        let duration_s = n_epochs as f64 * EPOCH_S;
        let site = spec.site.unwrap_or_else(|| draw_site(&mut random("site")));
        let subject = Subject::draw(&mut random("subject"));
        let recorder = Recorder::draw(site, &mut random("recorder"));
        let course = SleepCourse::draw(&subject.sleep, duration_s, &mut random("course"));
        let wake = wake_state::draw(&course, &subject.sleep, &mut random("moods"));
        let postures = position::draw(&course, (site, &subject.sleep), &mut random("postures"));
        // Respiratory events depend on the depth of sleep, and their arousals lighten it: the depth is drawn twice, from
        // the same random numbers.
        let undisturbed = nrem_depth::draw(&course, &subject.brain, &[], &mut random("depth"));
        let respiratory_events = respiration::draw(
            &course,
            (&undisturbed, &postures),
            &subject.breathing,
            &mut random("respiratory events"),
        );
        let (spo2_percent, desaturations) = respiration::saturation(
            duration_s,
            &respiratory_events,
            &subject.breathing,
            &mut random("saturation"),
        );
        let arousals = arousal::draw(
            &course,
            (&respiratory_events, &postures),
            (&subject.breathing, &undisturbed),
            &mut random("arousals"),
        );
        let mut movements =
            position::movements(&wake, &postures, &subject.sleep, &mut random("movements"));
        movements.extend(arousal::movements(&arousals, &mut random("arousal movements")));
        movements.retain(|movement| {
            movement.onset_s > 0.0 && movement.onset_s + movement.duration_s < duration_s
        });
        movements.sort_by(|a, b| a.onset_s.total_cmp(&b.onset_s));
        let depth = nrem_depth::draw(&course, &subject.brain, &arousals, &mut random("depth"));
        let slow_activity_uv = nrem_depth::slow_activity(
            (&course, &depth),
            &subject.brain,
            &arousals,
            &mut random("slow activity"),
        );
        let slow_waves = nrem_depth::slow_waves(&slow_activity_uv);
        let graphoelements = Graphoelements::draw(
            &course,
            (&depth, &arousals),
            &subject.brain,
            &mut random("graphoelements"),
        );
        let gaze = GazePlan::draw(&course, &wake, &subject.muscle, &mut random("eyes"));
        let faults = channel_fault::draw(duration_s, &recorder, &mut random("faults"));
        let stages = staging::stages(&course, (&slow_waves, &graphoelements.k_complexes), n_epochs);
        Self {
            spec: spec.clone(),
            site,
            start: draw_start(&mut random("start")),
            n_epochs,
            subject,
            recorder,
            course,
            wake,
            postures,
            movements,
            respiratory_events,
            spo2_percent,
            desaturations,
            arousals,
            depth,
            slow_activity_uv,
            slow_waves,
            graphoelements,
            gaze,
            faults,
            stages,
        }
    }

    /// Returns the file name without extension, such as `night-0001`.
    pub fn id(&self) -> String {
        format!("night-{:04}", self.spec.night)
    }

    /// Returns the length in seconds, a whole number of epochs.
    pub fn duration_s(&self) -> f64 {
        self.n_epochs as f64 * EPOCH_S
    }
}

/// Returns the number of epochs of a night, clamped to [`EPOCHS`]; NaN gives the minimum.
fn n_epochs(hours: f64) -> usize {
    let epochs = (hours * 3600.0 / EPOCH_S).round();
    // Not `clamp`, which would return NaN for NaN.
    let is_long_enough = epochs >= EPOCHS.0;
    (if is_long_enough { epochs.min(EPOCHS.1) } else { EPOCHS.0 }) as usize
}

/// Draws a site with the share of nights that each has in a cohort.
fn draw_site(random: &mut Random) -> Site {
    random.pick(&[
        (Site::Shhs, 0.28),
        (Site::Referential, 0.2),
        (Site::Aasm, 0.24),
        (Site::Plain, 0.28),
    ])
}

/// Draws a start between 21:00 and midnight on 1985-01-01, a placeholder date as in anonymised cohorts.
fn draw_start(random: &mut Random) -> DateTime {
    let minute_of_evening = random.between(0.0, 180.0) as i64;
    let evening = date(1985, 1, 1).at(21, 0, 0, 0);
    evening
        .checked_add(jiff::SignedDuration::from_mins(minute_of_evening))
        .expect("the evening of 1985-01-01 is in range")
}
