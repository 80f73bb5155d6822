//! Epochs in which an expression over concepts holds, from the concept tracks.
//!
//! An encoder hardly represents negation, and no input of it shows the body position or the saturation, so these are not a
//! matter of similarity.

use std::cmp::Ordering;

use nocturne_concepts::Source;
use nocturne_index::{Filter, RecordingEntry};

use crate::error::{Error, Result};
use crate::grammar::Expression;
use crate::live::live_collection::PinnedSpace;
use crate::question::epochs::{EpochAnswer, EpochHit, ScoreKind, TextReading};
use crate::question::nights::answer::SkippedNight;
use crate::question::nights::evidence::track_hit;
use crate::question::nights::night::{Estimates, Night};
use crate::question::nights::unanswered::Unanswered;

/// Returns the epochs in which an expression is most probable.
pub(crate) fn search(
    space: &PinnedSpace,
    expression: &Expression,
    (k, filter): (usize, &Filter),
    min_probability: Option<f32>,
) -> Result<EpochAnswer> {
    let registry = space.bundle.registry();
    let source = source(space, expression)?;
    let snapshot = space.snapshot();
    snapshot.check_filter(filter)?;
    let builder = space.bundle.track_builder()?;
    let entries = snapshot.entries();
    let allowed: Vec<&RecordingEntry> =
        entries.into_iter().filter(|entry| filter.may_allow(entry)).collect();
    let estimates = Estimates::Calibrated(space.bundle.calibration());
    let (mut best, mut skipped, mut n_judged) = (Vec::new(), Vec::new(), 0);
    for (entry, track) in space.tracks().tracks(snapshot, builder, &allowed)? {
        let skip = |reason| SkippedNight { recording: entry.id.to_string(), reason };
        let Some(track) = track else {
            skipped.push(skip(Unanswered::Damaged));
            continue;
        };
        let rows = space.allowed_rows(entry, filter)?;
        let night = Night::new(&track, registry, estimates, source, None);
        match night.presence(expression) {
            Ok(presence) => {
                n_judged += 1;
                let is_allowed = |epoch: usize| rows.as_ref().is_none_or(|rows| rows[epoch]);
                let least = min_probability.unwrap_or(0.0);
                // An unknown probability is not above 0.
                let probable = presence.into_iter().enumerate();
                best.extend(
                    probable
                        .filter(|(epoch, p)| is_allowed(*epoch) && *p > 0.0 && *p >= least)
                        .map(|(epoch, p)| CandidateEpoch { p, entry, track: track.clone(), epoch }),
                );
            }
            Err(reason) => skipped.push(skip(reason)),
        }
        keep_best(&mut best, k);
    }
    if let (0, Some(first)) = (n_judged, skipped.first()) {
        let why = first.reason.to_string();
        let is_about_the_model = matches!(first.reason, Unanswered::NotMeasurable { .. });
        return Err(if is_about_the_model {
            Error::NotMeasurable { why }
        } else {
            Error::NotRecorded { why }
        });
    }
    let hits: Vec<EpochHit> =
        best.iter().map(|it| track_hit(&it.track, it.entry, it.epoch, it.p)).collect();
    let reading = TextReading { typed: Some(expression.to_string()), ..TextReading::default() };
    Ok(EpochAnswer {
        hits,
        score: ScoreKind::Probability,
        reading: Some(reading),
        nothing_matches: false,
        missing: snapshot.missing().into_iter().map(|(id, _)| id.to_string()).collect(),
        skipped,
        plan: "concept tracks".to_owned(),
    })
}

/// Returns the source of an expression: the model, if it may answer for all of it, else the best of each concept.
///
/// # Errors
///
/// [`Error::NotMeasurable`] if the probabilities of a concept say too little about single epochs.
fn source(space: &PinnedSpace, expression: &Expression) -> Result<Option<Source>> {
    let registry = space.bundle.registry();
    for id in expression.concepts() {
        let model = space.bundle.calibration().and_then(|it| it.concepts.get(id));
        if let Some(model) = model.filter(|model| !model.quality.is_useful()) {
            let skill = model.quality.brier_skill;
            return Err(Error::NotMeasurable {
                why: format!(
                    "the probabilities of `{id}` by this bundle say too little about single epochs (Brier skill {skill:.2})"
                ),
            });
        }
    }
    let by_model = |id: &&str| registry.get(id).is_some_and(|it| it.has_source(Source::Model));
    Ok(expression.concepts().iter().all(by_model).then_some(Source::Model))
}

/// An epoch that may be a hit.
struct CandidateEpoch<'a> {
    p: f32,
    entry: &'a RecordingEntry,
    track: std::sync::Arc<nocturne_concepts::Track>,
    epoch: usize,
}

/// Sorts candidates, the most probable first and equals by name and time, and keeps `k`.
fn keep_best(best: &mut Vec<CandidateEpoch<'_>>, k: usize) {
    let order = |a: &CandidateEpoch<'_>, b: &CandidateEpoch<'_>| -> Ordering {
        let by_name = || a.entry.id.cmp(&b.entry.id);
        b.p.total_cmp(&a.p).then_with(by_name).then(a.epoch.cmp(&b.epoch))
    };
    if best.len() > k {
        best.select_nth_unstable_by(k, order);
        best.truncate(k);
    }
    best.sort_by(order);
}
