//! Generated captions against the facts of their epochs.

use std::collections::BTreeMap;

use nocturne_encoder::metrics::{Bootstrap, UnitSums};
use serde::Serialize;

use crate::intervals::Intervals;
use crate::sample::caption_counts::{
    CAPTIONS, CaptionCounts, EVENTS_BOTH, EVENTS_NAMED, EVENTS_SCORED, NUMBERS, NUMBERS_RIGHT,
    QUANTITIES, STAGES, STAGES_RIGHT, TOKENS, TOKENS_RIGHT,
};
use crate::scored_night::ScoredNight;

/// Accuracy of the generated captions of a kind.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CaptionAgreement {
    /// Number of generated captions.
    pub captions: usize,
    /// Share of the tokens of a template caption that the decoder ranks first after the tokens before (teacher forcing).
    ///
    /// A fact has many wordings, of which one was drawn, so even a perfect captioner stays below 1.
    pub token_accuracy: Option<f64>,
    /// Share of the numbers in the captions that are right: within a fifth of the truth, times within a second.
    pub numbers_right: Option<f64>,
    /// Number of numbers, times and counts in the captions.
    pub numbers: usize,
    /// Share of the captions that name the scored stage; of `stage_event` only.
    pub stage_right: Option<f64>,
    /// Share of the named kinds of event that were scored in the epoch.
    pub event_precision: Option<f64>,
    /// Share of the scored kinds of event that were named.
    pub event_recall: Option<f64>,
    /// 95 % intervals of the shares.
    pub ci95: Intervals,
}

/// Summarises the counts by the name of the kind.
pub(crate) fn evaluate(
    nights: &[ScoredNight],
    bootstrap: &Bootstrap,
) -> BTreeMap<&'static str, CaptionAgreement> {
    let mut sums: BTreeMap<&'static str, UnitSums> = BTreeMap::new();
    for night in nights {
        for CaptionCounts { epoch_idx, kind, counts } in &night.captions {
            let unit = night.epochs[*epoch_idx].unit;
            let empty = || UnitSums::new(bootstrap.n_units(), QUANTITIES);
            let sums = sums.entry(kind.name()).or_insert_with(empty);
            for (quantity, count) in counts.iter().enumerate() {
                sums.add(unit, quantity, *count);
            }
        }
    }
    sums.into_iter().map(|(kind, sums)| (kind, agreement(&sums, bootstrap))).collect()
}

fn agreement(sums: &UnitSums, bootstrap: &Bootstrap) -> CaptionAgreement {
    let share = |weights: &[u32], part: usize, whole: usize| {
        let sums = sums.weighted(weights);
        (sums[whole] > 0.0).then(|| sums[part] / sums[whole])
    };
    let once = bootstrap.once();
    let of = |part: usize, whole: usize| share(&once, part, whole);
    let interval =
        |part: usize, whole: usize| bootstrap.interval(|weights| share(weights, part, whole));
    let all = sums.weighted(&once);
    CaptionAgreement {
        captions: all[CAPTIONS] as usize,
        token_accuracy: of(TOKENS_RIGHT, TOKENS),
        numbers_right: of(NUMBERS_RIGHT, NUMBERS),
        numbers: all[NUMBERS] as usize,
        stage_right: of(STAGES_RIGHT, STAGES),
        event_precision: of(EVENTS_BOTH, EVENTS_NAMED),
        event_recall: of(EVENTS_BOTH, EVENTS_SCORED),
        ci95: Intervals::from([
            ("token_accuracy", interval(TOKENS_RIGHT, TOKENS)),
            ("numbers_right", interval(NUMBERS_RIGHT, NUMBERS)),
            ("stage_right", interval(STAGES_RIGHT, STAGES)),
            ("event_precision", interval(EVENTS_BOTH, EVENTS_NAMED)),
            ("event_recall", interval(EVENTS_BOTH, EVENTS_SCORED)),
        ]),
    }
}
