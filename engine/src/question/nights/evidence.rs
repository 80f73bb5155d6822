//! The epochs that show what was asked.

use nocturne_concepts::Track;
use nocturne_index::{Hit, RecordingEntry};
use nocturne_psg::{EpochNumber, EpochRef, EventSet};

use crate::grammar::{Expression, Quantity};
use crate::question::epochs::EpochHit;
use crate::question::nights::night::Night;
use crate::question::nights::presence::scope_states;

/// Returns the epochs of the scope that show the counted concept best, best first; none for a statistic.
pub(super) fn evidence(
    night: &Night<'_>,
    quantity: &Quantity,
    entry: &RecordingEntry,
    n: usize,
) -> Vec<EpochHit> {
    // A statistic has no epochs of its own.
    let Some(of) = quantity.measure.aggregate.expression() else { return Vec::new() };
    let whole = Expression::any([Expression::concept("W"), Expression::concept("sleep")]);
    let scope = &quantity.measure.scope;
    let (Ok(presence), Ok(weights)) =
        (night.presence(of), night.weights(scope, &scope_states(scope, &whole)))
    else {
        return Vec::new();
    };
    let scored = presence.iter().zip(&weights).enumerate();
    let mut scored: Vec<(usize, f32)> =
        scored.map(|(epoch, (p, w))| (epoch, p * w)).filter(|(_, score)| *score > 0.0).collect();
    scored.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
    let hits = scored.into_iter().take(n);
    hits.map(|(epoch, score)| track_hit(night.track, entry, epoch, score)).collect()
}

/// Describes an epoch of a track.
pub(crate) fn track_hit(
    track: &Track,
    entry: &RecordingEntry,
    epoch: usize,
    score: f32,
) -> EpochHit {
    let number = EpochNumber(track.number(epoch));
    let hit = Hit {
        epoch: EpochRef { recording: entry.id.clone(), epoch: number },
        score,
        onset_s: track.onset_s(epoch),
        stage: track.scored_stage(epoch),
        mask: track.mask(epoch),
        events: events_in(track, epoch),
    };
    EpochHit::of(&hit, entry.start)
}

/// Returns the kinds of scored event that lie in an epoch, even if only in part.
fn events_in(track: &Track, epoch: usize) -> EventSet {
    let start_s = track.onset_s(epoch);
    let end_s = start_s + nocturne_psg::EPOCH_S;
    let events = track.scored_events();
    events
        .filter(|event| event.onset_s < end_s && event.onset_s + event.duration_s > start_s)
        .map(|event| event.kind)
        .collect()
}
