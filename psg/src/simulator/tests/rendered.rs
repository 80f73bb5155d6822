//! Every event of a truth is there in the signals.

use std::sync::LazyLock;

use super::measure::{Measured, median, share, undisturbed};
use super::plan_with;
use crate::montage::{Channel, Position};
use crate::simulator::{FaultKind, NightPlan, SimulatedNight, Site};
use crate::{Event, EventKind, Stage};

fn count(plan: &NightPlan, kind: EventKind) -> usize {
    plan.truth().events.iter().filter(|event| event.kind == kind).count()
}

/// A night with something of everything, of a sleeper and a recorder without oddities.
static NIGHT: LazyLock<SimulatedNight> = LazyLock::new(|| {
    let has_rem = |plan: &NightPlan| plan.stages.contains(&Stage::Rem);
    let is_clean = |plan: &NightPlan| {
        plan.faults.iter().all(|fault| fault.kind == FaultKind::Pop) && !plan.recorder.inverted
    };
    plan_with(4.0, Site::Plain, |plan| {
        is_clean(plan)
            && has_rem(plan)
            && count(plan, EventKind::ObstructiveApnea) >= 6
            && count(plan, EventKind::SlowWave) >= 60
            && plan.recorder.rail_uv > 300.0
    })
    .render()
});

#[test]
fn spindles_are_bursts_of_sigma() {
    let sigma = Measured::of(&NIGHT, "EEG_C3_A2").band(11.0, 16.0);
    let ratios: Vec<f64> = undisturbed(&NIGHT.truth, EventKind::Spindle)
        .into_iter()
        .map(|spindle| {
            let around = 0.5
                * (sigma.rms(spindle.onset_s - 2.0, spindle.onset_s)
                    + sigma.rms(spindle.end_s(), spindle.end_s() + 2.0));
            sigma.rms(spindle.onset_s, spindle.end_s()) / around
        })
        .collect();
    assert!(median(ratios.clone()) > 1.6, "{}", median(ratios));
    assert!(share(&ratios, |ratio| ratio > 1.0) > 0.85);
}

#[test]
fn k_complexes_are_high_and_in_phase_at_both_eyes() {
    let slow = |label| Measured::of(&NIGHT, label).band(0.3, 4.0);
    let (c3, left, right) = (slow("EEG_C3_A2"), slow("EOG_L"), slow("EOG_R"));
    let events = undisturbed(&NIGHT.truth, EventKind::KComplex);
    let heights: Vec<f64> =
        events.iter().map(|event| c3.peak_to_peak(event.onset_s, event.end_s())).collect();
    assert!(share(&heights, |uv| uv > 70.0) > 0.9, "{}", median(heights));
    let correlations: Vec<f64> =
        events.iter().map(|event| left.correlation(&right, event.onset_s, event.end_s())).collect();
    assert!(share(&correlations, |r| r > 0.3) > 0.85, "{}", median(correlations));
}

#[test]
fn slow_waves_are_over_75_microvolts() {
    let slow = Measured::of(&NIGHT, "EEG_C3_A2").band(0.3, 6.0);
    let heights: Vec<f64> = undisturbed(&NIGHT.truth, EventKind::SlowWave)
        .into_iter()
        .map(|wave| slow.peak_to_peak(wave.onset_s, wave.end_s()))
        .collect();
    // Other activity adds to a wave and takes from it; nine of ten are as high as they must be.
    assert!(share(&heights, |uv| uv > 70.0) > 0.9, "{}", median(heights));
}

#[test]
fn arousals_raise_fast_activity_chin_tone_and_heart_rate() {
    let fast = Measured::of(&NIGHT, "EEG_C3_A2").band(8.0, 30.0);
    let chin = Measured::of(&NIGHT, "EMG_CHIN");
    let events = undisturbed(&NIGHT.truth, EventKind::Arousal);
    let ratio = |signal: &Measured, event: &Event| {
        signal.rms(event.onset_s + 0.5, event.end_s() - 0.5)
            / signal.rms(event.onset_s - 9.0, event.onset_s - 0.5)
    };
    let of = |signal: &Measured| events.iter().map(|e| ratio(signal, e)).collect::<Vec<f64>>();
    assert!(share(&of(&fast), |ratio| ratio > 1.15) > 0.85, "{}", median(of(&fast)));
    assert!(share(&of(&chin), |ratio| ratio > 1.2) > 0.9, "{}", median(of(&chin)));
    let beats = r_waves(&Measured::of(&NIGHT, "ECG"));
    let rises: Vec<f64> = events
        .iter()
        .map(|event| {
            let after = rate_bpm(&beats, event.onset_s + 1.0, event.end_s() + 5.0);
            after - rate_bpm(&beats, event.onset_s - 12.0, event.onset_s - 1.0)
        })
        .collect();
    assert!(median(rises.clone()) > 2.0, "{}", median(rises));
}

/// Returns the times of the R waves: maxima above half of the highest usual one.
fn r_waves(ecg: &Measured) -> Vec<f64> {
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
fn apneas_stop_the_airflow_and_hypopneas_reduce_it() {
    let flow = Measured::of(&NIGHT, "AF");
    let effort = Measured::of(&NIGHT, "ABD");
    let left = |signal: &Measured, event: &Event| {
        signal.rms(event.onset_s + 3.0, event.end_s() - 1.0)
            / signal.rms(event.onset_s - 10.0, event.onset_s)
    };
    let shares = |signal: &Measured, kind| {
        undisturbed(&NIGHT.truth, kind).into_iter().map(|e| left(signal, e)).collect::<Vec<f64>>()
    };
    let apneas = shares(&flow, EventKind::ObstructiveApnea);
    assert!(share(&apneas, |left| left < 0.35) > 0.9, "{}", median(apneas));
    assert!(median(shares(&effort, EventKind::ObstructiveApnea)) > 0.6);
    let hypopneas = shares(&flow, EventKind::Hypopnea);
    assert!(share(&hypopneas, |left| left < 0.85) > 0.85, "{}", median(hypopneas));
}

#[test]
fn central_apneas_stop_the_effort_too() {
    let night = plan_with(2.0, Site::Shhs, |plan| {
        count(plan, EventKind::CentralApnea) >= 6
            && plan.faults.iter().all(|fault| fault.kind != FaultKind::Absent)
    })
    .render();
    for label in ["NEW AIR", "THOR RES", "ABDO RES"] {
        let signal = Measured::of(&night, label).band(0.1, 2.0);
        let shares: Vec<f64> = undisturbed(&night.truth, EventKind::CentralApnea)
            .into_iter()
            .map(|apnea| {
                signal.rms(apnea.onset_s + 4.0, apnea.end_s() - 2.0)
                    / signal.rms(apnea.onset_s - 10.0, apnea.onset_s)
            })
            .collect();
        assert!(median(shares.clone()) < 0.4, "{label}: {}", median(shares));
    }
}

#[test]
fn desaturations_are_falls_of_three_percent() {
    let spo2 = Measured::of(&NIGHT, "SpO2");
    let falls = NIGHT.truth.events.iter().filter(|event| event.kind == EventKind::Desaturation);
    let mut n = 0;
    for fall in falls {
        let during = spo2.during(fall.onset_s, fall.end_s());
        let lowest = during.iter().copied().fold(f64::MAX, f64::min);
        assert!(during[0] - lowest >= 3.0, "at {} s", fall.onset_s);
        n += 1;
    }
    assert!(n >= 6, "{n}");
}

#[test]
fn eye_movements_are_opposite_at_both_eyes() {
    let check = |kind, (low_hz, high_hz): (f64, f64), least_uv: f64| {
        let band = |label| Measured::of(&NIGHT, label).band(low_hz, high_hz);
        let (left, right) = (band("EOG_L"), band("EOG_R"));
        let events: Vec<&Event> = undisturbed(&NIGHT.truth, kind)
            .into_iter()
            .filter(|event| event.duration_s > 0.6)
            .collect();
        let correlations: Vec<f64> = events
            .iter()
            .map(|event| left.correlation(&right, event.onset_s, event.end_s()))
            .collect();
        assert!(share(&correlations, |r| r < -0.3) > 0.8, "{kind}: {}", median(correlations));
        let heights: Vec<f64> =
            events.iter().map(|event| left.peak_to_peak(event.onset_s, event.end_s())).collect();
        assert!(share(&heights, |uv| uv > least_uv) > 0.9, "{kind}: {}", median(heights));
    };
    check(EventKind::RapidEyeMovement, (0.5, 8.0), 30.0);
    check(EventKind::SlowEyeMovement, (0.15, 0.8), 30.0);
}

#[test]
fn position_changes_are_in_the_position_signal() {
    let position = Measured::of(&NIGHT, "POS");
    let changes: Vec<&Event> =
        NIGHT.truth.events.iter().filter(|e| e.kind == EventKind::PositionChange).collect();
    assert!(!changes.is_empty());
    for change in changes {
        let before = position.during(change.onset_s - 2.0, change.onset_s - 1.0)[0];
        let after = position.during(change.onset_s + 1.0, change.onset_s + 2.0)[0];
        assert_ne!(before, after);
        assert!(Position::from_code(after as f32).is_some());
    }
}

#[test]
fn absent_channels_are_not_in_the_file_and_disconnected_ones_are_flat() {
    let of_airflow = |plan: &NightPlan, kind| {
        plan.faults.iter().any(|f| f.kind == kind && f.channel == Channel::Airflow)
    };
    let absent = plan_with(0.5, Site::Plain, |plan| of_airflow(plan, FaultKind::Absent)).render();
    assert!(absent.signals.iter().all(|(signal, _)| signal.label != "AF"));
    let off = plan_with(0.5, Site::Aasm, |plan| of_airflow(plan, FaultKind::Disconnected)).render();
    let flow = Measured::of(&off, "Airflow");
    let fault =
        off.truth.faults.iter().find(|fault| fault.kind == FaultKind::Disconnected).unwrap();
    assert_eq!(flow.peak_to_peak(fault.onset_s, fault.end_s()), 0.0);
    assert!(flow.rms(0.0, off.truth.duration_s) > 0.0);
}
