//! Generates captions and phrases from facts and a seed.

use rand::{Rng, RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use super::caption_claim::Caption;
use super::search_phrase::search_phrase;
use super::{CaptionKind, EpochFacts, number_sentences, stage_event_sentences, word_sentences};

/// Generates a caption of a kind; equal facts and seeds give equal captions.
///
/// Returns `None` if there are no facts for the kind.
pub fn caption(kind: CaptionKind, facts: &EpochFacts, seed: u64) -> Option<Caption> {
    let mut draw = SeededChoice::new(seed ^ ((kind as u64) << 32));
    let sentences = match kind {
        CaptionKind::StageEvent => stage_event_sentences::sentences(facts, &mut draw),
        CaptionKind::Brain
        | CaptionKind::Heart
        | CaptionKind::Respiratory
        | CaptionKind::PositionMuscle => {
            let mut sentences = number_sentences::sentences(kind, &facts.features, &mut draw);
            if draw.chance(0.5) {
                sentences.extend(word_sentences::sentences(kind, facts, &mut draw));
            }
            draw.shuffle(&mut sentences);
            sentences
        }
    };
    Caption::of(sentences)
}

/// Generates a short phrase as typed in a search: a stage, an event, a measure, or two of them.
///
/// A third of the phrases are short sentences as in a report, the others are search phrases: `deep sleep with spindles`,
/// `when does the sleeper stop breathing`, `show me fast breathing`.
///
/// Returns `None` if there are no facts.
pub fn phrase(facts: &EpochFacts, seed: u64) -> Option<Caption> {
    let mut draw = SeededChoice::new(seed ^ 0x5052_4153);
    let reports = draw.chance(0.35).then(|| report(facts, &mut draw)).flatten();
    reports.or_else(|| search_phrase(facts, &mut draw))
}

/// Generates a phrase of one or two short sentences.
fn report(facts: &EpochFacts, draw: &mut SeededChoice) -> Option<Caption> {
    let stage = stage_event_sentences::stage(facts, draw);
    let mut others = stage_event_sentences::events(facts, draw);
    for kind in CaptionKind::ALL {
        others.extend(word_sentences::sentences(kind, facts, draw));
    }
    draw.shuffle(&mut others);
    // The stage comes first; an event or a measure follows it or is used alone.
    let stage = stage.filter(|_| others.is_empty() || draw.chance(0.5));
    let n_others = if stage.is_none() {
        1 + usize::from(draw.chance(0.2))
    } else {
        usize::from(draw.chance(0.4))
    };
    Caption::of(stage.into_iter().chain(others.into_iter().take(n_others)).collect())
}

/// Seeded random choices for a caption.
pub(super) struct SeededChoice(Pcg64Mcg);

impl SeededChoice {
    fn new(seed: u64) -> Self {
        Self(Pcg64Mcg::seed_from_u64(seed))
    }

    /// Returns one of the wordings.
    pub(super) fn pick<'a>(&mut self, wordings: &'a [String]) -> &'a str {
        &wordings[self.below(wordings.len())]
    }

    /// Returns an integer in `[0, n)`.
    pub(super) fn below(&mut self, n: usize) -> usize {
        // From 32 bits, so that captions do not depend on the width of `usize`.
        ((u64::from(self.0.next_u32()) * n as u64) >> 32) as usize
    }

    /// Returns `true` with the given probability.
    pub(super) fn chance(&mut self, probability: f64) -> bool {
        self.0.random::<f64>() < probability
    }

    /// Shuffles the items.
    pub(super) fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i + 1));
        }
    }
}
