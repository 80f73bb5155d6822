//! What a bundle says of epochs, against what is known of them.

use std::collections::BTreeMap;

use nocturne_encoder::caption::{Condition, Search};
use nocturne_encoder::metrics::{Bootstrap, UnitSums};
use nocturne_encoder::{Captioner, Memory, Tokenizer};
use nocturne_psg::EventSet;
use nocturne_psg::caption::{
    CaptionKind, EpochFacts, Tolerance, caption, named_events, named_stage, numbers_right,
};
use serde::Serialize;

use super::scored_night::ScoredNight;
use super::units::Intervals;
use crate::Result;

/// How far a number may be off: a fifth of it, and times by a second.
const TOLERANCE: Tolerance = Tolerance { relative: 0.2, time_s: 1.0 };

/// The captioner of a bundle, with the tokenizer that its text tower has too.
pub(super) struct Speaker {
    pub(super) captioner: Captioner,
    pub(super) tokenizer: Tokenizer,
}

/// How right captions of a kind are.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct CaptionAgreement {
    /// Captions that were made.
    pub captions: usize,
    /// Share of the tokens of a right caption that the decoder would have said after those before (teacher forcing).
    ///
    /// A fact has many wordings, of which one was drawn, so that a perfect captioner stays below 1.
    pub token_accuracy: Option<f64>,
    /// Share of the numbers, times and counts in the captions that are within a fifth, and a second, of the truth.
    pub numbers_right: Option<f64>,
    /// Numbers, times and counts that were read in the captions.
    pub numbers: usize,
    /// Share of the captions that name the scored stage; only of the stage and its events.
    pub stage_right: Option<f64>,
    /// Share of the kinds of event named that were scored in their epoch.
    pub event_precision: Option<f64>,
    /// Share of the kinds of event scored that were named.
    pub event_recall: Option<f64>,
    /// 95 % intervals of the shares.
    pub ci95: Intervals,
}

/// What was counted in one caption, see [`QUANTITIES`].
pub(super) struct Spoken {
    epoch_idx: usize,
    kind: CaptionKind,
    counts: [f64; QUANTITIES],
}

/// Places of what is counted: a share is one place over the other.
const CAPTIONS: usize = 0;
const TOKENS: usize = 1;
const TOKENS_RIGHT: usize = 2;
const NUMBERS: usize = 3;
const NUMBERS_RIGHT: usize = 4;
const STAGES: usize = 5;
const STAGES_RIGHT: usize = 6;
const EVENTS_NAMED: usize = 7;
const EVENTS_SCORED: usize = 8;
const EVENTS_BOTH: usize = 9;
const QUANTITIES: usize = 10;

impl Speaker {
    /// Makes the captions of an epoch, one of each kind that has something to say of it, and counts what is right.
    pub(super) fn speak(
        &mut self,
        epoch_idx: usize,
        memory: &Memory,
        facts: &EpochFacts,
        seed: u64,
    ) -> Result<Vec<Spoken>> {
        let mut spoken = Vec::new();
        for kind in CaptionKind::ALL {
            if let Some(truth) = caption(kind, facts, seed) {
                let counts = self.counts(memory, facts, kind, &truth.text)?;
                spoken.push(Spoken { epoch_idx, kind, counts });
            }
        }
        Ok(spoken)
    }

    fn counts(
        &mut self,
        memory: &Memory,
        facts: &EpochFacts,
        kind: CaptionKind,
        truth: &str,
    ) -> Result<[f64; QUANTITIES]> {
        let condition = Condition::from(kind);
        let search = Search::default();
        let said = self.captioner.caption(memory, condition, &search, &mut |_| true)?.text;
        let numbers = numbers_right(&said, facts, TOLERANCE);
        let mut counts = [0.0; QUANTITIES];
        counts[CAPTIONS] = 1.0;
        counts[NUMBERS] = numbers.counted as f64;
        counts[NUMBERS_RIGHT] = numbers.right as f64;
        (counts[TOKENS], counts[TOKENS_RIGHT]) = self.dictate(memory, condition, truth)?;
        if let (CaptionKind::StageEvent, Some(stage)) = (kind, facts.stage) {
            counts[STAGES] = 1.0;
            counts[STAGES_RIGHT] = f64::from(u8::from(named_stage(&said) == Some(stage)));
        }
        if kind == CaptionKind::StageEvent && facts.events_scored {
            let (named, scored) = (named_events(&said), scored_events(facts));
            let both = named.iter().filter(|kind| scored.contains(*kind)).count();
            counts[EVENTS_NAMED] = named.iter().count() as f64;
            counts[EVENTS_SCORED] = scored.iter().count() as f64;
            counts[EVENTS_BOTH] = both as f64;
        }
        Ok(counts)
    }

    /// Returns the tokens of a text behind its first, and how many of them the decoder holds likeliest.
    fn dictate(&mut self, memory: &Memory, condition: Condition, text: &str) -> Result<(f64, f64)> {
        let ids = self.tokenizer.encode(text).ids;
        let (_, before) = ids.split_last().expect("a text has a begin token and an end token");
        let logits = self.captioner.logits(memory, condition, before)?;
        let vocabulary = logits.len() / before.len();
        let is_right = |(row, id): &(&[f32], &u32)| {
            let likeliest = (0..row.len()).max_by(|a, b| row[*a].total_cmp(&row[*b]));
            likeliest == Some(**id as usize)
        };
        let right = logits.chunks_exact(vocabulary).zip(&ids[1..]).filter(is_right).count();
        Ok((before.len() as f64, right as f64))
    }
}

fn scored_events(facts: &EpochFacts) -> EventSet {
    facts.events.iter().map(|event| event.kind).collect::<EventSet>()
}

/// Sums up what was said, by the name of the kind.
pub(super) fn evaluate(
    nights: &[ScoredNight],
    bootstrap: &Bootstrap,
) -> BTreeMap<&'static str, CaptionAgreement> {
    let mut sums: BTreeMap<&'static str, UnitSums> = BTreeMap::new();
    for night in nights {
        for Spoken { epoch_idx, kind, counts } in &night.spoken {
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
    let whole = sums.weighted(&once);
    CaptionAgreement {
        captions: whole[CAPTIONS] as usize,
        token_accuracy: of(TOKENS_RIGHT, TOKENS),
        numbers_right: of(NUMBERS_RIGHT, NUMBERS),
        numbers: whole[NUMBERS] as usize,
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
