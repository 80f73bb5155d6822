//! Makes captions from facts, by the grammar and a seed.

use rand::{Rng, RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use super::claim::Caption;
use super::phrase::phrase as typed;
use super::{CaptionKind, EpochFacts, numbers, stage_event, words};

/// Makes a caption of a kind; the same facts and seed give the same words.
///
/// Returns `None` where nothing is known that the kind could speak of.
pub fn caption(kind: CaptionKind, facts: &EpochFacts, seed: u64) -> Option<Caption> {
    let mut draw = Draw::new(seed ^ ((kind as u64) << 32));
    let sentences = match kind {
        CaptionKind::StageEvent => stage_event::sentences(facts, &mut draw),
        CaptionKind::Brain
        | CaptionKind::Heart
        | CaptionKind::Respiratory
        | CaptionKind::PositionMuscle => {
            let mut sentences = numbers::sentences(kind, &facts.features, &mut draw);
            if draw.chance(0.5) {
                sentences.extend(words::sentences(kind, facts, &mut draw));
            }
            draw.shuffle(&mut sentences);
            sentences
        }
    };
    Caption::of(sentences)
}

/// Makes a short phrase in plain words, such as a person would search for: a stage, an event, a measure, or two of them.
///
/// A third of the phrases are short sentences of a report, the others what people type: `deep sleep with spindles`,
/// `when does the sleeper stop breathing`, `show me fast breathing`.
///
/// Returns `None` where nothing is known.
pub fn phrase(facts: &EpochFacts, seed: u64) -> Option<Caption> {
    let mut draw = Draw::new(seed ^ 0x5052_4153);
    let reports = draw.chance(0.35).then(|| report(facts, &mut draw)).flatten();
    reports.or_else(|| typed(facts, &mut draw))
}

/// Makes a phrase of one or two short sentences.
fn report(facts: &EpochFacts, draw: &mut Draw) -> Option<Caption> {
    let stage = stage_event::stage(facts, draw);
    let mut others = stage_event::events(facts, draw);
    for kind in CaptionKind::ALL {
        others.extend(words::sentences(kind, facts, draw));
    }
    draw.shuffle(&mut others);
    // As in what people type, the stage comes first and an event or a measure stands beside it or alone.
    let stage = stage.filter(|_| others.is_empty() || draw.chance(0.5));
    let n_others = if stage.is_none() {
        1 + usize::from(draw.chance(0.2))
    } else {
        usize::from(draw.chance(0.4))
    };
    Caption::of(stage.into_iter().chain(others.into_iter().take(n_others)).collect())
}

/// The random choices of a caption.
pub(super) struct Draw(Pcg64Mcg);

impl Draw {
    fn new(seed: u64) -> Self {
        Self(Pcg64Mcg::seed_from_u64(seed))
    }

    /// Returns one of the wordings.
    pub(super) fn pick<'a>(&mut self, wordings: &'a [String]) -> &'a str {
        &wordings[self.below(wordings.len())]
    }

    /// Returns a whole number in `[0, n)`.
    pub(super) fn below(&mut self, n: usize) -> usize {
        // Drawn from 32 bits so that the words do not depend on the width of `usize`.
        ((u64::from(self.0.next_u32()) * n as u64) >> 32) as usize
    }

    /// Returns `true` with the given probability.
    pub(super) fn chance(&mut self, probability: f64) -> bool {
        self.0.random::<f64>() < probability
    }

    /// Brings the items into a random order.
    pub(super) fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i + 1));
        }
    }
}
