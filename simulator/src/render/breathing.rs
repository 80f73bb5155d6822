//! Renders breathing: airflow, thorax and abdomen, breath by breath.

use std::f64::consts::{PI, TAU};

use crate::curve::{Curve, plateau, smooth};
use crate::plan::NightPlan;
use crate::plan::respiration::RespiratoryEvent;
use crate::plan::vigilance::Vigilance;
use crate::random::Random;
use crate::recorder::FlowSensor;

/// Rate of the breathing signals in hertz.
pub(super) const BREATH_RATE_HZ: f64 = 32.0;

/// Inspiration as a share of a breath.
const INSPIRATION: f64 = 0.4;
/// Time constant in seconds of the noise of belts and airflow sensors: their filters end at about 1 Hz.
const NOISE_S: f64 = 0.15;
/// Power of the flow that a nasal cannula measures: 2 for an ideal orifice (Montserrat et al. 1997, Am J Respir Crit
/// Care Med 155:211), less because part of the flow is laminar.
const CANNULA_POWER: f64 = 1.6;
/// Gain of a cannula, low enough that the breaths of a recovery fit the range of the recorder.
const CANNULA_GAIN: f64 = 0.7;
/// Seconds over which larger breaths follow an event.
const RECOVERY_S: f64 = 15.0;
/// Seconds of the recovery in which breaths are largest.
const RECOVERY_HELD_S: f64 = 3.0;
/// Mean volume over a breath.
const MEAN_VOLUME: f64 = 0.45;

/// The breathing signals of a night; the amplitude of quiet breathing is about 1.
#[derive(Debug)]
pub(super) struct BreathingSignals {
    pub(super) flow: Curve,
    pub(super) thorax: Curve,
    pub(super) abdomen: Curve,
    /// Lung volume, 0 to 1, ignoring airway obstruction; modulates the heart rate.
    pub(super) volume: Curve,
}

/// Effect of respiratory events on breathing at each sample, as factors.
struct BreathingControl {
    flow: Vec<f32>,
    effort: Vec<f32>,
    paradox: Vec<f32>,
}

/// One breath.
struct Breath {
    start_s: f64,
    length_s: f64,
    size: f64,
}

impl BreathingSignals {
    /// Draws the breaths of a night and renders the signals.
    pub(super) fn render(plan: &NightPlan) -> Self {
        let mut random = Random::new(plan.spec.seed, plan.spec.night, "breathing");
        let n = (plan.duration_s() * BREATH_RATE_HZ) as usize + 1;
        let control = BreathingControl::new(plan, n);
        let breaths = breaths(plan, &mut random);
        let sensor = plan.recorder.flow_sensor;
        let mut signals: [Vec<f32>; 4] = std::array::from_fn(|_| Vec::with_capacity(n));
        let mut next = breaths.iter().peekable();
        let mut breath = &breaths[0];
        for i in 0..n {
            let time_s = i as f64 / BREATH_RATE_HZ;
            while let Some(later) = next.next_if(|later| later.start_s <= time_s) {
                breath = later;
            }
            let phase = ((time_s - breath.start_s) / breath.length_s).clamp(0.0, 1.0);
            let flow_share = f64::from(control.flow[i]);
            let effort = f64::from(control.effort[i]) * breath.size;
            let paradox = f64::from(control.paradox[i]);
            // With an obstructed airway the thorax lags the abdomen, by half a breath at full paradox.
            let thorax_phase = (phase + 1.0 - 0.5 * paradox).fract();
            let values = [
                flow(phase, (breath.size, flow_share), sensor),
                effort * (1.0 - 0.3 * paradox) * (volume(thorax_phase) - MEAN_VOLUME),
                effort * (volume((phase + 0.96).fract()) - MEAN_VOLUME),
                breath.size * volume(phase),
            ];
            for (signal, value) in signals.iter_mut().zip(values) {
                signal.push(value as f32);
            }
        }
        let [flow, thorax, abdomen, volume] =
            signals.map(|values| Curve::new(BREATH_RATE_HZ, values));
        let mut all = Self { flow, thorax, abdomen, volume };
        all.add_sensor_artifacts(plan, &mut random);
        all
    }

    /// Adds artefacts of belts and cannulas: noise, drift, a gain that changes with position, swings with movements.
    fn add_sensor_artifacts(&mut self, plan: &NightPlan, random: &mut Random) {
        // The residue of an apnea, cardiac and electronic, is below 1 % of a breath.
        for (signal, noise) in
            [(&mut self.flow, 0.0025), (&mut self.thorax, 0.006), (&mut self.abdomen, 0.006)]
        {
            for (i, posture) in plan.postures.iter().enumerate() {
                let end_s = plan.postures.get(i + 1).map_or(f64::INFINITY, |next| next.from_s);
                let gain = random.log_normal(1.0, 0.25);
                signal
                    .change((posture.from_s, end_s.min(plan.duration_s() + 1.0)), |_, v| v * gain);
            }
            let (mut drift, mut hiss) = (0.0, 0.0);
            let step = 1.0 / (NOISE_S * BREATH_RATE_HZ);
            let whole = (0.0, plan.duration_s() + 1.0);
            signal.change(whole, |_, value| {
                drift += -drift / (60.0 * BREATH_RATE_HZ)
                    + 0.08 * (2.0_f64 / (60.0 * BREATH_RATE_HZ)).sqrt() * random.normal();
                hiss += -hiss * step + noise * (2.0 * step).sqrt() * random.normal();
                value + drift + hiss
            });
            for movement in &plan.movements {
                let end_s = movement.onset_s + movement.duration_s;
                let mut swing = 0.0;
                signal.change((movement.onset_s, end_s), |time_s, value| {
                    swing += -swing / 12.0 + 0.35 * random.normal();
                    let envelope = plateau(time_s - movement.onset_s, movement.duration_s, 0.5);
                    value * (1.0 - 0.5 * envelope * movement.strength.min(1.0))
                        + swing * envelope * movement.strength.min(1.5)
                });
            }
        }
    }
}

impl BreathingControl {
    fn new(plan: &NightPlan, n: usize) -> Self {
        let mut control = Self { flow: vec![1.0; n], effort: vec![1.0; n], paradox: vec![0.0; n] };
        let mut random = Random::new(plan.spec.seed, plan.spec.night, "recovery");
        for event in &plan.respiratory_events {
            // Ventilation reaches about twice its usual value if an arousal ends the event, less without one (Younes
            // 2004, Am J Respir Crit Care Med 169:623).
            let overshoot = if event.ends_with_arousal { 1.3 } else { 0.7 };
            let debt = 0.5 + 0.5 * (1.0 - event.flow);
            control.apply(event, overshoot * debt * random.log_normal(1.0, 0.3), n);
        }
        control
    }

    /// Applies an event and the larger recovery breaths after it.
    fn apply(&mut self, event: &RespiratoryEvent, recovery: f64, n: usize) {
        let first = (event.onset_s * BREATH_RATE_HZ) as usize;
        let last = (((event.end_s() + RECOVERY_S) * BREATH_RATE_HZ) as usize).min(n);
        for i in first..last {
            let since_s = i as f64 / BREATH_RATE_HZ - event.onset_s;
            let after_s = since_s - event.duration_s;
            if after_s < 0.0 {
                let progress = since_s / event.duration_s;
                let depth = smooth(since_s / 0.5).min(smooth(-after_s / 0.4));
                let effort = event.effort.0 + (event.effort.1 - event.effort.0) * smooth(progress);
                self.flow[i] = (1.0 + (event.flow - 1.0) * depth) as f32;
                self.effort[i] = (1.0 + (effort - 1.0) * depth) as f32;
                self.paradox[i] = (event.paradox * depth) as f32;
            } else {
                let rebound = 1.0
                    + recovery
                        * (1.0
                            - smooth((after_s - RECOVERY_HELD_S) / (RECOVERY_S - RECOVERY_HELD_S)));
                self.flow[i] = rebound as f32;
                self.effort[i] = rebound as f32;
            }
        }
    }
}

/// Draws the breaths of a night.
fn breaths(plan: &NightPlan, random: &mut Random) -> Vec<Breath> {
    let traits = &plan.subject.breathing;
    let boundaries_s: Vec<f64> =
        plan.respiratory_events.iter().flat_map(|event| [event.onset_s, event.end_s()]).collect();
    let mut breaths = Vec::new();
    let (mut time_s, mut pace, mut depth) = (0.0, 0.0_f64, 0.0_f64);
    while time_s < plan.duration_s() + 1.0 {
        // Breathing is regular in deep sleep, irregular in REM sleep and wake (Douglas et al. 1982).
        let (faster, irregular) = match plan.course.at(time_s) {
            Vigilance::Wake => (1.08, 2.2),
            Vigilance::N1 => (1.03, 1.6),
            Vigilance::Nrem => (1.0, 1.0 - 0.5 * plan.depth.at(time_s).min(1.0)),
            Vigilance::Rem => (1.07, 2.6),
        };
        let spread = traits.irregularity * irregular;
        pace = 0.5 * pace + spread * random.normal();
        depth = 0.6 * depth + 1.3 * spread * random.normal();
        let sigh = if random.chance(0.004) { 1.9 } else { 1.0 };
        let free_s = (60.0 / (traits.rate_per_min * faster) * pace.exp()).clamp(1.8, 10.0);
        // An event begins with its first reduced breath and ends before the first breath of the recovery.
        let length_s = boundaries_s
            .iter()
            .map(|boundary_s| boundary_s - time_s)
            .find(|rest_s| *rest_s > 0.5 * free_s)
            .filter(|rest_s| *rest_s < 1.5 * free_s)
            .unwrap_or(free_s);
        breaths.push(Breath { start_s: time_s, length_s, size: depth.exp() * sigh });
        time_s += length_s;
    }
    breaths
}

/// Returns the lung volume, 0 to 1, at a phase of a breath in `[0, 1]`.
fn volume(phase: f64) -> f64 {
    if phase < INSPIRATION {
        0.5 - 0.5 * (PI * phase / INSPIRATION).cos()
    } else {
        let out = (phase - INSPIRATION) / (1.0 - INSPIRATION);
        (1.0 - smooth(out)) * (0.6 + 0.4 * (1.0 - out))
    }
}

/// Returns the airflow at a phase in `[0, 1]` of a breath of a size; inspiration is positive.
///
/// A nasal cannula measures pressure, which grows faster than flow, so that both the depth of an event and the breaths
/// of its recovery are exaggerated; it flattens if the airway is narrow. A thermistor is smooth.
fn flow(phase: f64, (size, share): (f64, f64), sensor: FlowSensor) -> f64 {
    let wave = if phase < INSPIRATION {
        (PI * phase / INSPIRATION).sin()
    } else {
        let out = (phase - INSPIRATION) / (1.0 - INSPIRATION);
        -0.95 * (PI * out.powf(0.65)).sin() * (1.0 - 0.35 * out)
    };
    match sensor {
        FlowSensor::Thermistor => {
            size * share * (0.85 * wave + 0.15 * (TAU * (phase - 0.06)).sin())
        }
        FlowSensor::NasalPressure => {
            let flattened = if share < 0.8 { wave.clamp(-1.0, 0.75) } else { wave };
            CANNULA_GAIN * (size * share * flattened.abs()).powf(CANNULA_POWER) * flattened.signum()
        }
    }
}
