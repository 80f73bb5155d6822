//! The plan of a night: everything that happens in it, before any signal is made.

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
use nocturne_psg::{EPOCH_S, Event, EventKind, Stage};

use super::curve::Curve;
use super::random::Random;
use super::recorder::Recorder;
use super::site::Site;
use super::subject::Subject;
use super::truth::{Indices, Truth};
use super::{NightSpec, SimulatedNight, render};

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

/// Movements of at least this length and strength are marked as artefact.
const ARTIFACT_S: f64 = 3.0;
const ARTIFACT_STRENGTH: f64 = 0.5;

/// Everything that happens in a night; cheap to make, and enough for the truth.
#[derive(Debug, Clone)]
pub struct NightPlan {
    pub(super) spec: NightSpec,
    pub(super) site: Site,
    pub(super) start: DateTime,
    pub(super) n_epochs: usize,
    pub(super) subject: Subject,
    pub(super) recorder: Recorder,
    pub(super) course: SleepCourse,
    pub(super) moods: Vec<WakeSpan>,
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
    pub(super) eyes: GazePlan,
    pub(super) faults: Vec<ChannelFault>,
    pub(super) stages: Vec<Stage>,
}

impl NightPlan {
    /// Draws the plan of a night.
    pub fn draw(spec: &NightSpec) -> Self {
        let random = |purpose: &str| Random::new(spec.seed, spec.night, purpose);
        let n_epochs = n_epochs(spec.hours);
        let duration_s = n_epochs as f64 * EPOCH_S;
        let site = spec.site.unwrap_or_else(|| draw_site(&mut random("site")));
        let subject = Subject::draw(&mut random("subject"));
        let recorder = Recorder::draw(site, &mut random("recorder"));
        let course = SleepCourse::draw(&subject.sleep, duration_s, &mut random("course"));
        let moods = wake_state::draw(&course, &subject.sleep, &mut random("moods"));
        let postures = position::draw(&course, (site, &subject.sleep), &mut random("postures"));
        // Respiratory events need the depth of sleep, which the arousals after them then lighten.
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
            position::movements(&moods, &postures, &subject.sleep, &mut random("movements"));
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
        let eyes = GazePlan::draw(&course, &moods, &subject.muscle, &mut random("eyes"));
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
            moods,
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
            eyes,
            faults,
            stages,
        }
    }

    /// Returns the name of the night's files without their endings, such as `night-0001`.
    pub fn id(&self) -> String {
        format!("night-{:04}", self.spec.night)
    }

    /// Returns the length in seconds, a whole number of epochs.
    pub fn duration_s(&self) -> f64 {
        self.n_epochs as f64 * EPOCH_S
    }

    /// Makes the signals.
    pub fn render(&self) -> SimulatedNight {
        SimulatedNight {
            id: self.id(),
            start: self.start,
            n_epochs: self.n_epochs,
            site: self.site,
            signals: render::signals(self),
            desaturations: self.desaturations.clone(),
            truth: self.truth(),
        }
    }

    /// Returns what is true of the night.
    pub fn truth(&self) -> Truth {
        let events = self.events();
        let Indices { sleep_h, arousal_index_per_h, ahi_per_h } =
            Indices::count(&self.stages, &events);
        Truth {
            format: Truth::FORMAT,
            id: self.id(),
            seed: self.spec.seed,
            night: self.spec.night,
            site: self.site,
            start: self.start.to_string(),
            duration_s: self.duration_s(),
            lights_off_s: milliseconds(self.course.lights_off_s),
            lights_on_s: milliseconds(self.course.lights_on_s),
            sleep_h,
            arousal_index_per_h,
            ahi_per_h,
            stages: self.stages.clone(),
            events,
            faults: self.faults.clone(),
            subject: self.subject.clone(),
            recorder: self.recorder.clone(),
        }
    }

    /// Returns every event in order of time, to the millisecond.
    fn events(&self) -> Vec<Event> {
        let event = Event::new;
        let mut events: Vec<Event> = Vec::new();
        events.extend(self.respiratory_events.iter().map(Event::from));
        events.extend(self.desaturations.iter().map(Event::from));
        events.extend(
            self.arousals.iter().map(|a| event(EventKind::Arousal, a.onset_s, a.duration_s)),
        );
        let micro = &self.graphoelements;
        events.extend(
            micro.spindles.iter().map(|s| event(EventKind::Spindle, s.onset_s, s.duration_s)),
        );
        events.extend(
            micro.k_complexes.iter().map(|k| event(EventKind::KComplex, k.onset_s, k.duration_s)),
        );
        events.extend(self.slow_waves.iter().cloned());
        events.extend(self.eyes.events.iter().cloned());
        let changes = self.postures.iter().skip(1);
        events.extend(changes.map(|p| event(EventKind::PositionChange, p.from_s, 0.0)));
        let artifacts = self.movements.iter().filter(|movement| {
            movement.duration_s >= ARTIFACT_S && movement.strength >= ARTIFACT_STRENGTH
        });
        events.extend(artifacts.map(|m| event(EventKind::Artifact, m.onset_s, m.duration_s)));
        for event in &mut events {
            event.onset_s = milliseconds(event.onset_s);
            event.duration_s = milliseconds(event.duration_s);
        }
        events.sort_by(|a, b| a.onset_s.total_cmp(&b.onset_s).then(a.kind.cmp(&b.kind)));
        events
    }
}

/// Rounds seconds to milliseconds, so that a truth is short and stays the same to the last digit.
fn milliseconds(seconds: f64) -> f64 {
    (seconds * 1000.0).round() / 1000.0
}

/// Returns the whole epochs of a night, within what is simulated.
fn n_epochs(hours: f64) -> usize {
    let epochs = (hours * 3600.0 / EPOCH_S).round();
    let is_long_enough = epochs >= EPOCHS.0;
    (if is_long_enough { epochs.min(EPOCHS.1) } else { EPOCHS.0 }) as usize
}

fn draw_site(random: &mut Random) -> Site {
    random.pick(&[
        (Site::Shhs, 0.28),
        (Site::Referential, 0.2),
        (Site::Aasm, 0.24),
        (Site::Plain, 0.28),
    ])
}

/// Draws an evening on a day that stands for none, as anonymised cohorts have it.
fn draw_start(random: &mut Random) -> DateTime {
    let minute_of_evening = random.between(0.0, 180.0) as i64;
    let evening = date(1985, 1, 1).at(21, 0, 0, 0);
    evening
        .checked_add(jiff::SignedDuration::from_mins(minute_of_evening))
        .expect("the evening of 1985-01-01 is in range")
}
