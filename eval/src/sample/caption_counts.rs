//! Generated captions of an epoch, and counts of what is right in them.

use nocturne_encoder::caption::{CaptionCondition, DecodingOptions};
use nocturne_encoder::{Captioner, Memory, Tokenizer};
use nocturne_psg::EventSet;
use nocturne_psg::caption::{
    CaptionKind, EpochFacts, NumberTolerance, caption, named_events, named_stage, number_accuracy,
};

use crate::error::Result;

/// Tolerance of a number: a fifth of it, and one second for times.
const TOLERANCE: NumberTolerance = NumberTolerance { relative: 0.2, time_s: 1.0 };

/// A captioner, with the tokenizer of its bundle.
pub(crate) struct CaptionSampler {
    pub(crate) captioner: Captioner,
    pub(crate) tokenizer: Tokenizer,
}

/// Counts of one generated caption.
pub(crate) struct CaptionCounts {
    pub(crate) epoch_idx: usize,
    pub(crate) kind: CaptionKind,
    /// By quantity, from [`CAPTIONS`] to [`EVENTS_BOTH`].
    pub(crate) counts: [f64; QUANTITIES],
}

/// Index of each quantity in the counts; a share is one count divided by another.
pub(crate) const CAPTIONS: usize = 0;
pub(crate) const TOKENS: usize = 1;
pub(crate) const TOKENS_RIGHT: usize = 2;
pub(crate) const NUMBERS: usize = 3;
pub(crate) const NUMBERS_RIGHT: usize = 4;
pub(crate) const STAGES: usize = 5;
pub(crate) const STAGES_RIGHT: usize = 6;
pub(crate) const EVENTS_NAMED: usize = 7;
pub(crate) const EVENTS_SCORED: usize = 8;
pub(crate) const EVENTS_BOTH: usize = 9;
pub(crate) const QUANTITIES: usize = 10;

impl CaptionSampler {
    /// Generates the captions of an epoch, one of each kind that has a template caption, and counts what is right.
    pub(crate) fn count_epoch(
        &mut self,
        epoch_idx: usize,
        memory: &Memory,
        facts: &EpochFacts,
        seed: u64,
    ) -> Result<Vec<CaptionCounts>> {
        let mut all = Vec::new();
        for kind in CaptionKind::ALL {
            if let Some(truth) = caption(kind, facts, seed) {
                let counts = self.counts(memory, facts, kind, &truth.text)?;
                all.push(CaptionCounts { epoch_idx, kind, counts });
            }
        }
        Ok(all)
    }

    fn counts(
        &mut self,
        memory: &Memory,
        facts: &EpochFacts,
        kind: CaptionKind,
        truth: &str,
    ) -> Result<[f64; QUANTITIES]> {
        let condition = CaptionCondition::from(kind);
        let search = DecodingOptions::default();
        let generated = self.captioner.caption(memory, condition, &search, &mut |_| true)?.text;
        let numbers = number_accuracy(&generated, facts, TOLERANCE);
        let mut counts = [0.0; QUANTITIES];
        counts[CAPTIONS] = 1.0;
        counts[NUMBERS] = numbers.counted as f64;
        counts[NUMBERS_RIGHT] = numbers.right as f64;
        (counts[TOKENS], counts[TOKENS_RIGHT]) = self.teacher_forcing(memory, condition, truth)?;
        if let (CaptionKind::StageEvent, Some(stage)) = (kind, facts.stage) {
            counts[STAGES] = 1.0;
            counts[STAGES_RIGHT] = f64::from(u8::from(named_stage(&generated) == Some(stage)));
        }
        if kind == CaptionKind::StageEvent && facts.events_scored {
            let (named, scored) = (named_events(&generated), scored_events(facts));
            let both = named.iter().filter(|kind| scored.contains(*kind)).count();
            counts[EVENTS_NAMED] = named.iter().count() as f64;
            counts[EVENTS_SCORED] = scored.iter().count() as f64;
            counts[EVENTS_BOTH] = both as f64;
        }
        Ok(counts)
    }

    /// Returns the number of tokens of a text after the first, and for how many of them the decoder, given the tokens
    /// before, ranks that token first.
    fn teacher_forcing(
        &mut self,
        memory: &Memory,
        condition: CaptionCondition,
        text: &str,
    ) -> Result<(f64, f64)> {
        let ids = self.tokenizer.encode(text).ids;
        let (_, before) = ids.split_last().expect("a text has a start token and an end token");
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
