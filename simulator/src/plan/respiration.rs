//! Draws apneas and hypopneas and the oxygen saturation that follows from them.

use nocturne_psg::montage::Position;
use nocturne_psg::{Event, EventKind};

use crate::curve::{Curve, bump, smooth};
use crate::plan::position::{self, Posture};
use crate::plan::vigilance::{SleepCourse, Vigilance};
use crate::random::Random;
use crate::subject::BreathingTraits;

/// A scored respiratory event (Berry et al. 2012).
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct RespiratoryEvent {
    pub(crate) kind: EventKind,
    pub(crate) onset_s: f64,
    pub(crate) duration_s: f64,
    /// Remaining airflow, as a share of normal.
    pub(crate) flow: f64,
    /// Effort at the start and at the end, as a share of normal.
    pub(crate) effort: (f64, f64),
    /// Paradox of thorax and abdomen: 0 in phase, 1 in antiphase.
    pub(crate) paradox: f64,
    pub(crate) ends_with_arousal: bool,
    /// Desaturation in percent.
    pub(crate) fall_percent: f64,
}

impl RespiratoryEvent {
    pub(crate) fn end_s(&self) -> f64 {
        self.onset_s + self.duration_s
    }
}

/// A scored desaturation.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Desaturation {
    pub(crate) onset_s: f64,
    pub(crate) duration_s: f64,
    pub(crate) baseline_percent: f64,
    pub(crate) nadir_percent: f64,
}

/// Shortest scored event in seconds (Berry et al. 2012).
const SHORTEST_S: f64 = 10.0;
/// Smallest scored desaturation in percent (Berry et al. 2012).
const SMALLEST_FALL_PERCENT: f64 = 3.0;

/// Seconds after an event in which the saturation still recovers, so that the fall of a next event may be too small to
/// score.
const RESATURATION_S: f64 = 32.0;

/// Mean seconds taken by an event and its recovery; the hazard between events is raised to make up for them.
const DEAD_TIME_S: f64 = 36.0;

/// Returns the probability that an event is followed by another one as soon as breathing has recovered.
///
/// Events come in runs, as arousals and the overshoot of ventilation after an event make breathing unstable (Younes 2004,
/// Am J Respir Crit Care Med 169:623); the runs are longer in severe disease.
fn run_probability(traits: &BreathingTraits) -> f64 {
    (0.35 + traits.ahi_per_h / 60.0).min(0.7)
}

/// Draws the respiratory events of a night, by onset.
pub(super) fn draw(
    course: &SleepCourse,
    (depth, postures): (&Curve, &[Posture]),
    traits: &BreathingTraits,
    random: &mut Random,
) -> Vec<RespiratoryEvent> {
    let weight = |time_s: f64| {
        weight(course.at(time_s), depth.at(time_s), position::at(postures, time_s), traits)
    };
    let sleeps = course.sleeps();
    let seconds = || sleeps.iter().flat_map(|(start_s, end_s)| whole_seconds(*start_s, *end_s));
    let n_seconds = seconds().count().max(1);
    let mean_weight = seconds().map(weight).sum::<f64>() / n_seconds as f64;
    let run_probability = run_probability(traits);
    let mut events: Vec<RespiratoryEvent> = Vec::new();
    for (start_s, end_s) in &sleeps {
        let mut free_from_s = start_s + 15.0;
        let mut follows_at_s = None;
        for time_s in whole_seconds(*start_s, *end_s) {
            let relative_rate = weight(time_s) / mean_weight.max(1e-9);
            let rate_hz = traits.ahi_per_h / 3600.0 * relative_rate;
            // A quarter of the runs is cut short by arousals, deep sleep and changes of position.
            let first_share = 1.0 - 0.75 * run_probability;
            let hazard_hz = rate_hz * first_share / (1.0 - rate_hz * DEAD_TIME_S).max(0.25);
            if time_s < free_from_s {
                continue;
            }
            let follows = follows_at_s.take_if(|at_s| *at_s <= time_s).is_some()
                && random.chance(relative_rate);
            if !follows && !random.chance(hazard_hz) {
                continue;
            }
            let mut event = RespiratoryEvent::draw(time_s, course.at(time_s), traits, random);
            // While the saturation still recovers from the last event, a fall may be too small to be scored.
            let is_recovering =
                events.last().is_some_and(|last| time_s < last.end_s() + RESATURATION_S);
            event.ends_with_arousal |= is_recovering && event.kind == EventKind::Hypopnea;
            // Sleep must last through the arousal, and the position must not change during the event.
            let fits = event.end_s() + 16.0 < *end_s
                && !postures.iter().any(|posture| {
                    (event.onset_s - 5.0..event.end_s() + 20.0).contains(&posture.from_s)
                });
            if fits {
                free_from_s = event.end_s() + random.between(9.0, 18.0);
                follows_at_s =
                    random.chance(run_probability).then(|| free_from_s + random.between(0.0, 20.0));
                events.push(event);
            }
        }
    }
    events
}

fn whole_seconds(start_s: f64, end_s: f64) -> impl Iterator<Item = f64> {
    (start_s.ceil() as u32..end_s.ceil() as u32).map(f64::from)
}

/// Returns the relative rate of events: higher in REM sleep and supine, lower in deep sleep (Cartwright 1984, Mokhlesi
/// and Punjabi 2012). Central events occur mostly in light NREM sleep.
fn weight(vigilance: Vigilance, depth: f64, position: Position, traits: &BreathingTraits) -> f64 {
    let obstructive_stage = match vigilance {
        Vigilance::Wake => 0.0,
        Vigilance::N1 => 1.1,
        Vigilance::Nrem => 1.1 - 0.8 * smooth(depth),
        Vigilance::Rem => traits.rem_factor,
    };
    let central_stage = match vigilance {
        Vigilance::Wake => 0.0,
        Vigilance::N1 | Vigilance::Nrem => 1.2 - smooth(depth),
        Vigilance::Rem => 0.3,
    };
    let obstructive = match position {
        Position::Supine => obstructive_stage * traits.supine_factor,
        Position::Right | Position::Left | Position::Prone | Position::Upright => obstructive_stage,
    };
    traits.central_share * central_stage + (1.0 - traits.central_share) * obstructive
}

impl RespiratoryEvent {
    fn draw(
        onset_s: f64,
        vigilance: Vigilance,
        traits: &BreathingTraits,
        random: &mut Random,
    ) -> Self {
        let is_central = random.chance(traits.central_share);
        let is_apnea = random.chance(traits.apnea_share);
        // Mixed apneas are few, and rare in mild disease.
        let is_mixed = is_apnea && traits.ahi_per_h > 15.0 && random.chance(0.08);
        let kind = match (is_apnea, is_central) {
            (true, true) => EventKind::CentralApnea,
            (true, false) if is_mixed => EventKind::MixedApnea,
            (true, false) => EventKind::ObstructiveApnea,
            (false, _) => EventKind::Hypopnea,
        };
        let rem_factor = if vigilance == Vigilance::Rem { 1.25 } else { 1.0 };
        let duration_s = random.log_normal_within(
            (if is_apnea { 20.0 } else { 17.0 }, 0.38),
            (SHORTEST_S + 1.0, 70.0),
        ) * rem_factor;
        let flow = if is_apnea { random.between(0.0, 0.07) } else { random.between(0.3, 0.62) };
        let (effort, paradox) = match (is_apnea, is_central) {
            (true, true) => ((0.04, 0.04), 0.0),
            (true, false) if is_mixed => ((0.04, 0.9), random.between(0.6, 1.0)),
            (true, false) => ((0.35, random.between(0.5, 1.0)), random.between(0.6, 1.0)),
            (false, true) => ((flow, flow), 0.0),
            (false, false) => ((0.7, random.between(0.75, 1.1)), random.between(0.1, 0.6)),
        };
        let longer_fall = (duration_s / 20.0).powf(0.9);
        let fall_percent = traits.desaturation_percent
            * (1.0 - 0.8 * flow)
            * longer_fall
            * random.log_normal(1.0, 0.35);
        // A hypopnea needs an arousal or a desaturation (Berry et al. 2012, rule 1A).
        let ends_with_arousal = random.chance(traits.arousal_share)
            || (!is_apnea && fall_percent < SMALLEST_FALL_PERCENT + 1.0);
        Self { kind, onset_s, duration_s, flow, effort, paradox, ends_with_arousal, fall_percent }
    }
}

/// Draws the oxygen saturation in whole percent, once a second, and scores its desaturations.
pub(super) fn saturation(
    duration_s: f64,
    events: &[RespiratoryEvent],
    traits: &BreathingTraits,
    random: &mut Random,
) -> (Curve, Vec<Desaturation>) {
    let mut wander = 0.0;
    let mut spo2 = Curve::from_fn(1.0, duration_s, |_| {
        wander += -wander / 240.0 + 0.5 * (2.0_f64 / 240.0).sqrt() * random.normal();
        traits.spo2_percent + wander
    });
    let mut spans = Vec::new();
    for event in events {
        // Circulation time from the lungs to the finger is 10 to 20 s.
        let delay_s = random.between(9.0, 17.0);
        let start_s = event.onset_s + 0.35 * event.duration_s + delay_s * 0.6;
        let nadir_s = event.end_s() + delay_s;
        let end_s = nadir_s + random.between(10.0, 22.0);
        spo2.change((start_s, end_s), |time_s, value| {
            let share = if time_s < nadir_s {
                bump(0.5 * (time_s - start_s) / (nadir_s - start_s))
            } else {
                bump(0.5 + 0.5 * (time_s - nadir_s) / (end_s - nadir_s))
            };
            value - event.fall_percent * share
        });
        spans.push((start_s, end_s));
    }
    spo2.change((0.0, duration_s + 1.0), |_, value| value.round().clamp(55.0, 100.0));
    let desaturations = scored_falls(&spo2, &spans, duration_s);
    (spo2, desaturations)
}

/// Returns the desaturations of at least 3 %, each from its baseline to its recovery.
fn scored_falls(spo2: &Curve, spans: &[(f64, f64)], night_s: f64) -> Vec<Desaturation> {
    let mut falls: Vec<Desaturation> = Vec::new();
    for (i, (start_s, end_s)) in spans.iter().enumerate() {
        let next_start_s = spans.get(i + 1).map_or(night_s, |next| next.0);
        let (onset_s, end_s) = (start_s.ceil(), end_s.min(next_start_s).floor());
        if end_s < onset_s + 1.0 {
            continue;
        }
        let baseline_percent = spo2.at(onset_s);
        let during = whole_seconds(onset_s, end_s).map(|time_s| spo2.at(time_s));
        let nadir_percent = during.fold(baseline_percent, f64::min);
        if baseline_percent - nadir_percent >= SMALLEST_FALL_PERCENT {
            let duration_s = end_s - onset_s;
            falls.push(Desaturation { onset_s, duration_s, baseline_percent, nadir_percent });
        }
    }
    falls
}

impl From<&RespiratoryEvent> for Event {
    fn from(event: &RespiratoryEvent) -> Self {
        Self::new(event.kind, event.onset_s, event.duration_s)
    }
}

impl From<&Desaturation> for Event {
    fn from(fall: &Desaturation) -> Self {
        Self::new(EventKind::Desaturation, fall.onset_s, fall.duration_s)
    }
}
