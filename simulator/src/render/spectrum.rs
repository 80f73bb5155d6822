//! Draws the gains of the bands and rhythms of the EEG over the night.

use crate::curve::{Curve, plateau};
use crate::plan::NightPlan;
use crate::plan::vigilance::Vigilance;
use crate::plan::wake_state::{self, WakeState};
use crate::random::Random;

/// Rate of the gains in hertz.
pub(super) const GAIN_RATE_HZ: f64 = 10.0;

/// Centre frequencies of the background bands in hertz, an octave apart.
pub(super) const BACKGROUND_HZ: [f64; 9] = [0.25, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0];

/// Background spectrum at [`BACKGROUND_HZ`], as the decimal logarithm of µV²/Hz at a central electrode.
///
/// The spectrum falls with frequency, more steeply in deeper sleep (Lendner et al. 2020). Rhythms, spindles and slow
/// activity are added to it. Levels are those of a middle-aged adult.
type BackgroundSpectrum = [f64; 9];
const OPEN: BackgroundSpectrum = [2.50, 1.92, 1.32, 0.88, 0.66, 0.56, 0.22, -0.45, -1.3];
const CLOSED: BackgroundSpectrum = [2.40, 1.82, 1.28, 0.90, 0.72, 0.66, 0.28, -0.42, -1.3];
const DROWSY: BackgroundSpectrum = [2.40, 1.85, 1.35, 1.02, 0.84, 0.68, 0.30, -0.50, -1.5];
const N1: BackgroundSpectrum = [2.15, 1.68, 1.27, 1.00, 0.82, 0.64, 0.28, -0.72, -1.7];
const N2: BackgroundSpectrum = [1.95, 1.50, 1.24, 1.14, 0.98, 0.68, 0.12, -1.20, -2.3];
const N3: BackgroundSpectrum = [2.95, 2.55, 2.02, 1.66, 1.32, 0.66, -0.28, -1.65, -2.7];
const REM: BackgroundSpectrum = [2.00, 1.56, 1.18, 0.96, 0.80, 0.48, 0.06, -0.95, -2.1];
const AROUSAL: BackgroundSpectrum = [2.60, 2.15, 1.60, 1.15, 1.00, 0.90, 0.62, -0.15, -1.2];

/// Time constant of transitions between states, in seconds.
const TRANSITION_S: f64 = 0.7;

/// Size of bursts at 16 Hz and above relative to slower bands, because fast activity in sleep is nearly steady noise.
const FAST_BURSTS: f64 = 0.3;

/// Change of each band at the peak of a slow wave, as the decimal logarithm of its power: fast activity is larger in the
/// positive half-waves (up-states), theta in the negative ones (Mölle et al. 2002).
const COUPLING_LOG10: [f64; 9] = [0.0, 0.0, 0.0, 0.0, -0.06, -0.06, 0.08, 0.02, 0.0];
/// Change of sigma at the peak of a slow wave, as the natural logarithm of its amplitude.
const SIGMA_COUPLING: f64 = 0.35;

/// Natural logarithm of the largest activity of scalp muscles at rest relative to its median.
const MAX_MUSCLE_LN: f64 = 2.5;

/// Factor that converts the decimal logarithm of a power to the natural logarithm of its square root.
const HALF_LN_10: f64 = std::f64::consts::LN_10 / 2.0;

/// Gains over the night, each at [`GAIN_RATE_HZ`], as standard deviations in microvolts.
#[derive(Debug)]
pub(super) struct Gains {
    /// Spectral density of the background at its bands, as square roots (µV/√Hz).
    pub(super) background: Vec<Curve>,
    pub(super) alpha: Curve,
    pub(super) theta: Curve,
    pub(super) beta: Curve,
    pub(super) sigma: Curve,
    /// Activity of scalp muscles.
    pub(super) muscle: Curve,
}

/// Target values of the gains at one moment.
struct SpectrumTarget {
    background: BackgroundSpectrum,
    alpha: f64,
    theta: f64,
    beta: f64,
    sigma: f64,
    muscle: f64,
}

impl Gains {
    /// Draws the gains of a night.
    pub(super) fn draw(plan: &NightPlan, random: &mut Random) -> Self {
        // One more than needed, so that interpolation always has a next value.
        let n = (plan.duration_s() * GAIN_RATE_HZ) as usize + 2;
        let arousal_levels = arousal_levels(plan, n);
        let movement_levels = movement_levels(plan, n);
        let mut wander = Wander::default();
        let mut rhythm = Rhythm::default();
        let mut smoothed: Option<[f64; 14]> = None;
        let mut columns: [Vec<f32>; 14] = std::array::from_fn(|_| Vec::with_capacity(n));
        let keep = (-1.0 / (TRANSITION_S * GAIN_RATE_HZ)).exp();
        for i in 0..n {
            let time_s = i as f64 / GAIN_RATE_HZ;
            let activation = f64::from(arousal_levels[i]);
            let variation = variation_at(plan, time_s) + 0.7 * activation.min(1.0);
            let target = target_at(plan, time_s, activation);
            let coupled = up_state(plan, time_s);
            wander.step(random);
            rhythm.step(plan, wake_state::at(&plan.wake, time_s), random);
            let mut values = [0.0; 14];
            for (band, value) in values[..9].iter_mut().enumerate() {
                *value = target.background[band]
                    + plan.subject.brain.spectrum_log10[band]
                    + wander.band(band)
                    + COUPLING_LOG10[band] * coupled;
            }
            // Rhythms wax and wane with the background; in sleep fast activity does so least, scalp muscles hardly at all.
            let share = variation.min(1.0);
            values[9] = target.alpha * rhythm.alpha.powf(share);
            values[10] = target.theta * rhythm.theta.powf(share);
            values[11] = target.beta * rhythm.beta.powf(share.powi(2));
            values[12] = target.sigma * (SIGMA_COUPLING * coupled).exp();
            values[13] = target.muscle * rhythm.muscle.powf(share.powi(4))
                + muscle_of_movement(plan, f64::from(movement_levels[i]));
            let last = smoothed.unwrap_or(values);
            let now = std::array::from_fn(|k| values[k] + (last[k] - values[k]) * keep);
            smoothed = Some(now);
            for (k, column) in columns.iter_mut().enumerate() {
                let value = if k < 9 {
                    (HALF_LN_10 * (now[k] + variation * wander.bursts(k))).exp()
                } else {
                    now[k]
                };
                let brain = if k < 13 { plan.subject.brain.gain } else { 1.0 };
                column.push((value * brain) as f32);
            }
        }
        Self::from_columns(columns)
    }

    fn from_columns(columns: [Vec<f32>; 14]) -> Self {
        let mut curves = columns.into_iter().map(|column| Curve::new(GAIN_RATE_HZ, column));
        let background = curves.by_ref().take(9).collect();
        let mut next = || curves.next().expect("fourteen columns are nine bands and five rhythms");
        Self {
            background,
            alpha: next(),
            theta: next(),
            beta: next(),
            sigma: next(),
            muscle: next(),
        }
    }
}

/// Returns the activation by arousals at [`GAIN_RATE_HZ`]: 0 at rest, the strength of the arousal at its peak.
pub(super) fn arousal_levels(plan: &NightPlan, n: usize) -> Vec<f32> {
    let mut values = vec![0.0_f32; n];
    for arousal in &plan.arousals {
        let first = (arousal.onset_s * GAIN_RATE_HZ) as usize;
        let last = ((arousal.end_s() + 0.5) * GAIN_RATE_HZ) as usize;
        for (i, value) in values.iter_mut().enumerate().take(last).skip(first) {
            let since_s = i as f64 / GAIN_RATE_HZ - arousal.onset_s;
            let height = plateau(since_s, arousal.duration_s + 0.3, 0.6) * arousal.strength;
            *value = value.max(height as f32);
        }
    }
    values
}

/// Returns the strength of body movement at [`GAIN_RATE_HZ`].
pub(super) fn movement_levels(plan: &NightPlan, n: usize) -> Vec<f32> {
    let mut values = vec![0.0_f32; n];
    for movement in &plan.movements {
        let first = (movement.onset_s * GAIN_RATE_HZ) as usize;
        let last = ((movement.onset_s + movement.duration_s) * GAIN_RATE_HZ) as usize + 1;
        for (i, value) in values.iter_mut().enumerate().take(last).skip(first) {
            let since_s = i as f64 / GAIN_RATE_HZ - movement.onset_s;
            let flank_s = (0.3 * movement.duration_s).min(0.7);
            let height = plateau(since_s, movement.duration_s, flank_s) * movement.strength;
            *value = value.max(height as f32);
        }
    }
    values
}

/// Returns the scalp EMG of a movement; it saturates, because stronger movements displace electrodes instead.
fn muscle_of_movement(plan: &NightPlan, strength: f64) -> f64 {
    7.0 * plan.subject.muscle.scalp_uv.max(1.5) * strength.min(2.0)
}

fn target_at(plan: &NightPlan, time_s: f64, activation: f64) -> SpectrumTarget {
    let (brain, muscle) = (&plan.subject.brain, &plan.subject.muscle);
    let depth = plan.depth.at(time_s).min(1.2);
    let (background, [alpha, theta, beta, sigma, scalp]) = match plan.course.at(time_s) {
        Vigilance::Wake => match wake_state::at(&plan.wake, time_s).unwrap_or(WakeState::Closed) {
            WakeState::Closed => (CLOSED, [1.0, 0.2, 1.0, 0.0, 0.9]),
            WakeState::Open => (OPEN, [0.12, 0.2, 1.1, 0.0, 1.0]),
            WakeState::Drowsy => (DROWSY, [0.45, 0.6, 0.8, 0.0, 0.5]),
            WakeState::Moving => (OPEN, [0.2, 0.2, 1.2, 0.0, 1.5]),
        },
        Vigilance::N1 => (N1, [0.14, 0.65, 0.7, 0.02, 0.3]),
        Vigilance::Nrem => {
            let rest = 1.0 - depth.min(1.0);
            (
                blend(&N2, &N3, depth),
                [0.08, 0.4 * rest, 0.15 + 0.1 * rest, 0.02 + 0.05 * rest, 0.12],
            )
        }
        Vigilance::Rem => (REM, [0.15, 0.65, 0.5, 0.02, 0.10]),
    };
    let activation = activation.min(1.5);
    let riding_alpha = brain.alpha_delta_uv * depth.min(1.0);
    SpectrumTarget {
        background: blend(&background, &AROUSAL, activation.min(1.0)),
        alpha: brain.alpha_uv * alpha + riding_alpha + activation * (0.7 * brain.alpha_uv).max(5.0),
        theta: brain.theta_uv * theta,
        beta: brain.beta_uv * beta + activation * 1.8 * brain.beta_uv,
        sigma: brain.spindle_uv * sigma * (1.0 - activation.min(1.0)),
        muscle: muscle.scalp_uv * (scalp + 2.0 * activation),
    }
}

/// Returns the factor on the variation of the background over seconds.
///
/// In sleep the background is nearly stationary, in N3 almost as much as filtered noise.
fn variation_at(plan: &NightPlan, time_s: f64) -> f64 {
    match plan.course.at(time_s) {
        Vigilance::Wake => 1.3,
        Vigilance::N1 => 0.8,
        Vigilance::Nrem => 0.8 - 0.7 * plan.depth.at(time_s).min(1.0),
        Vigilance::Rem => 0.4,
    }
}

/// Returns the slow activity relative to half of its full amplitude, -2 to 2: positive in up-states.
fn up_state(plan: &NightPlan, time_s: f64) -> f64 {
    let half_uv = 0.5 * plan.subject.brain.slow_wave_uv * plan.subject.brain.gain;
    (plan.slow_activity_uv.at(time_s) / half_uv).clamp(-2.0, 2.0)
}

fn blend(a: &BackgroundSpectrum, b: &BackgroundSpectrum, share: f64) -> BackgroundSpectrum {
    std::array::from_fn(|k| a[k] + (b[k] - a[k]) * share)
}

/// Random variation of the background's level, tilt and bands, over minutes and seconds.
#[derive(Default)]
struct Wander {
    level: f64,
    tilt: f64,
    slow: [f64; 9],
    /// Bursts common to all bands; `fast` has those of each band.
    burst: f64,
    fast: [f64; 9],
}

impl Wander {
    fn step(&mut self, random: &mut Random) {
        ornstein(&mut self.level, (0.05, 150.0), random);
        ornstein(&mut self.tilt, (0.03, 120.0), random);
        ornstein(&mut self.burst, (0.22, 0.9), random);
        for band in 0..9 {
            ornstein(&mut self.slow[band], (0.05, 90.0), random);
            ornstein(&mut self.fast[band], (0.32, 0.5), random);
        }
    }

    fn band(&self, band: usize) -> f64 {
        self.level + self.tilt * (band as f64 - 4.0) + self.slow[band]
    }

    /// Returns the burst of a band; smaller in fast bands, see [`FAST_BURSTS`].
    fn bursts(&self, band: usize) -> f64 {
        let share = if BACKGROUND_HZ[band] < 16.0 { 1.0 } else { FAST_BURSTS };
        share * (self.burst + self.fast[band])
    }
}

/// Waxing and waning of the rhythms.
#[derive(Default)]
struct Rhythm {
    alpha_on: bool,
    alpha_level: f64,
    theta_level: f64,
    beta_level: f64,
    muscle_slow: f64,
    /// Natural logarithm of the burstiness of the muscles, which varies over minutes.
    muscle_bursts: f64,
    muscle_fast: f64,
    alpha: f64,
    theta: f64,
    beta: f64,
    muscle: f64,
}

impl Rhythm {
    fn step(&mut self, plan: &NightPlan, state: Option<WakeState>, random: &mut Random) {
        let share = match state {
            Some(WakeState::Closed) => plan.subject.brain.alpha_share,
            Some(WakeState::Drowsy) => 0.5 * plan.subject.brain.alpha_share,
            Some(WakeState::Open | WakeState::Moving) | None => 0.9,
        };
        // Runs of alpha last six seconds; the pauses follow from the share.
        let (on_s, off_s) = (6.0, 6.0 * (1.0 - share) / share.max(0.05));
        let change_s = if self.alpha_on { on_s } else { off_s };
        if random.chance(1.0 / (change_s * GAIN_RATE_HZ).max(1.0)) {
            self.alpha_on = !self.alpha_on;
        }
        ornstein(&mut self.alpha_level, (0.30, 3.0), random);
        ornstein(&mut self.theta_level, (0.6, 1.5), random);
        ornstein(&mut self.beta_level, (0.45, 25.0), random);
        ornstein(&mut self.muscle_slow, (0.8, 45.0), random);
        ornstein(&mut self.muscle_bursts, (0.6, 40.0), random);
        ornstein(&mut self.muscle_fast, (0.45, 0.7), random);
        self.alpha = self.alpha_level.exp() * if self.alpha_on { 1.0 } else { 0.2 };
        self.theta = self.theta_level.exp() * 0.8;
        self.beta = self.beta_level.exp() * 0.9;
        let burst = self.muscle_fast * self.muscle_bursts.exp();
        self.muscle = (self.muscle_slow + burst).min(MAX_MUSCLE_LN).exp();
    }
}

/// Advances an Ornstein-Uhlenbeck process around 0 with a standard deviation and a time constant in seconds.
fn ornstein(value: &mut f64, (deviation, time_constant_s): (f64, f64), random: &mut Random) {
    let step = 1.0 / (time_constant_s * GAIN_RATE_HZ);
    *value += -*value * step + deviation * (2.0 * step).sqrt() * random.normal();
}
