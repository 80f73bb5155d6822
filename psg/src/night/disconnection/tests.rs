//! Connected and disconnected leads, as sums of waves and noise.

use super::*;

const RATE_HZ: f64 = 200.0;

/// White noise with standard deviation 1.
fn noise(i: usize) -> f64 {
    // A permutation of 64-bit numbers (splitmix64), so that each sample can be computed from its index.
    let mut x = (i as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((x >> 32) as f64 / 2f64.powi(31) - 1.0) * 3f64.sqrt()
}

fn wave(hz: f64, i: usize) -> f64 {
    (TAU * hz * i as f64 / RATE_HZ).sin()
}

/// EEG-like slow waves with some noise; standard deviation about 30 µV.
fn eeg(i: usize) -> f64 {
    30.0 * (wave(1.3, i) + wave(2.9, i) * wave(0.11, i)) + 12.0 * wave(10.3, i) + 4.0 * noise(i)
}

fn found(channel: Channel, value: impl Fn(usize) -> f64) -> SignalFinding {
    let samples: Vec<f32> = (0..12_000).map(|i| value(i) as f32).collect();
    let mut detector = DisconnectionDetector::new(channel, RATE_HZ).unwrap();
    samples.chunks(777).for_each(|piece| detector.push(piece));
    let findings = detector.finish();
    assert_eq!(findings.len(), 2);
    assert_eq!(findings[0], findings[1]);
    findings[0]
}

const NONE: SignalFinding = SignalFinding { disconnected: false, mains: false };
const MAINS: SignalFinding = SignalFinding { disconnected: false, mains: true };
const DISCONNECTED: SignalFinding = SignalFinding { disconnected: true, mains: false };
const DISCONNECTED_WITH_MAINS: SignalFinding = SignalFinding { disconnected: true, mains: true };

#[test]
fn physiological_signals_give_no_finding() {
    assert_eq!(found(Channel::EegC3A2, eeg), NONE);
    assert_eq!(found(Channel::EegC3A2, |i| 8.0 * eeg(i)), NONE);
    assert_eq!(found(Channel::EmgChin, |i| 20.0 * noise(i)), NONE);
    assert_eq!(found(Channel::Thorax, |i| 5000.0 * wave(0.25, i)), NONE);
}

#[test]
fn a_quarter_of_the_power_at_50_or_60_hz_is_mains_hum() {
    for mains_hz in [49.9, 50.0, 60.0, 60.1] {
        let with = |uv: f64| move |i| 30.0 * wave(1.3, i) + uv * wave(mains_hz, i);
        assert_eq!(found(Channel::EegC3A2, with(14.0)), NONE, "{mains_hz} Hz");
        assert_eq!(found(Channel::EegC3A2, with(20.0)), MAINS, "{mains_hz} Hz");
    }
}

#[test]
fn pure_mains_hum_is_a_disconnected_lead() {
    for channel in [Channel::Ecg, Channel::EogLeft, Channel::EmgChin, Channel::Thorax] {
        let value = |i| 50.0 * wave(50.0, i) + 5.0 * noise(i);
        assert_eq!(found(channel, value), DISCONNECTED_WITH_MAINS, "{channel}");
    }
}

#[test]
fn steady_white_noise_is_a_disconnected_lead() {
    assert_eq!(found(Channel::EegC4A1, |i| 15.0 * noise(i)), DISCONNECTED);
    assert_eq!(found(Channel::EegC4A1, |i| 15.0 * noise(i) + 15.0 * wave(1.3, i)), NONE);
    let varying = |i| 30.0 * noise(i) * (1.0 + 0.8 * wave(0.1, i));
    assert_eq!(found(Channel::EegC4A1, varying), NONE);
}

#[test]
fn amplitude_beyond_physiology_is_a_disconnected_lead() {
    assert_eq!(found(Channel::EegC4A1, |i| 800.0 * wave(1.3, i)), DISCONNECTED);
    assert_eq!(found(Channel::Ecg, |i| 800.0 * wave(1.3, i)), NONE);
    let for_20_seconds = |i| if i % 6000 < 4000 { 800.0 * wave(1.3, i) } else { eeg(i) };
    assert_eq!(found(Channel::EegC4A1, for_20_seconds), NONE);
}

#[test]
fn checks_only_what_the_sampling_rate_can_resolve() {
    assert!(DisconnectionDetector::new(Channel::Thorax, 100.0).is_none());
    assert!(DisconnectionDetector::new(Channel::EogLeft, 10.0).is_none());
    assert_eq!(DisconnectionDetector::new(Channel::EogLeft, 100.0).unwrap().probes.len(), 0);
    assert_eq!(DisconnectionDetector::new(Channel::EogLeft, 120.0).unwrap().probes.len(), 1);
    assert_eq!(DisconnectionDetector::new(Channel::EogLeft, 125.0).unwrap().probes.len(), 2);
}
