//! Events of the truth (EEG, eyes, chin, heart, body) are visible in the rendered signals.

use std::sync::LazyLock;

use nocturne_psg::montage::{Channel, Position};
use nocturne_psg::{Event, EventKind, Stage};

use super::signal_measures::{MeasuredSignal, assert_mostly, median, undisturbed};
use super::{count, plan_with};
use crate::{FaultKind, NightPlan, SimulatedNight, Site};

/// Nights of three sites with events of all kinds and without faults.
///
/// Two conditions keep events visible: a range over ±300 µV does not clip slow waves, and large eye potentials are not
/// hidden by drift.
static NIGHTS: LazyLock<Vec<SimulatedNight>> = LazyLock::new(|| {
    let fits = |plan: &NightPlan| {
        plan.faults.iter().all(|fault| fault.kind == FaultKind::Pop)
            && plan.stages.contains(&Stage::Rem)
            && count(plan, EventKind::Arousal) >= 20
            && count(plan, EventKind::SlowWave) >= 60
            && count(plan, EventKind::PositionChange) >= 1
            && plan.recorder.rail_uv > 300.0
            && plan.subject.muscle.eye_uv_per_degree > 6.0
    };
    let sites = [Site::Referential, Site::Aasm, Site::Plain];
    sites.map(|site| plan_with(4.0, site, fits).render()).into()
});

/// Returns a measure of each undisturbed event of a kind.
fn over(
    night: &SimulatedNight,
    kind: EventKind,
    mut measure: impl FnMut(&Event) -> f64,
) -> Vec<f64> {
    undisturbed(&night.truth, kind).into_iter().map(&mut measure).collect()
}

#[test]
fn spindles_are_bursts_of_sigma() {
    for night in NIGHTS.iter() {
        let sigma = MeasuredSignal::of(night, Channel::EegC3A2).band(11.0, 16.0);
        let ratios = over(night, EventKind::Spindle, |spindle| {
            let before = sigma.rms(spindle.onset_s - 2.0, spindle.onset_s);
            let after = sigma.rms(spindle.end_s(), spindle.end_s() + 2.0);
            sigma.rms(spindle.onset_s, spindle.end_s()) / (0.5 * (before + after))
        });
        assert_mostly(night.site.name(), &ratios, 0.85, |ratio| ratio > 1.0);
        assert!(median(ratios.clone()) > 1.4, "{}: {}", night.site.name(), median(ratios));
    }
}

#[test]
fn k_complexes_are_large_and_in_phase_at_both_eyes() {
    for night in NIGHTS.iter() {
        let slow = |channel| MeasuredSignal::of(night, channel).band(0.3, 4.0);
        let [c3, left, right] = [Channel::EegC3A2, Channel::EogLeft, Channel::EogRight].map(slow);
        let kind = EventKind::KComplex;
        let heights = over(night, kind, |wave| c3.peak_to_peak(wave.onset_s, wave.end_s()));
        assert_mostly(night.site.name(), &heights, 0.9, |uv| uv > 55.0);
        let alike = over(night, kind, |wave| left.correlation(&right, wave.onset_s, wave.end_s()));
        assert_mostly(night.site.name(), &alike, 0.85, |r| r > 0.3);
    }
}

#[test]
fn slow_waves_are_over_55_microvolts_at_the_central_electrodes() {
    for night in NIGHTS.iter() {
        let slow = MeasuredSignal::of(night, Channel::EegC3A2).band(0.3, 6.0);
        let heights =
            over(night, EventKind::SlowWave, |wave| slow.peak_to_peak(wave.onset_s, wave.end_s()));
        // Other activity changes the amplitude of a wave; nine in ten still reach the limit.
        assert_mostly(night.site.name(), &heights, 0.9, |uv| uv > 52.0);
    }
}

#[test]
fn arousals_shift_the_eeg_to_faster_activity_and_raise_the_chin_tone() {
    for night in NIGHTS.iter() {
        let eeg = MeasuredSignal::of(night, Channel::EegC3A2);
        // The AASM asks for frequencies above 16 Hz that are not spindles.
        let (fast, slow) = (eeg.band(16.0, 30.0), eeg.band(0.7, 4.0));
        let chin = MeasuredSignal::of(night, Channel::EmgChin);
        let rise = |signal: &MeasuredSignal, arousal: &Event| {
            signal.rms(arousal.onset_s + 0.5, arousal.end_s() - 0.5)
                / signal.rms(arousal.onset_s - 9.0, arousal.onset_s - 0.5)
        };
        let shifts = over(night, EventKind::Arousal, |a| rise(&fast, a) / rise(&slow, a));
        // Small movements, which come with every other arousal, raise slow activity too.
        assert!(median(shifts.clone()) > 1.2, "{}: {}", night.site.name(), median(shifts));
        let fast = over(night, EventKind::Arousal, |arousal| rise(&fast, arousal));
        assert_mostly(&format!("EEG at {}", night.site.name()), &fast, 0.85, |rise| rise > 1.15);
        let chin = over(night, EventKind::Arousal, |arousal| rise(&chin, arousal));
        assert_mostly(&format!("chin at {}", night.site.name()), &chin, 0.9, |rise| rise > 1.2);
    }
}

#[test]
fn arousals_raise_the_heart_rate() {
    for night in NIGHTS.iter() {
        let beats = r_waves(&MeasuredSignal::of(night, Channel::Ecg));
        let rises = over(night, EventKind::Arousal, |arousal| {
            rate_bpm(&beats, arousal.onset_s + 1.0, arousal.end_s() + 5.0)
                - rate_bpm(&beats, arousal.onset_s - 12.0, arousal.onset_s - 1.0)
        });
        assert_mostly(night.site.name(), &rises, 0.8, |bpm| bpm > 0.0);
        assert!(median(rises.clone()) > 2.0, "{}: {}", night.site.name(), median(rises));
    }
}

/// Returns the times of the R waves: maxima above half of the highest usual one.
fn r_waves(ecg: &MeasuredSignal) -> Vec<f64> {
    let steep = ecg.band(8.0, 40.0);
    let mut sorted = steep.samples.clone();
    sorted.sort_by(f64::total_cmp);
    let threshold = 0.5 * sorted[sorted.len() * 995 / 1000];
    let mut times: Vec<f64> = Vec::new();
    for (i, window) in steep.samples.windows(3).enumerate() {
        let is_peak = window[1] > threshold && window[1] >= window[0] && window[1] > window[2];
        let time_s = (i + 1) as f64 / ecg.rate_hz;
        if is_peak && times.last().is_none_or(|last| time_s - last > 0.3) {
            times.push(time_s);
        }
    }
    times
}

fn rate_bpm(beats: &[f64], start_s: f64, end_s: f64) -> f64 {
    let first = beats.partition_point(|beat| *beat < start_s);
    let last = beats.partition_point(|beat| *beat < end_s) - 1;
    60.0 * (last - first) as f64 / (beats[last] - beats[first])
}

#[test]
fn mean_heart_rate_matches_the_trait() {
    for night in NIGHTS.iter() {
        let beats = r_waves(&MeasuredSignal::of(night, Channel::Ecg));
        let found_bpm = rate_bpm(&beats, 0.0, night.truth.duration_s);
        let bpm = night.truth.subject.heart.rate_bpm;
        // The trait is the rate in quiet N2; wake, REM sleep and arousals are faster.
        assert!((0.97..1.15).contains(&(found_bpm / bpm)), "{found_bpm} for {bpm}");
    }
}

#[test]
fn eye_movements_have_opposite_signs_at_both_eyes() {
    let check = |kind, (low_hz, high_hz): (f64, f64)| {
        for night in NIGHTS.iter() {
            let band = |channel| MeasuredSignal::of(night, channel).band(low_hz, high_hz);
            let (left, right) = (band(Channel::EogLeft), band(Channel::EogRight));
            let bursts: Vec<&Event> = undisturbed(&night.truth, kind)
                .into_iter()
                .filter(|event| event.duration_s > 0.6)
                .collect();
            let what = format!("{kind} at {}", night.site.name());
            let over = |measure: &dyn Fn(&Event) -> f64| {
                bursts.iter().map(|event| measure(event)).collect::<Vec<f64>>()
            };
            let alike = over(&|event| left.correlation(&right, event.onset_s, event.end_s()));
            assert_mostly(&what, &alike, 0.8, |r| r < -0.3);
            let heights = over(&|event| left.peak_to_peak(event.onset_s, event.end_s()));
            assert_mostly(&what, &heights, 0.9, |uv| uv > 30.0);
        }
    };
    check(EventKind::RapidEyeMovement, (0.5, 8.0));
    check(EventKind::SlowEyeMovement, (0.15, 0.8));
}

#[test]
fn position_changes_appear_in_the_position_signal() {
    for night in NIGHTS.iter() {
        let position = MeasuredSignal::of(night, Channel::Position);
        let is_change = |event: &&Event| event.kind == EventKind::PositionChange;
        let changes: Vec<&Event> = night.truth.events.iter().filter(is_change).collect();
        assert!(!changes.is_empty());
        for change in &changes {
            let before = position.during(change.onset_s - 2.0, change.onset_s - 1.0)[0];
            let after = position.during(change.onset_s + 1.0, change.onset_s + 2.0)[0];
            assert_ne!(before, after);
            assert!(Position::from_code(after as f32).is_some());
        }
        let turned = position.samples.windows(2).filter(|pair| pair[0] != pair[1]).count();
        assert_eq!(turned, changes.len());
    }
}

#[test]
fn artifacts_appear_in_chin_and_eeg() {
    for night in NIGHTS.iter() {
        let chin = MeasuredSignal::of(night, Channel::EmgChin);
        let muscle = MeasuredSignal::of(night, Channel::EegC3A2).band(20.0, 40.0);
        let is_artifact = |event: &&Event| event.kind == EventKind::Artifact;
        let artifacts: Vec<&Event> = night.truth.events.iter().filter(is_artifact).collect();
        for signal in [chin, muscle] {
            let epochs = 0..night.n_epochs;
            let usual = median(
                epochs.map(|i| signal.rms(30.0 * i as f64, 30.0 * (i + 1) as f64)).collect(),
            );
            let rises: Vec<f64> =
                artifacts.iter().map(|a| signal.rms(a.onset_s, a.end_s()) / usual).collect();
            assert_mostly(night.site.name(), &rises, 0.95, |rise| rise > 1.5);
        }
    }
}
