//! Measures of an epoch, which captions describe.
//!
//! Features are computed from the 64-Hz samples of a channel and are `None` if the channel has no usable signal.
//! Shares of power are in percent. Shares and ratios do not depend on the unit of the signal.

mod breathing;
mod chin_emg;
mod eeg_and_eog;
mod heart_rate;
mod oxygen_saturation;
mod trend;

use serde::{Deserialize, Serialize};

use crate::dsp::Spectrum;
use crate::night::Night;
use crate::sleep::{Channel, Position, RATE_HZ};

pub use breathing::{Airflow, Breathing};
pub use chin_emg::ChinMuscle;
pub(crate) use chin_emg::tone_percent;
pub use eeg_and_eog::{EegPowers, EyeMovements};
pub use heart_rate::HeartRate;
pub(crate) use heart_rate::heart_rate;
pub use oxygen_saturation::Saturation;
pub use trend::{Trend, TrendSpan};

/// The measures of an epoch.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Features {
    /// Eye movements in the left EOG.
    pub eog_left: Option<EyeMovements>,
    /// Eye movements in the right EOG.
    pub eog_right: Option<EyeMovements>,
    /// Band powers of C3-A2.
    pub eeg_c3: Option<EegPowers>,
    /// Band powers of C4-A1.
    pub eeg_c4: Option<EegPowers>,
    /// Heart rate, if enough beats were detected.
    pub heart: Option<HeartRate>,
    /// Oxygen saturation, if an oximeter was recorded; not part of the encoder's input.
    pub saturation: Option<Saturation>,
    /// Breathing in the abdominal belt.
    pub abdomen: Option<Breathing>,
    /// Breathing in the thoracic belt.
    pub thorax: Option<Breathing>,
    /// Airflow.
    pub airflow: Option<Airflow>,
    /// Chin EMG.
    pub chin: Option<ChinMuscle>,
    /// Position held for more than half of the epoch.
    pub position: Option<Position>,
}

/// Measures epochs; reuses its buffers between epochs.
#[expect(missing_debug_implementations, reason = "the transforms in it have none")]
pub struct FeatureExtractor {
    /// Windows of 4 s: bins of 0.25 Hz, for the EEG bands.
    fine: Spectrum,
    /// Windows of 15 s: bins of 0.07 Hz, for slow eye movements.
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
                .and_then(|eog| eeg_and_eog::eye_movements(&mut self.slow, eog)),
            eog_right: samples(Channel::EogRight)
                .and_then(|eog| eeg_and_eog::eye_movements(&mut self.slow, eog)),
            eeg_c3: samples(Channel::EegC3A2)
                .and_then(|eeg| eeg_and_eog::eeg_powers(&mut self.fine, eeg)),
            eeg_c4: samples(Channel::EegC4A1)
                .and_then(|eeg| eeg_and_eog::eeg_powers(&mut self.fine, eeg)),
            heart: samples(Channel::Ecg).and_then(heart_rate),
            saturation: night.saturation(epoch_idx).and_then(oxygen_saturation::saturation),
            abdomen: samples(Channel::Abdomen).and_then(breathing::breathing),
            thorax: samples(Channel::Thorax).and_then(breathing::breathing),
            airflow: samples(Channel::Airflow).and_then(breathing::airflow),
            chin: samples(Channel::EmgChin).and_then(|emg| {
                chin_emg::chin_muscle(&mut self.fine, emg, night.deviation(Channel::EmgChin))
            }),
            position: night.position(epoch_idx),
        }
    }
}

/// Returns a part in percent of a total, or `None` if the total is zero.
fn percent(part: f64, total: f64) -> Option<f64> {
    (total > 0.0).then(|| 100.0 * part / total)
}

/// Returns the median, the mean of the two middle values if their number is even; `None` without values.
fn median(values: &mut [f64]) -> Option<f64> {
    values.sort_by(f64::total_cmp);
    let n = values.len();
    match n {
        0 => None,
        _ if n % 2 == 1 => Some(values[n / 2]),
        _ => Some(f64::midpoint(values[n / 2 - 1], values[n / 2])),
    }
}
