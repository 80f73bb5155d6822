//! The sleeper: traits that differ between people and are constant through a night.

use serde::{Deserialize, Serialize};

use crate::random::Random;

/// The traits of a simulated sleeper.
///
/// Ranges are wider than in any single cohort, so that a model trained on these nights does not rely on a typical
/// sleeper. `docs/simulator.md` cites the sources of the medians.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Subject {
    /// Age in years, 18 to 85.
    pub age_years: f64,
    /// Sleep architecture.
    pub sleep: SleepTraits,
    /// EEG.
    pub brain: BrainTraits,
    /// Muscles and eyes.
    pub muscle: MuscleTraits,
    /// Heart.
    pub heart: HeartTraits,
    /// Breathing.
    pub breathing: BreathingTraits,
}

/// Sleep architecture of a sleeper.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct SleepTraits {
    /// Time from the start of the recording to lights off, in seconds.
    pub settling_s: f64,
    /// Time from lights off to sleep, in seconds.
    pub sleep_latency_s: f64,
    /// NREM sleep before the first REM period, in seconds.
    pub rem_latency_s: f64,
    /// NREM sleep between two REM periods, in seconds.
    pub nrem_period_s: f64,
    /// Length of a late REM period, in seconds.
    pub rem_period_s: f64,
    /// Brief awakenings (about one epoch) per hour of sleep.
    pub brief_wakes_per_h: f64,
    /// Transitions to N1 without an awakening, per hour of sleep.
    pub lightenings_per_h: f64,
    /// Target sleep efficiency: sleep as a share of the time between lights off and lights on, 0.5 to 0.97.
    pub sleep_efficiency: f64,
    /// Wake at the end of the recording, in seconds.
    pub final_wake_s: f64,
    /// Movement while awake, relative to the median sleeper.
    pub restlessness: f64,
    /// Changes of position per hour of sleep.
    pub position_changes_per_h: f64,
    /// Weights of the positions right, left, supine and prone.
    pub position_weights: [f64; 4],
}

/// EEG of a sleeper at the central electrodes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BrainTraits {
    /// Factor on all brain activity (skull, electrode placement).
    pub gain: f64,
    /// Amplitude of C4 relative to C3.
    pub asymmetry: f64,
    /// Offset on the decimal logarithm of the background spectrum at 0.25, 0.5, 1, 2, 4, 8, 16, 32 and 64 Hz.
    pub spectrum_log10: [f64; 9],
    /// Frequency of the alpha rhythm in hertz, 7.5 to 12.5.
    pub alpha_hz: f64,
    /// Root mean square of alpha in relaxed wake with closed eyes, in microvolts; small in some sleepers.
    pub alpha_uv: f64,
    /// Share of relaxed wake with alpha.
    pub alpha_share: f64,
    /// Root mean square of theta bursts in N1 and REM, in microvolts.
    pub theta_uv: f64,
    /// Root mean square of beta in wake, in microvolts.
    pub beta_uv: f64,
    /// Root mean square of alpha superimposed on slow waves (alpha-delta), in microvolts.
    pub alpha_delta_uv: f64,
    /// Frequency of spindles in hertz, 11 to 15.5.
    pub spindle_hz: f64,
    /// Peak amplitude of spindles, in microvolts.
    pub spindle_uv: f64,
    /// Spindles per minute of N2.
    pub spindles_per_min: f64,
    /// K-complexes per minute of N2.
    pub k_complexes_per_min: f64,
    /// Peak-to-peak amplitude of K-complexes, in microvolts.
    pub k_complex_uv: f64,
    /// Standard deviation of slow activity in the deepest sleep, in microvolts; falls with age.
    pub slow_wave_uv: f64,
    /// Centre frequency of slow activity, in hertz.
    pub slow_wave_hz: f64,
    /// Depth of the first NREM period; about 1.
    pub depth: f64,
    /// Hours of sleep in which the drive for deep sleep decays to 1/e.
    pub depth_decay_h: f64,
    /// Time constant in minutes with which NREM sleep deepens.
    pub deepening_min: f64,
}

/// Muscles and eyes of a sleeper.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct MuscleTraits {
    /// Root mean square of chin tone in quiet wake, in microvolts.
    pub chin_uv: f64,
    /// Chin tone in NREM sleep as a share of wake.
    pub nrem_tone: f64,
    /// Chin tone in REM sleep as a share of wake.
    pub rem_tone: f64,
    /// Twitches of the chin per minute of REM sleep.
    pub twitches_per_min: f64,
    /// Root mean square of muscle activity in the EEG in quiet wake, in microvolts.
    pub scalp_uv: f64,
    /// Amplitude at an eye in microvolts per degree of rotation.
    pub eye_uv_per_degree: f64,
    /// Bursts of eye movements per minute of REM sleep.
    pub rem_bursts_per_min: f64,
    /// Blinks per minute with open eyes.
    pub blinks_per_min: f64,
    /// Share of an eye movement's potential that is picked up by the central electrodes.
    pub eye_leak: f64,
}

/// Heart of a sleeper.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct HeartTraits {
    /// Heart rate in quiet N2, in beats per minute, 42 to 92.
    pub rate_bpm: f64,
    /// Peak change of the heart rate with breathing, as a share of the rate.
    pub sinus_arrhythmia: f64,
    /// Slower variation of the heart rate, as a share of the rate.
    pub slow_variation: f64,
    /// Rise of the heart rate with an arousal, as a share of the rate.
    pub arousal_rise: f64,
    /// Premature ventricular beats per hour.
    pub premature_per_h: f64,
    /// Amplitude of the R wave in millivolts.
    pub r_wave_mv: f64,
    /// Amplitudes of P, Q, S and T relative to the R wave.
    pub waves: [f64; 4],
}

/// Breathing of a sleeper.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct BreathingTraits {
    /// Breaths per minute in quiet N2, 10 to 20.
    pub rate_per_min: f64,
    /// Relative standard deviation of breath lengths in quiet N2.
    pub irregularity: f64,
    /// Expected apneas and hypopneas per hour of sleep, 0 to 60.
    pub ahi_per_h: f64,
    /// Share of central events among all respiratory events.
    pub central_share: f64,
    /// Share of apneas among all respiratory events; the rest are hypopneas.
    pub apnea_share: f64,
    /// Probability that a respiratory event ends with an arousal.
    pub arousal_share: f64,
    /// Factor on the rate of obstructive events while supine.
    pub supine_factor: f64,
    /// Factor on the rate of obstructive events in REM sleep.
    pub rem_factor: f64,
    /// Spontaneous arousals per hour of sleep.
    pub spontaneous_arousals_per_h: f64,
    /// Oxygen saturation in quiet sleep, in percent.
    pub spo2_percent: f64,
    /// Desaturation caused by a full apnea of 20 s, in percent.
    pub desaturation_percent: f64,
}

impl Subject {
    /// Draws a sleeper.
    pub(super) fn draw(random: &mut Random) -> Self {
        let age_years = random.normal_within((47.0, 18.0), (18.0, 85.0));
        let breathing = BreathingTraits::draw(age_years, random);
        // Frequent arousals make sleep lighter and shorter.
        let fragmentation = (breathing.ahi_per_h * breathing.arousal_share
            + breathing.spontaneous_arousals_per_h)
            / 20.0;
        Self {
            age_years,
            sleep: SleepTraits::draw(age_years, fragmentation, random),
            brain: BrainTraits::draw(age_years, random),
            muscle: MuscleTraits::draw(random),
            heart: HeartTraits::draw(age_years, random),
            breathing,
        }
    }
}

impl SleepTraits {
    fn draw(age_years: f64, fragmentation: f64, random: &mut Random) -> Self {
        let settles = random.chance(0.45);
        let poor_sleeper = random.chance(0.12);
        let decades_past_30 = ((age_years - 30.0) / 10.0).max(0.0);
        let loss = random.log_normal_within((0.07 + 0.018 * decades_past_30, 0.6), (0.03, 0.30));
        Self {
            settling_s: if settles {
                random.between(60.0, 1500.0)
            } else {
                random.between(0.0, 60.0)
            },
            sleep_latency_s: random.log_normal_within((820.0, 0.75), (90.0, 5400.0)),
            rem_latency_s: random.log_normal_within((5300.0, 0.32), (2400.0, 14_000.0)),
            nrem_period_s: random.log_normal_within((3900.0, 0.18), (2400.0, 6600.0)),
            rem_period_s: random.log_normal_within((1450.0, 0.28), (600.0, 2700.0)),
            brief_wakes_per_h: random
                .log_normal_within((1.3 + 0.9 * fragmentation.min(2.5), 0.45), (0.4, 9.0)),
            lightenings_per_h: random
                .log_normal_within((0.5 + 1.5 * fragmentation.min(2.5), 0.6), (0.2, 12.0)),
            sleep_efficiency: if poor_sleeper { random.between(0.5, 0.75) } else { 1.0 - loss },
            final_wake_s: random.log_normal_within((150.0, 1.3), (0.0, 2700.0)),
            restlessness: random.log_normal_within((1.0, 0.8), (0.15, 6.0)),
            position_changes_per_h: random.log_normal_within((1.3, 0.6), (0.2, 6.0)),
            position_weights: [
                random.log_normal(1.0, 0.7),
                random.log_normal(1.0, 0.7),
                random.log_normal(1.6, 0.8),
                random.log_normal(0.25, 1.0),
            ],
        }
    }
}

impl BrainTraits {
    fn draw(age_years: f64, random: &mut Random) -> Self {
        let years_past_25 = (age_years - 25.0).max(0.0);
        let alpha_median_uv = random.pick(&[(10.0, 0.30), (5.2, 0.42), (2.0, 0.28)]);
        let alpha_delta_median_uv = random.pick(&[(1.5, 0.75), (6.0, 0.25)]);
        let offset = 0.10 * random.normal();
        let tilt = 0.16 * random.normal();
        let mut spectrum_log10 = [0.0; 9];
        for (octave, value) in spectrum_log10.iter_mut().enumerate() {
            // The tilt pivots at 4 Hz, the fifth band.
            *value = offset + tilt * (octave as f64 - 4.0) * 0.6 + 0.09 * random.normal();
        }
        Self {
            gain: random.log_normal_within((1.0, 0.18), (0.55, 1.8)),
            asymmetry: random.log_normal_within((1.0, 0.08), (0.75, 1.3)),
            spectrum_log10,
            alpha_hz: random.normal_within((10.0 - 0.012 * (age_years - 40.0), 0.9), (7.5, 12.5)),
            alpha_uv: random.log_normal_within((alpha_median_uv, 0.45), (0.5, 35.0)),
            alpha_share: random.between(0.3, 0.95),
            theta_uv: random.log_normal_within((3.6, 0.4), (1.0, 12.0)),
            beta_uv: random.log_normal_within((2.6, 0.5), (0.6, 9.0)),
            alpha_delta_uv: random.log_normal_within((alpha_delta_median_uv, 0.5), (0.2, 16.0)),
            spindle_hz: random.normal_within((13.0, 0.75), (11.0, 15.5)),
            spindle_uv: random
                .log_normal_within((26.0 * (-0.006 * years_past_25).exp(), 0.35), (11.0, 75.0)),
            spindles_per_min: random
                .log_normal_within((6.0 * (-0.008 * years_past_25).exp(), 0.5), (0.8, 14.0)),
            k_complexes_per_min: random
                .log_normal_within((2.2 * (-0.005 * years_past_25).exp(), 0.5), (0.2, 4.0)),
            k_complex_uv: random
                .log_normal_within((150.0 * (-0.006 * years_past_25).exp(), 0.25), (75.0, 320.0)),
            slow_wave_uv: random
                .log_normal_within((45.0 * (-0.006 * years_past_25).exp(), 0.2), (25.0, 75.0)),
            slow_wave_hz: random.normal_within((0.68, 0.08), (0.5, 0.95)),
            depth: random.normal_within((1.1 - 0.005 * years_past_25, 0.17), (0.5, 1.4)),
            depth_decay_h: random.log_normal_within((4.4, 0.3), (2.0, 9.0)),
            deepening_min: random.log_normal_within((6.0, 0.45), (2.0, 30.0)),
        }
    }
}

impl MuscleTraits {
    fn draw(random: &mut Random) -> Self {
        let nrem_tone = random.log_normal_within((0.45, 0.4), (0.12, 0.95));
        Self {
            chin_uv: random.log_normal_within((11.0, 0.6), (2.5, 60.0)),
            nrem_tone,
            rem_tone: nrem_tone * random.log_normal_within((0.45, 0.45), (0.1, 0.95)),
            twitches_per_min: random.log_normal_within((1.2, 0.8), (0.1, 8.0)),
            scalp_uv: random.log_normal_within((3.6, 0.8), (0.4, 25.0)),
            eye_uv_per_degree: random.log_normal_within((8.0, 0.35), (3.0, 18.0)),
            rem_bursts_per_min: random.log_normal_within((2.6, 0.5), (0.6, 8.0)),
            blinks_per_min: random.log_normal_within((14.0, 0.5), (3.0, 40.0)),
            eye_leak: random.log_normal_within((0.075, 0.5), (0.015, 0.3)),
        }
    }
}

impl HeartTraits {
    fn draw(age_years: f64, random: &mut Random) -> Self {
        let years_past_25 = (age_years - 25.0).max(0.0);
        let premature_median_per_h = random.pick(&[(0.3, 0.85), (40.0, 0.15)]);
        Self {
            rate_bpm: random.normal_within((62.0, 9.0), (42.0, 92.0)),
            sinus_arrhythmia: random
                .log_normal_within((0.07 * (-0.018 * years_past_25).exp(), 0.5), (0.004, 0.25)),
            slow_variation: random.log_normal_within((0.03, 0.4), (0.008, 0.09)),
            arousal_rise: random.log_normal_within((0.16, 0.35), (0.06, 0.4)),
            premature_per_h: random.log_normal_within((premature_median_per_h, 1.0), (0.0, 400.0)),
            r_wave_mv: random.log_normal_within((0.85, 0.35), (0.3, 2.0)),
            waves: [
                random.normal_within((0.12, 0.03), (0.04, 0.22)),
                -random.normal_within((0.08, 0.05), (0.0, 0.25)),
                -random.normal_within((0.20, 0.10), (0.02, 0.5)),
                random.normal_within((0.27, 0.10), (0.06, 0.6)),
            ],
        }
    }
}

impl BreathingTraits {
    fn draw(age_years: f64, random: &mut Random) -> Self {
        let ahi_median_per_h = 6.0 + 0.10 * (age_years - 40.0).max(0.0);
        let ahi_per_h = random.log_normal_within((ahi_median_per_h, 1.3), (0.0, 60.0));
        let is_central = random.chance(0.13);
        Self {
            rate_per_min: random.normal_within((14.8, 2.2), (10.0, 20.0)),
            irregularity: random.log_normal_within((0.06, 0.4), (0.02, 0.16)),
            ahi_per_h,
            central_share: if is_central {
                random.between(0.6, 0.95)
            } else {
                random.between(0.0, 0.15)
            },
            // In severe disease a larger share of the events are apneas.
            apnea_share: (0.15 + ahi_per_h / 90.0 + 0.15 * random.normal()).clamp(0.03, 0.95),
            arousal_share: random.between(0.4, 0.9),
            supine_factor: random.log_normal_within((1.8, 0.5), (0.8, 6.0)),
            rem_factor: random.log_normal_within((1.4, 0.4), (0.5, 4.0)),
            spontaneous_arousals_per_h: random
                .log_normal_within((7.5 + 0.08 * (age_years - 40.0), 0.6), (2.0, 40.0)),
            spo2_percent: random.normal_within((95.8, 1.1), (91.5, 98.5)),
            desaturation_percent: random.log_normal_within((7.5, 0.45), (2.0, 20.0)),
        }
    }
}
