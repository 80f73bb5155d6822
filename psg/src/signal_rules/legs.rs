//! Leg movements of a night.

use super::leg_movement::{self, LegMovement, OneLeg};
use super::runs::runs;
use super::{ByteScale, EpochColumn, Measured, NoSignal, is_enough};
use crate::night::{ENVELOPE_HZ, ENVELOPE_LEN, Night};
use crate::recording::Recording;
use crate::sleep::{EPOCH_S, Event, EventKind};

/// Leg movements of a night, in sleep and wake.
#[derive(Debug, Clone, PartialEq)]
pub struct LegMeasures {
    /// Seconds of each epoch in which the EMG of at least one leg can be scored, 0 to 30; see [`ByteScale::WHOLE`].
    pub valid_s: EpochColumn,
    /// The movements, by onset.
    pub movements: Vec<LegMovement>,
    /// Number of leg EMGs that were measured, 1 or 2.
    pub n_legs: u8,
    /// Whether movements at scored respiratory events were left out; false if no respiratory events were scored.
    pub excludes_respiratory: bool,
}

/// Time before and after a respiratory event in which a movement is not scored, in seconds (AASM manual).
const RESPIRATORY_MARGIN_S: f64 = 0.5;

/// Measures the leg movements of a night.
pub(super) fn measure(recording: &Recording, night: &Night) -> Measured<LegMeasures> {
    let envelopes = night.leg_envelopes();
    if recording.montage().legs().is_empty() {
        return Err(NoSignal::NoChannel);
    }
    if envelopes.is_empty() {
        return Err(NoSignal::Unsuitable);
    }
    let events = recording.scoring().events.iter();
    let respiratory: Vec<&Event> = events.filter(|event| is_respiratory(event.kind)).collect();
    let counts = |movement: &OneLeg| !respiratory.iter().any(|event| is_at(movement, event));
    let mut movements = Vec::new();
    let mut valid_s: Vec<Option<f64>> = Vec::with_capacity(night.epochs().len());
    for run in runs(night.epochs()) {
        let start_s = night.epochs()[run.start].onset_s;
        let (mut of_legs, mut is_valid) = (Vec::new(), vec![false; run.len() * SECONDS]);
        for envelope in envelopes {
            let envelope = &envelope[run.start * ENVELOPE_LEN..run.end * ENVELOPE_LEN];
            let rest_uv = leg_movement::rest_uv(envelope);
            of_legs.push(leg_movement::of_one_leg(envelope, &rest_uv, start_s));
            is_valid.iter_mut().zip(&rest_uv).for_each(|(is, rest)| *is |= rest.is_some());
        }
        movements.extend(leg_movement::of_all_legs(&of_legs, counts));
        let n_valid = |seconds: &[bool]| seconds.iter().filter(|is_valid| **is_valid).count();
        valid_s.extend(is_valid.chunks(SECONDS).map(|seconds| Some(n_valid(seconds) as f64)));
    }
    let n_seconds = valid_s.iter().flatten().sum::<f64>();
    if !is_enough(n_seconds, EPOCH_S * valid_s.len() as f64) {
        return Err(NoSignal::PoorSignal);
    }
    Ok(LegMeasures {
        valid_s: EpochColumn::of(ByteScale::WHOLE, valid_s),
        movements,
        n_legs: envelopes.len() as u8,
        excludes_respiratory: !respiratory.is_empty(),
    })
}

/// Seconds of an epoch.
const SECONDS: usize = ENVELOPE_LEN / ENVELOPE_HZ;

fn is_respiratory(kind: EventKind) -> bool {
    kind.is_apnea_or_hypopnea() || kind == EventKind::Rera
}

/// Returns whether any part of a movement is at a respiratory event.
fn is_at(movement: &OneLeg, event: &Event) -> bool {
    movement.onset_s < event.end_s() + RESPIRATORY_MARGIN_S
        && movement.end_s > event.onset_s - RESPIRATORY_MARGIN_S
}
