//! Stages look like what their names say.

use std::sync::LazyLock;

use super::measure::{Measured, median};
use super::plan_with;
use crate::simulator::{FaultKind, SimulatedNight, Site};
use crate::{EPOCH_S, Stage};

/// A night with every stage, of a sleeper with alpha and with a chin that lets go in REM sleep.
static NIGHT: LazyLock<SimulatedNight> = LazyLock::new(|| {
    plan_with(4.0, Site::Referential, |plan| {
        let epochs = |stage| plan.stages.iter().filter(|s| **s == stage).count();
        Stage::ALL.into_iter().all(|stage| epochs(stage) >= 8)
            && plan.subject.brain.alpha_uv > 7.0
            && plan.subject.brain.alpha_share > 0.5
            && plan.subject.brain.spindles_per_min > 2.0
            && plan.subject.muscle.rem_tone < 0.6 * plan.subject.muscle.nrem_tone
            && plan.faults.iter().all(|fault| fault.kind == FaultKind::Pop)
    })
    .render()
});

/// Returns the median over a stage's epochs of the root mean square of a derivation in a band.
fn level(plus: &str, minus: &str, band_hz: (f64, f64), stage: Stage) -> f64 {
    let (plus, minus) = (Measured::of(&NIGHT, plus), Measured::of(&NIGHT, minus));
    let samples = plus.samples.iter().zip(&minus.samples).map(|(a, b)| a - b).collect();
    let signal = Measured { samples, rate_hz: plus.rate_hz }.band(band_hz.0, band_hz.1);
    let epochs = NIGHT.truth.stages.iter().enumerate().filter(|(_, scored)| **scored == stage);
    let levels = epochs.map(|(epoch_idx, _)| {
        let start_s = epoch_idx as f64 * EPOCH_S;
        signal.rms(start_s, start_s + EPOCH_S)
    });
    median(levels.collect())
}

#[test]
fn slow_activity_deepens_from_rem_to_n2_to_n3() {
    let slow = |stage| level("C3", "A2", (0.5, 4.0), stage);
    assert!(slow(Stage::N3) > 1.4 * slow(Stage::N2));
    assert!(slow(Stage::N2) > 1.1 * slow(Stage::Rem));
}

#[test]
fn alpha_belongs_to_wake_and_sigma_to_n2() {
    let ratio = |band: (f64, f64), stage| {
        level("C3", "A2", band, stage) / level("C3", "A2", (0.5, 30.0), stage)
    };
    for stage in [Stage::N1, Stage::N2, Stage::N3, Stage::Rem] {
        assert!(ratio((8.0, 12.0), Stage::Wake) > ratio((8.0, 12.0), stage), "{stage}");
    }
    let sigma = |stage| level("C3", "A2", (12.0, 15.0), stage);
    assert!(sigma(Stage::N2) > 1.2 * sigma(Stage::Rem));
}

#[test]
fn the_chin_relaxes_from_wake_to_nrem_to_rem() {
    let tone = |stage| level("L Chin", "R Chin", (12.0, 45.0), stage);
    assert!(tone(Stage::Wake) > 1.2 * tone(Stage::N2));
    assert!(tone(Stage::N2) > 1.2 * tone(Stage::Rem));
}

#[test]
fn both_sides_of_the_head_are_alike_but_not_equal() {
    let derive = |plus, minus| {
        let (plus, minus) = (Measured::of(&NIGHT, plus), Measured::of(&NIGHT, minus));
        let samples = plus.samples.iter().zip(&minus.samples).map(|(a, b)| a - b).collect();
        Measured { samples, rate_hz: plus.rate_hz }.band(0.5, 30.0)
    };
    let (c3, c4) = (derive("C3", "A2"), derive("C4", "A1"));
    let asleep = NIGHT.truth.stages.iter().enumerate().filter(|(_, stage)| stage.is_sleep());
    let correlations = asleep.map(|(epoch_idx, _)| {
        let start_s = epoch_idx as f64 * EPOCH_S;
        c3.correlation(&c4, start_s, start_s + EPOCH_S)
    });
    let usual = median(correlations.collect());
    assert!((0.5..0.97).contains(&usual), "{usual}");
}
