//! Powers of the EEG and of eye movements.

use serde::{Deserialize, Serialize};

use super::percent;
use crate::dsp::{Band, Spectrum};

/// Shares of the EEG's power between 0.5 and 30 Hz, in percent.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct EegPowers {
    /// 0.5–4 Hz.
    pub delta: f64,
    /// 4–8 Hz.
    pub theta: f64,
    /// 8–13 Hz.
    pub alpha: f64,
    /// 13–30 Hz.
    pub beta: f64,
}

/// Shares of an electro-oculogram's power between 0.1 and 10 Hz, in percent.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct EyeMovements {
    /// Slow rolling movements, 0.1–0.6 Hz (AASM: initial deflection over 500 ms).
    pub slow: f64,
    /// Saccades of rapid eye movements, 1–5 Hz (AASM: initial deflection under 500 ms).
    pub rapid: f64,
}

pub(super) fn eeg_powers(spectrum: &mut Spectrum, eeg: &[f32]) -> Option<EegPowers> {
    let power = spectrum.power(eeg);
    let total = spectrum.band_power(&power, Band(0.5, 30.0));
    let share = |band| percent(spectrum.band_power(&power, band), total);
    Some(EegPowers {
        delta: share(Band::DELTA)?,
        theta: share(Band::THETA)?,
        alpha: share(Band::ALPHA)?,
        beta: share(Band::BETA)?,
    })
}

pub(super) fn eye_movements(spectrum: &mut Spectrum, eog: &[f32]) -> Option<EyeMovements> {
    let power = spectrum.power(eog);
    let total = spectrum.band_power(&power, Band(0.1, 10.0));
    let share = |band| percent(spectrum.band_power(&power, band), total);
    Some(EyeMovements { slow: share(Band(0.1, 0.6))?, rapid: share(Band(1.0, 5.0))? })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::features::FeatureExtractor;

    fn tone(hz: f64) -> Vec<f32> {
        (0..1920).map(|i| (std::f64::consts::TAU * hz * f64::from(i) / 64.0).sin() as f32).collect()
    }

    #[test]
    fn each_band_has_the_power_of_its_tone() {
        let mut extractor = FeatureExtractor::default();
        let mixed: Vec<f32> =
            tone(2.0).iter().zip(tone(20.0)).map(|(slow, fast)| 3.0 * slow + fast).collect();
        let powers = eeg_powers(&mut extractor.fine, &mixed).unwrap();
        assert!((powers.delta - 90.0).abs() < 0.5, "{powers:?}");
        assert!((powers.beta - 10.0).abs() < 0.5, "{powers:?}");
        assert!(eeg_powers(&mut extractor.fine, &tone(6.0)).unwrap().theta > 99.0);
        assert!(eeg_powers(&mut extractor.fine, &tone(10.0)).unwrap().alpha > 99.0);
    }

    #[test]
    fn slow_and_rapid_eye_movements_are_told_apart() {
        let mut extractor = FeatureExtractor::default();
        assert!(eye_movements(&mut extractor.slow, &tone(0.3)).unwrap().slow > 95.0);
        assert!(eye_movements(&mut extractor.slow, &tone(2.5)).unwrap().rapid > 95.0);
    }

    #[test]
    fn still_signal_has_no_shares() {
        let mut extractor = FeatureExtractor::default();
        assert_eq!(eeg_powers(&mut extractor.fine, &[0.0; 1920]), None);
    }
}
