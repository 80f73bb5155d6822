//! Stages have their typical EEG, chin tone and breathing in the rendered signals.

use std::sync::LazyLock;

use nocturne_psg::montage::Channel;
use nocturne_psg::{EPOCH_S, Stage};

use super::plan_with;
use super::signal_measures::{MeasuredSignal, median};
use crate::plan::wake_state::WakeState;
use crate::{FaultKind, NightPlan, SimulatedNight, Site};

/// A night with every stage, of a sleeper with clear alpha, spindles and REM atonia.
static NIGHT: LazyLock<(NightPlan, SimulatedNight)> = LazyLock::new(|| {
    let mut plan = plan_with(4.0, Site::Referential, |plan| {
        let epochs = |stage| plan.stages.iter().filter(|s| **s == stage).count();
        let (brain, muscle) = (&plan.subject.brain, &plan.subject.muscle);
        Stage::ALL.into_iter().all(|stage| epochs(stage) >= 8)
            && brain.spindles_per_min > 4.0
            && brain.spindle_uv > 25.0
            && muscle.scalp_uv < 6.0
            && muscle.rem_tone < 0.6 * muscle.nrem_tone
            && plan.faults.iter().all(|fault| fault.kind == FaultKind::Pop)
    });
    let brain = &mut plan.subject.brain;
    (brain.alpha_uv, brain.alpha_hz, brain.alpha_share) = (12.0, 9.5, 0.8);
    let night = plan.render();
    (plan, night)
});

/// Band-passes twice, so that strong alpha does not leak into sigma.
fn steep_band(channel: Channel, (low_hz, high_hz): (f64, f64)) -> MeasuredSignal {
    MeasuredSignal::of(&NIGHT.1, channel).band(low_hz, high_hz).band(low_hz, high_hz)
}

/// Returns the root mean square of a channel in a band, median over the epochs of a stage.
fn level(channel: Channel, band_hz: (f64, f64), stage: Stage) -> f64 {
    let signal = steep_band(channel, band_hz);
    let epochs = NIGHT.1.truth.stages.iter().enumerate().filter(|(_, scored)| **scored == stage);
    let levels = epochs.map(|(epoch_idx, _)| {
        let start_s = epoch_idx as f64 * EPOCH_S;
        signal.rms(start_s, start_s + EPOCH_S)
    });
    median(levels.collect())
}

/// Returns the root mean square of the EEG in a band in quiet wake with closed eyes, median over 5-s windows.
fn level_with_closed_eyes(band_hz: (f64, f64)) -> f64 {
    let plan = &NIGHT.0;
    let signal = steep_band(Channel::EegC3A2, band_hz);
    let mut levels = Vec::new();
    for span in plan.wake.iter().filter(|span| span.state == WakeState::Closed) {
        let mut start_s = span.start_s + 1.0;
        while start_s + 6.0 < span.end_s {
            let is_still = plan.movements.iter().all(|movement| {
                let end_s = movement.onset_s + movement.duration_s;
                movement.onset_s > start_s + 6.0 || end_s + 3.0 < start_s
            });
            if is_still {
                levels.push(signal.rms(start_s, start_s + 5.0));
            }
            start_s += 5.0;
        }
    }
    assert!(levels.len() >= 10, "{} windows of five seconds", levels.len());
    median(levels)
}

#[test]
fn slow_activity_is_largest_in_n3_and_smallest_in_rem() {
    let delta = (0.7, 4.0);
    let asleep = |stage| level(Channel::EegC3A2, delta, stage);
    assert!(asleep(Stage::N3) > 1.6 * asleep(Stage::N2));
    assert!(asleep(Stage::N3) > 1.6 * level_with_closed_eyes(delta));
    assert!(asleep(Stage::N2) > 1.1 * asleep(Stage::Rem));
}

#[test]
fn sigma_is_strongest_in_n2() {
    let sigma = (12.0, 15.0);
    let n2 = level(Channel::EegC3A2, sigma, Stage::N2);
    assert!(n2 > 1.2 * level(Channel::EegC3A2, sigma, Stage::Rem));
    let awake = level_with_closed_eyes(sigma);
    assert!(n2 > 1.05 * awake, "{n2} in N2, {awake} in wake");
}

#[test]
fn alpha_is_strongest_with_closed_eyes() {
    let alpha = (8.0, 12.0);
    let closed = level_with_closed_eyes(alpha);
    for stage in [Stage::N1, Stage::N2, Stage::Rem] {
        assert!(closed > 1.3 * level(Channel::EegC3A2, alpha, stage), "{stage}");
    }
    let share =
        |stage| level(Channel::EegC3A2, alpha, stage) / level(Channel::EegC3A2, (0.5, 30.0), stage);
    for stage in [Stage::N1, Stage::N2, Stage::N3, Stage::Rem] {
        assert!(share(Stage::Wake) > share(stage), "{stage}");
    }
}

#[test]
fn chin_tone_decreases_from_wake_to_nrem_to_rem() {
    let tone = |stage| level(Channel::EmgChin, (12.0, 45.0), stage);
    assert!(tone(Stage::Wake) > 1.2 * tone(Stage::N2));
    assert!(tone(Stage::N2) > 1.2 * tone(Stage::Rem));
}

#[test]
fn breathing_is_regular_in_deep_sleep_and_irregular_in_rem() {
    let thorax = MeasuredSignal::of(&NIGHT.1, Channel::Thorax).band(0.1, 1.0);
    let spread = |stage| {
        let epochs = NIGHT.1.truth.stages.iter().enumerate().filter(|(_, it)| **it == stage);
        let heights = epochs.map(|(epoch_idx, _)| {
            let at = |part: u32| 30.0 * epoch_idx as f64 + 6.0 * f64::from(part);
            let parts: Vec<f64> =
                (0..5).map(|part| thorax.peak_to_peak(at(part), at(part + 1))).collect();
            let mean = parts.iter().sum::<f64>() / 5.0;
            (parts.iter().map(|part| (part - mean).powi(2)).sum::<f64>() / 5.0).sqrt() / mean
        });
        median(heights.collect())
    };
    assert!(spread(Stage::Rem) > 1.3 * spread(Stage::N3));
}

#[test]
fn c3_and_c4_are_correlated_but_not_equal() {
    let of = |channel| MeasuredSignal::of(&NIGHT.1, channel).band(0.5, 30.0);
    let (c3, c4) = (of(Channel::EegC3A2), of(Channel::EegC4A1));
    let asleep = NIGHT.1.truth.stages.iter().enumerate().filter(|(_, stage)| stage.is_sleep());
    let correlations = asleep.map(|(epoch_idx, _)| {
        let start_s = epoch_idx as f64 * EPOCH_S;
        c3.correlation(&c4, start_s, start_s + EPOCH_S)
    });
    let usual = median(correlations.collect());
    assert!((0.5..0.97).contains(&usual), "{usual}");
}
