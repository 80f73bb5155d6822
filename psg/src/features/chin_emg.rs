//! Measures tone and bursts of the chin EMG.

use serde::{Deserialize, Serialize};

use super::median;
use crate::dsp::{Band, Spectrum};
use crate::sleep::RATE_HZ;

/// Activity of the chin EMG.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ChinMuscle {
    /// Median frequency in hertz: half of the power between 10 and 32 Hz is below it.
    pub median_frequency_hz: f64,
    /// 95th percentile of the amplitude over its median.
    pub burst_ratio: f64,
    /// Bursts per second: upward crossings of twice the median amplitude.
    pub burst_rate_hz: f64,
    /// Median amplitude over the standard deviation of the channel in the recording, in percent; `None` if that is
    /// unknown.
    pub tone_percent: Option<f64>,
}

/// Length of the segments whose amplitude is measured, in samples: a quarter of a second.
const SEGMENT: usize = (RATE_HZ / 4.0) as usize;

/// Measures the chin EMG; `deviation` is the standard deviation in the recording, in the unit of the samples.
pub(super) fn chin_muscle(
    spectrum: &mut Spectrum,
    emg: &[f32],
    deviation: Option<f64>,
) -> Option<ChinMuscle> {
    let amplitudes = amplitudes(emg);
    let typical = typical(&amplitudes)?;
    let mut sorted = amplitudes.clone();
    sorted.sort_by(f64::total_cmp);
    let strongest = sorted[sorted.len() * 19 / 20];
    let n_bursts = amplitudes
        .windows(2)
        .filter(|pair| pair[0] <= 2.0 * typical && pair[1] > 2.0 * typical)
        .count();
    Some(ChinMuscle {
        median_frequency_hz: median_frequency_hz(spectrum, emg)?,
        burst_ratio: strongest / typical,
        burst_rate_hz: n_bursts as f64 * RATE_HZ / emg.len() as f64,
        tone_percent: deviation.map(|deviation| 100.0 * typical / deviation),
    })
}

/// Measures [`ChinMuscle::tone_percent`] alone.
pub(crate) fn tone_percent(emg: &[f32], deviation: f64) -> Option<f64> {
    Some(100.0 * typical(&amplitudes(emg))? / deviation)
}

/// Returns the median of the amplitudes, or `None` for a flat signal.
fn typical(amplitudes: &[f64]) -> Option<f64> {
    median(&mut amplitudes.to_vec()).filter(|typical| *typical > 0.0)
}

/// Returns the amplitude of each segment, computed from differences of successive samples, which suppress slow waves of
/// the EEG that are picked up at the chin.
fn amplitudes(emg: &[f32]) -> Vec<f64> {
    let differences: Vec<f64> = emg.windows(2).map(|pair| f64::from(pair[1] - pair[0])).collect();
    let amplitude = |segment: &[f64]| {
        (segment.iter().map(|x| x * x).sum::<f64>() / segment.len() as f64).sqrt()
    };
    differences.chunks(SEGMENT).map(amplitude).collect()
}

fn median_frequency_hz(spectrum: &mut Spectrum, emg: &[f32]) -> Option<f64> {
    let power = spectrum.power(emg);
    let half = spectrum.band_power(&power, Band(10.0, 32.0)) / 2.0;
    let first = (10.0 / spectrum.bin_hz()) as usize;
    let mut sum = 0.0;
    (first..power.len()).find_map(|bin| {
        sum += power[bin];
        (sum >= half && half > 0.0).then(|| bin as f64 * spectrum.bin_hz())
    })
}

#[cfg(test)]
mod tests {
    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg64Mcg;

    use super::*;
    use crate::features::FeatureExtractor;

    fn emg(amplitude: impl Fn(usize) -> f64) -> Vec<f32> {
        (0..1920)
            .map(|i| (amplitude(i) * (std::f64::consts::TAU * 22.0 * i as f64 / 64.0).sin()) as f32)
            .collect()
    }

    #[test]
    fn steady_tone_has_its_frequency_and_no_bursts() {
        let chin = chin_muscle(&mut FeatureExtractor::default().fine, &emg(|_| 1.0), None).unwrap();
        assert!((chin.median_frequency_hz - 22.0).abs() < 0.5, "{chin:?}");
        assert!(chin.burst_ratio < 1.2, "{chin:?}");
        assert_eq!(chin.burst_rate_hz, 0.0);
    }

    #[test]
    fn half_of_the_power_is_below_the_median_frequency() {
        // A third of the power at 15 Hz, two thirds at 25 Hz.
        let two = |i: u32| (std::f64::consts::TAU * f64::from(i) / 64.0, 2.0_f64.sqrt());
        let emg: Vec<f32> = (0..1920)
            .map(two)
            .map(|(turn, strong)| ((15.0 * turn).sin() + strong * (25.0 * turn).sin()) as f32)
            .collect();
        let chin = chin_muscle(&mut FeatureExtractor::default().fine, &emg, None).unwrap();
        assert!((chin.median_frequency_hz - 25.0).abs() < 0.5, "{chin:?}");
    }

    #[test]
    fn measures_do_not_depend_on_gain_and_little_on_noise() {
        let bursts = emg(|i| if i % 320 < 32 { 5.0 } else { 1.0 });
        let half: Vec<f32> = bursts.iter().map(|x| x / 2.0).collect();
        let mut random = Pcg64Mcg::seed_from_u64(11);
        let mut normal = || (0..12).map(|_| random.random::<f64>()).sum::<f64>() - 6.0;
        let noisy: Vec<f32> = bursts.iter().map(|x| x + (0.05 * normal()) as f32).collect();
        let mut extractor = FeatureExtractor::default();
        let mut measure = |emg: &[f32]| chin_muscle(&mut extractor.fine, emg, None).unwrap();
        let measured = measure(&bursts);
        assert_eq!(measure(&half), measured);
        let noisy = measure(&noisy);
        assert!((noisy.median_frequency_hz - measured.median_frequency_hz).abs() < 0.5);
        assert!((noisy.burst_ratio - measured.burst_ratio).abs() < 0.3, "{noisy:?}");
        assert_eq!(noisy.burst_rate_hz, measured.burst_rate_hz);
    }

    #[test]
    fn tone_is_the_median_amplitude_relative_to_the_recording() {
        let mut extractor = FeatureExtractor::default();
        let mut tone = |amplitude: f64, deviation: Option<f64>| {
            let emg = emg(|i| if i % 320 < 32 { 9.0 } else { amplitude });
            chin_muscle(&mut extractor.fine, &emg, deviation).unwrap().tone_percent
        };
        // The differences of a 22-Hz sine of amplitude 1 have amplitude 2 sin(π 22/64), and half its square as mean square.
        let change = 2.0 * (std::f64::consts::PI * 22.0 / 64.0).sin() / 2.0_f64.sqrt();
        assert!((tone(1.0, Some(2.0)).unwrap() - 50.0 * change).abs() < 1.0);
        assert!((tone(0.2, Some(2.0)).unwrap() - 10.0 * change).abs() < 0.2);
        assert_eq!(tone(1.0, None), None);
    }

    #[test]
    fn bursts_are_counted() {
        // Six bursts of half a second, five times as large as the tone between them.
        let bursts = emg(|i| if i % 320 < 32 { 5.0 } else { 1.0 });
        let chin = chin_muscle(&mut FeatureExtractor::default().fine, &bursts, None).unwrap();
        assert!((chin.burst_ratio - 5.0).abs() < 0.7, "{chin:?}");
        assert!((chin.burst_rate_hz - 0.2).abs() < 0.05, "{chin:?}");
    }
}
