//! Band powers of the EEG and of eye movements.

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

/// Shares of the EOG's power between 0.1 and 10 Hz, in percent.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct EyeMovements {
    /// Slow eye movements, 0.1–0.6 Hz (AASM: initial deflection over 500 ms).
    pub slow: f64,
    /// Rapid eye movements, 1–5 Hz (AASM: initial deflection under 500 ms).
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
    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg64Mcg;

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
    fn distinguishes_slow_and_rapid_eye_movements() {
        let mut extractor = FeatureExtractor::default();
        assert!(eye_movements(&mut extractor.slow, &tone(0.3)).unwrap().slow > 95.0);
        assert!(eye_movements(&mut extractor.slow, &tone(2.5)).unwrap().rapid > 95.0);
    }

    /// Adds noise with a standard deviation.
    fn noisy(signal: &[f32], deviation: f64) -> Vec<f32> {
        let mut random = Pcg64Mcg::seed_from_u64(5);
        let mut normal = || (0..12).map(|_| random.random::<f64>()).sum::<f64>() - 6.0;
        signal.iter().map(|x| x + (deviation * normal()) as f32).collect()
    }

    fn mixed(parts: &[(f64, f32)]) -> Vec<f32> {
        let tones: Vec<Vec<f32>> = parts
            .iter()
            .map(|(hz, amplitude)| tone(*hz).iter().map(|x| amplitude * x).collect())
            .collect();
        (0..1920).map(|i| tones.iter().map(|tone| tone[i]).sum()).collect()
    }

    #[test]
    fn eeg_shares_are_accurate_to_half_a_percent() {
        let mut extractor = FeatureExtractor::default();
        // Powers 16, 9, 4 and 1 of 30.
        let eeg = mixed(&[(1.5, 4.0), (6.0, 3.0), (10.0, 2.0), (18.0, 1.0)]);
        let check = |powers: EegPowers, tolerance: f64| {
            let shares = [powers.delta, powers.theta, powers.alpha, powers.beta];
            for (share, known) in shares.into_iter().zip([53.33, 30.0, 13.33, 3.33]) {
                assert!((share - known).abs() < tolerance, "{powers:?}");
            }
        };
        let mut measure = |eeg: &[f32]| eeg_powers(&mut extractor.fine, eeg).unwrap();
        check(measure(&eeg), 0.5);
        let half: Vec<f32> = eeg.iter().map(|x| 0.5 * x + 3.0).collect();
        check(measure(&half), 0.5);
        check(measure(&noisy(&eeg, 0.4)), 1.5);
    }

    #[test]
    fn eye_movement_shares_are_accurate_to_a_percent() {
        let mut extractor = FeatureExtractor::default();
        // Powers 4 (slow), 1 (rapid) and 1 (between them).
        let eog = mixed(&[(0.3, 2.0), (2.0, 1.0), (0.8, 1.0)]);
        let mut measure = |eog: &[f32]| eye_movements(&mut extractor.slow, eog).unwrap();
        let half: Vec<f32> = eog.iter().map(|x| 0.5 * x).collect();
        for (eog, tolerance) in [(eog.clone(), 1.0), (half, 1.0), (noisy(&eog, 0.2), 2.0)] {
            let eyes = measure(&eog);
            assert!((eyes.slow - 66.7).abs() < tolerance, "{eyes:?}");
            assert!((eyes.rapid - 16.7).abs() < tolerance, "{eyes:?}");
        }
    }

    #[test]
    fn constant_signals_have_no_shares() {
        let mut extractor = FeatureExtractor::default();
        assert_eq!(eeg_powers(&mut extractor.fine, &[0.0; 1920]), None);
    }
}
