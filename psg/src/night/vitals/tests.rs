//! Leads that are off and on, as sums of waves and noise.

use super::*;

const RATE_HZ: f64 = 200.0;

/// Noise of standard deviation 1.
fn noise(i: usize) -> f64 {
    // A permutation of 64-bit numbers (splitmix64), so that every sample has its own.
    let mut x = (i as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    ((x >> 32) as f64 / 2f64.powi(31) - 1.0) * 3f64.sqrt()
}

fn wave(hz: f64, i: usize) -> f64 {
    (TAU * hz * i as f64 / RATE_HZ).sin()
}

/// Slow waves with some noise, of standard deviation 30 µV.
fn eeg(i: usize) -> f64 {
    30.0 * (wave(1.3, i) + wave(2.9, i) * wave(0.11, i)) + 12.0 * wave(10.3, i) + 4.0 * noise(i)
}

fn found(channel: Channel, value: impl Fn(usize) -> f64) -> Finding {
    let samples: Vec<f32> = (0..12_000).map(|i| value(i) as f32).collect();
    let mut vitals = Vitals::new(channel, RATE_HZ).unwrap();
    samples.chunks(777).for_each(|piece| vitals.push(piece));
    let findings = vitals.finish();
    assert_eq!(findings.len(), 2);
    assert_eq!(findings[0], findings[1]);
    findings[0]
}

const FINE: Finding = Finding { disconnected: false, mains: false };
const MAINS: Finding = Finding { disconnected: false, mains: true };
const OFF: Finding = Finding { disconnected: true, mains: false };
const OFF_IN_MAINS: Finding = Finding { disconnected: true, mains: true };

#[test]
fn living_signals_give_no_finding() {
    assert_eq!(found(Channel::EegC3A2, eeg), FINE);
    assert_eq!(found(Channel::EegC3A2, |i| 8.0 * eeg(i)), FINE);
    assert_eq!(found(Channel::EmgChin, |i| 20.0 * noise(i)), FINE);
    assert_eq!(found(Channel::Thorax, |i| 5000.0 * wave(0.25, i)), FINE);
}

#[test]
fn a_quarter_of_the_power_at_50_or_60_hz_is_mains() {
    for mains_hz in [49.9, 50.0, 60.0, 60.1] {
        let with = |uv: f64| move |i| 30.0 * wave(1.3, i) + uv * wave(mains_hz, i);
        assert_eq!(found(Channel::EegC3A2, with(14.0)), FINE, "{mains_hz} Hz");
        assert_eq!(found(Channel::EegC3A2, with(20.0)), MAINS, "{mains_hz} Hz");
    }
}

#[test]
fn pure_mains_is_a_lead_that_is_off() {
    for channel in [Channel::Ecg, Channel::EogLeft, Channel::EmgChin, Channel::Thorax] {
        let value = |i| 50.0 * wave(50.0, i) + 5.0 * noise(i);
        assert_eq!(found(channel, value), OFF_IN_MAINS, "{channel}");
    }
}

#[test]
fn steady_white_noise_is_a_lead_that_is_off() {
    assert_eq!(found(Channel::EegC4A1, |i| 15.0 * noise(i)), OFF);
    assert_eq!(found(Channel::EegC4A1, |i| 15.0 * noise(i) + 15.0 * wave(1.3, i)), FINE);
    let swelling = |i| 30.0 * noise(i) * (1.0 + 0.8 * wave(0.1, i));
    assert_eq!(found(Channel::EegC4A1, swelling), FINE);
}

#[test]
fn amplitude_beyond_physiology_is_a_lead_that_is_off() {
    assert_eq!(found(Channel::EegC4A1, |i| 800.0 * wave(1.3, i)), OFF);
    assert_eq!(found(Channel::Ecg, |i| 800.0 * wave(1.3, i)), FINE);
    let for_a_moment = |i| if i % 6000 < 4000 { 800.0 * wave(1.3, i) } else { eeg(i) };
    assert_eq!(found(Channel::EegC4A1, for_a_moment), FINE);
}

#[test]
fn channels_are_not_judged_by_what_their_rate_cannot_show() {
    assert!(Vitals::new(Channel::Thorax, 100.0).is_none());
    assert!(Vitals::new(Channel::EogLeft, 10.0).is_none());
    assert_eq!(Vitals::new(Channel::EogLeft, 100.0).unwrap().probes.len(), 0);
    assert_eq!(Vitals::new(Channel::EogLeft, 120.0).unwrap().probes.len(), 1);
    assert_eq!(Vitals::new(Channel::EogLeft, 125.0).unwrap().probes.len(), 2);
}
