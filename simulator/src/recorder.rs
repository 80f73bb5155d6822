//! The recorder: filters, ranges, noise and disturbances of the amplifier, electrodes and leads of one night.

use serde::{Deserialize, Serialize};

use crate::random::Random;
use crate::site::Site;

/// Properties of the recorder of a night.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Recorder {
    /// High-pass filter of EEG and EOG, first order, in hertz.
    pub high_pass_hz: f64,
    /// Low-pass filter of EEG and EOG, second order, in hertz.
    pub low_pass_hz: f64,
    /// Whether a notch filter removes the mains frequency.
    pub notch: bool,
    /// Frequency of the mains in hertz.
    pub mains_hz: f64,
    /// Amplitude of mains hum at the electrodes, in microvolts.
    pub mains_uv: f64,
    /// Frequency of a narrow-band disturbance other than mains, in hertz.
    pub tone_hz: f64,
    /// Amplitude of that disturbance in microvolts; 0 on 70 % of nights.
    pub tone_uv: f64,
    /// Full scale of the converter for EEG and EOG, in microvolts.
    pub rail_uv: f64,
    /// Electrode potential at which the input stage of the amplifier saturates, in microvolts.
    pub input_rail_uv: f64,
    /// Root mean square of white noise, in microvolts.
    pub noise_uv: f64,
    /// Amplitude of the R wave in the EEG, in microvolts.
    pub ecg_leak_uv: f64,
    /// Root mean square of slow electrode drift in quiet sleep, in microvolts.
    pub drift_uv: f64,
    /// Typical change of an electrode's potential during a movement, in microvolts.
    pub movement_uv: f64,
    /// Probability that a movement saturates the input of an electrode.
    pub saturation_share: f64,
    /// Electrode pops per hour.
    pub pops_per_h: f64,
    /// Share of the night with baseline sway from sweat or breathing.
    pub sway_share: f64,
    /// Root mean square of that sway, in microvolts.
    pub sway_uv: f64,
    /// Whether EEG and EOG are stored with inverted sign.
    pub inverted: bool,
    /// Airflow sensor.
    pub flow_sensor: FlowSensor,
}

/// An airflow sensor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FlowSensor {
    /// Oronasal thermistor: smooth, and slow to show reduced flow.
    Thermistor,
    /// Nasal pressure cannula: flattened if the airway is narrow.
    NasalPressure,
}

/// Distribution parameters that the recorders of a site share, besides filters and ranges.
struct RecorderDefaults {
    /// Share of nights with a notch filter.
    notch_share: f64,
    /// Median mains hum, in microvolts.
    mains_uv: f64,
    /// Median white noise, in microvolts; the maximum is four times as much.
    noise_uv: f64,
    /// Median electrode drift, in microvolts.
    drift_uv: f64,
}

impl RecorderDefaults {
    const fn of(site: Site) -> Self {
        match site {
            Site::Shhs | Site::Referential | Site::Aasm | Site::Plain => {
                Self { notch_share: 0.6, mains_uv: 1.0, noise_uv: 0.5, drift_uv: 15.0 }
            }
            Site::Cassette => {
                Self { notch_share: 0.0, mains_uv: 2.0, noise_uv: 1.8, drift_uv: 45.0 }
            }
            Site::Wideband => {
                Self { notch_share: 0.0, mains_uv: 4.0, noise_uv: 0.25, drift_uv: 30.0 }
            }
        }
    }
}

impl Recorder {
    /// Draws the recorder of a night at a site.
    pub(super) fn draw(site: Site, random: &mut Random) -> Self {
        let (high_pass_hz, low_pass_hz) = match site {
            Site::Shhs => (0.15, 50.0),
            Site::Referential => {
                (random.pick(&[(0.05, 1.0), (0.16, 1.0)]), random.pick(&[(35.0, 1.0), (45.0, 1.0)]))
            }
            Site::Aasm => {
                (random.pick(&[(0.1, 1.0), (0.3, 2.0)]), random.pick(&[(35.0, 2.0), (70.0, 1.0)]))
            }
            Site::Plain => (
                random.pick(&[(0.08, 1.0), (0.16, 1.5), (0.3, 1.0), (0.5, 0.7)]),
                random.pick(&[(25.0, 0.5), (30.0, 1.0), (35.0, 1.0), (45.0, 1.0), (60.0, 1.0)]),
            ),
            Site::Cassette => (
                random.pick(&[(0.5, 1.0), (0.7, 1.0)]),
                random.pick(&[(20.0, 1.0), (25.0, 1.0), (30.0, 1.0)]),
            ),
            Site::Wideband => (
                random.pick(&[(0.02, 1.0), (0.03, 1.0)]),
                random.pick(&[(85.0, 1.0), (100.0, 1.0)]),
            ),
        };
        let rail_uv = match site {
            Site::Shhs => 125.0,
            Site::Referential => 3200.0,
            Site::Aasm => random.pick(&[(500.0, 1.0), (3200.0, 1.0)]),
            Site::Plain => random.pick(&[(250.0, 1.0), (400.0, 1.5), (1000.0, 1.0)]),
            Site::Cassette => random.pick(&[(150.0, 1.0), (250.0, 1.0)]),
            Site::Wideband => 5000.0,
        };
        let defaults = RecorderDefaults::of(site);
        let has_tone = random.chance(0.3);
        let sways = random.chance(0.25);
        Self {
            high_pass_hz,
            low_pass_hz,
            notch: random.chance(defaults.notch_share),
            mains_hz: match site {
                Site::Shhs | Site::Referential | Site::Wideband => 60.0,
                Site::Aasm | Site::Plain | Site::Cassette => 50.0,
            },
            mains_uv: random.log_normal_within((defaults.mains_uv, 1.0), (0.05, 20.0)),
            tone_hz: random.between(14.0, 31.0),
            tone_uv: if has_tone { random.log_normal_within((1.2, 0.6), (0.3, 5.0)) } else { 0.0 },
            rail_uv,
            input_rail_uv: random.log_normal_within((900.0, 0.6), (300.0, 3500.0)),
            noise_uv: random
                .log_normal_within((defaults.noise_uv, 0.5), (0.1, 4.0 * defaults.noise_uv)),
            ecg_leak_uv: random.log_normal_within((2.5, 1.1), (0.1, 45.0)),
            drift_uv: random
                .log_normal_within((defaults.drift_uv, 0.6), (2.0, 90.0))
                .min(rail_uv / 5.0),
            movement_uv: random.log_normal_within((150.0, 0.8), (25.0, 900.0)),
            saturation_share: random.log_normal_within((0.15, 1.0), (0.005, 0.8)),
            pops_per_h: random.log_normal_within((0.6, 1.2), (0.0, 20.0)),
            sway_share: if sways { random.between(0.03, 0.4) } else { 0.0 },
            sway_uv: random.log_normal_within((18.0, 0.6), (6.0, 90.0)),
            inverted: match site {
                Site::Shhs | Site::Referential | Site::Aasm | Site::Wideband => false,
                Site::Plain | Site::Cassette => random.chance(0.4),
            },
            flow_sensor: match site {
                Site::Shhs | Site::Referential | Site::Cassette => FlowSensor::Thermistor,
                Site::Aasm | Site::Wideband => FlowSensor::NasalPressure,
                Site::Plain => {
                    random.pick(&[(FlowSensor::Thermistor, 1.0), (FlowSensor::NasalPressure, 1.0)])
                }
            },
        }
    }
}
