//! Measures of an epoch: the numbers that captions speak of.
//!
//! Every feature is taken from the 64-Hz samples of a channel and is left out where the channel carries nothing.
//! Shares of power are in percent; they and the other ratios do not depend on the unit of the signal.

mod brain;
mod heart;
mod muscle;
mod respiratory;
mod saturation;
mod trend;

use serde::{Deserialize, Serialize};

use crate::dsp::Spectrum;
use crate::montage::{Channel, Position};
use crate::{Night, RATE_HZ};

pub use brain::{EegPowers, EyeMovements};
pub use heart::HeartRate;
pub use muscle::ChinMuscle;
pub use respiratory::{Airflow, Breathing};
pub use saturation::Saturation;
pub use trend::{Trend, TrendStretch};

/// Everything that was measured in an epoch.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Features {
    /// Eye movements in the left electro-oculogram.
    pub eog_left: Option<EyeMovements>,
    /// Eye movements in the right electro-oculogram.
    pub eog_right: Option<EyeMovements>,
    /// Powers of C3-A2.
    pub eeg_c3: Option<EegPowers>,
    /// Powers of C4-A1.
    pub eeg_c4: Option<EegPowers>,
    /// The heart, where enough beats were found.
    pub heart: Option<HeartRate>,
    /// Oxygen saturation, where an oximeter was recorded; no input of the encoder shows it.
    pub saturation: Option<Saturation>,
    /// Breathing of the abdomen.
    pub abdomen: Option<Breathing>,
    /// Breathing of the thorax.
    pub thorax: Option<Breathing>,
    /// Airflow.
    pub airflow: Option<Airflow>,
    /// The chin muscle.
    pub chin: Option<ChinMuscle>,
    /// The position in which the sleeper lies for most of the epoch.
    pub position: Option<Position>,
}

/// Measures epochs, keeping its buffers from one to the next.
#[expect(missing_debug_implementations, reason = "the transforms in it have none")]
pub struct FeatureExtractor {
    /// Windows of 4 s: bins of 0.25 Hz, fine enough for the bands of the EEG.
    fine: Spectrum,
    /// Windows of 15 s: bins of 0.07 Hz, fine enough for slow eye movements.
    slow: Spectrum,
}

impl Default for FeatureExtractor {
    fn default() -> Self {
        Self { fine: Spectrum::new(4.0, RATE_HZ), slow: Spectrum::new(15.0, RATE_HZ) }
    }
}

impl FeatureExtractor {
    /// Measures an epoch of a night.
    pub fn measure(&mut self, night: &Night, epoch_idx: usize) -> Features {
        let samples = |channel| night.samples(epoch_idx, channel);
        Features {
            eog_left: samples(Channel::EogLeft)
                .and_then(|eog| brain::eye_movements(&mut self.slow, eog)),
            eog_right: samples(Channel::EogRight)
                .and_then(|eog| brain::eye_movements(&mut self.slow, eog)),
            eeg_c3: samples(Channel::EegC3A2)
                .and_then(|eeg| brain::eeg_powers(&mut self.fine, eeg)),
            eeg_c4: samples(Channel::EegC4A1)
                .and_then(|eeg| brain::eeg_powers(&mut self.fine, eeg)),
            heart: samples(Channel::Ecg).and_then(heart::heart_rate),
            saturation: night.saturation(epoch_idx).and_then(saturation::saturation),
            abdomen: samples(Channel::Abdomen).and_then(respiratory::breathing),
            thorax: samples(Channel::Thorax).and_then(respiratory::breathing),
            airflow: samples(Channel::Airflow).and_then(respiratory::airflow),
            chin: samples(Channel::EmgChin).and_then(|emg| {
                muscle::chin_muscle(&mut self.fine, emg, night.deviation(Channel::EmgChin))
            }),
            position: night.position(epoch_idx),
        }
    }
}

/// Returns a percentage of a total, or `None` where there is no total.
fn percent(part: f64, total: f64) -> Option<f64> {
    (total > 0.0).then(|| 100.0 * part / total)
}

/// Returns the middle of the values, the mean of the two middle ones where their number is even.
fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let n = values.len();
    match n {
        0 => None,
        _ if n % 2 == 1 => Some(values[n / 2]),
        _ => Some(f64::midpoint(values[n / 2 - 1], values[n / 2])),
    }
}
