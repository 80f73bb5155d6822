//! Beam search with the rules of the group beam search that SleepLM's demonstration calls, for one group.
//!
//! - The score of a text is the sum of its raw logits; there is no softmax.
//! - Of the `2 · width` best candidates, the best ones that do not end a text become the next beams.
//!   One that ends a text is finished only if it ranks among the first `width`.
//! - The score of a finished text is its sum divided by its length, including the end token.
//!   The best `width` finished texts are kept.
//! - The search ends when there are `width` finished texts and the worst of them is at least as good as the best
//!   candidate's sum divided by its length.
//!   At the maximum length, open beams count as finished texts.

use super::decoding::{DecodedText, FinishReason, NextTokenModel, OnStep, TextLimits};
use crate::error::Result;

/// A text that can still grow.
#[derive(Debug, Clone)]
struct Beam {
    ids: Vec<u32>,
    /// Sum of the raw logits.
    sum: f32,
}

/// A finished text with its mean logit.
#[derive(Debug)]
struct FinishedText {
    text: DecodedText,
    mean_logit: f64,
}

/// The best `width` finished texts.
#[derive(Debug)]
struct FinishedTexts {
    width: usize,
    texts: Vec<FinishedText>,
}

/// A beam extended by one token.
#[derive(Debug, Clone, Copy)]
struct BeamCandidate {
    /// Index of the beam.
    beam: usize,
    /// The token.
    id: u32,
    /// Sum of the raw logits with the token.
    sum: f32,
}

/// Decodes with `width` beams. A width of 1 gives the same text as greedy search.
pub(super) fn beam_search(
    model: &mut impl NextTokenModel,
    width: usize,
    limits: TextLimits,
    on_step: OnStep<'_>,
) -> Result<DecodedText> {
    let mut finished = FinishedTexts { width, texts: Vec::new() };
    // The reference starts with `width` equal beams and masks all but one of them; one beam is the same.
    let mut beams = vec![Beam { ids: vec![limits.start_token], sum: 0.0 }];
    // For each beam, the index of the beam it extends, so that the model can reorder its cache.
    let mut parents = vec![0];
    let mut length = 1;
    while length < limits.max_length && !beams.is_empty() {
        let rows: Vec<Vec<u32>> = beams.iter().map(|beam| beam.ids.clone()).collect();
        let mut logits = model.next_logits(&rows, &parents)?;
        let vocabulary = logits.len() / beams.len();
        for row in logits.chunks_exact_mut(vocabulary) {
            limits.forbid_early_end(length, row);
        }
        length += 1;
        // At most `width` candidates end a text (one per beam), so `2 · width` leave at least `width` that go on.
        let candidates = best_candidates(&beams, &logits, 2 * width);
        let mut next = Vec::with_capacity(width);
        parents.clear();
        for (rank, candidate) in candidates.iter().enumerate() {
            let mut ids = beams[candidate.beam].ids.clone();
            ids.push(candidate.id);
            if candidate.id != limits.end_token {
                next.push(Beam { ids, sum: candidate.sum });
                parents.push(candidate.beam);
            } else if rank < width {
                let finish_reason = FinishReason::EndToken;
                finished.add(DecodedText { ids, finish_reason }, candidate.sum);
            }
            if next.len() == width {
                break;
            }
        }
        beams = next;
        let best_sum = candidates.first().map_or(f32::NEG_INFINITY, |candidate| candidate.sum);
        if finished.is_complete(best_sum, length) {
            beams.clear();
            break;
        }
        if !on_step(None) {
            return Ok(empty(limits, FinishReason::Cancelled));
        }
    }
    for Beam { ids, sum } in beams {
        finished.add(DecodedText { ids, finish_reason: FinishReason::MaxLength }, sum);
    }
    let best = finished.into_best().unwrap_or_else(|| empty(limits, FinishReason::MaxLength));
    // Tokens become final only now: until the end, another beam could have won.
    for id in best.ids[1..].iter().filter(|id| **id != limits.end_token) {
        on_step(Some(*id));
    }
    Ok(best)
}

/// Returns a text of the start token alone.
fn empty(limits: TextLimits, finish_reason: FinishReason) -> DecodedText {
    DecodedText { ids: vec![limits.start_token], finish_reason }
}

/// Returns the `n` candidates with the highest sums, best first; the first of equal candidates wins.
///
/// Inserting into a short sorted list is enough: nearly every candidate is worse than the last of the list.
fn best_candidates(beams: &[Beam], logits: &[f32], n: usize) -> Vec<BeamCandidate> {
    let vocabulary = logits.len() / beams.len();
    let mut best: Vec<BeamCandidate> = Vec::with_capacity(n + 1);
    for (beam, (text, logits)) in beams.iter().zip(logits.chunks_exact(vocabulary)).enumerate() {
        for (id, logit) in (0..).zip(logits) {
            let sum = text.sum + logit;
            let is_among_best = best.len() < n || best.last().is_some_and(|last| sum > last.sum);
            // A forbidden end token has a sum of minus infinity and is never a candidate.
            if is_among_best && sum > f32::NEG_INFINITY {
                let rank = best.partition_point(|other| other.sum >= sum);
                best.insert(rank, BeamCandidate { beam, id, sum });
                best.truncate(n);
            }
        }
    }
    best
}

impl FinishedTexts {
    /// Adds a text if it is among the best `width`.
    fn add(&mut self, text: DecodedText, sum: f32) {
        let mean_logit = f64::from(sum) / text.ids.len() as f64;
        if self.texts.len() < self.width {
            self.texts.push(FinishedText { text, mean_logit });
            return;
        }
        // Of equally bad texts, the reference drops the first.
        let worst = (0..self.texts.len())
            .min_by(|a, b| self.texts[*a].mean_logit.total_cmp(&self.texts[*b].mean_logit))
            .expect("the width is at least 1");
        if mean_logit > self.texts[worst].mean_logit {
            self.texts.remove(worst);
            self.texts.push(FinishedText { text, mean_logit });
        }
    }

    /// Returns whether no open beam is expected to beat the worst of these texts.
    fn is_complete(&self, best_sum: f32, length: usize) -> bool {
        let worst = self.texts.iter().map(|text| text.mean_logit).fold(f64::INFINITY, f64::min);
        self.texts.len() == self.width && worst >= f64::from(best_sum) / length as f64
    }

    /// Returns the best text; the last of equally good texts wins.
    fn into_best(self) -> Option<DecodedText> {
        let best = self.texts.into_iter().max_by(|a, b| a.mean_logit.total_cmp(&b.mean_logit));
        best.map(|finished| finished.text)
    }
}

#[cfg(test)]
mod tests {
    use super::super::decoding::tests::{BigramModel, limits};
    use super::super::greedy_sampling;
    use super::*;

    /// Greedy search takes token 2, which leads to low logits; token 3 gives the better text.
    const TRAP: BigramModel<4> = BigramModel([
        [-9.0, -9.0, 2.0, 1.5],
        [0.0; 4],
        [-9.0, 0.1, 0.0, 0.0],
        [-9.0, 4.0, 0.0, 0.0],
    ]);

    fn run(
        model: &BigramModel<4>,
        width: usize,
        min_length: usize,
        max_length: usize,
    ) -> DecodedText {
        let limits = limits(min_length, max_length);
        beam_search(&mut BigramModel(model.0), width, limits, &mut |_| true).unwrap()
    }

    #[test]
    fn two_beams_find_what_greedy_search_misses() {
        assert_eq!(run(&TRAP, 1, 1, 9).ids, [0, 2, 1]);
        let expected = DecodedText { ids: vec![0, 3, 1], finish_reason: FinishReason::EndToken };
        assert_eq!(run(&TRAP, 2, 1, 9), expected);
    }

    #[test]
    fn one_beam_equals_greedy_search() {
        use rand::{RngExt, SeedableRng};
        let mut random = rand_pcg::Pcg64Mcg::seed_from_u64(4);
        for case in 0..200 {
            let table = [[0.0; 4]; 4].map(|row| row.map(|_: f32| random.random_range(-1.0..1.0)));
            let limits = limits(case % 7, 9);
            let greedy =
                greedy_sampling::greedy(&mut BigramModel(table), limits, &mut |_| true).unwrap();
            let beam = beam_search(&mut BigramModel(table), 1, limits, &mut |_| true).unwrap();
            assert_eq!(greedy, beam, "{table:?}");
        }
    }

    #[test]
    fn end_token_below_the_beam_width_is_dropped() {
        // After token 0, the end token ranks third of four candidates: two beams drop it.
        let table = BigramModel([
            [-9.0, 1.0, 3.0, 2.0],
            [0.0; 4],
            [-9.0, -9.0, -5.0, -9.0],
            [-9.0, -9.0, -9.0, -6.0],
        ]);
        assert_eq!(run(&table, 2, 1, 3).ids, [0, 2, 2]);
        // Three beams keep it, and its mean of 0.5 beats that of every longer text.
        let expected = DecodedText { ids: vec![0, 1], finish_reason: FinishReason::EndToken };
        assert_eq!(run(&table, 3, 1, 3), expected);
    }

    #[test]
    fn open_beams_count_at_the_maximum_length() {
        assert_eq!(run(&TRAP, 2, 9, 4).finish_reason, FinishReason::MaxLength);
        assert_eq!(run(&TRAP, 2, 9, 4).ids.len(), 4);
    }

    #[test]
    fn finished_texts_are_ranked_by_their_mean_logit() {
        let mut finished = FinishedTexts { width: 2, texts: Vec::new() };
        let text = |n| DecodedText { ids: vec![0; n], finish_reason: FinishReason::EndToken };
        finished.add(text(2), 2.0);
        assert!(!finished.is_complete(-9.0, 3));
        finished.add(text(4), 3.0);
        finished.add(text(3), 2.7);
        assert!(finished.is_complete(2.7, 3) && !finished.is_complete(2.8, 3));
        assert_eq!(finished.into_best().unwrap().ids.len(), 2);
    }

    #[test]
    fn tokens_are_reported_once_they_are_final() {
        let mut reported = Vec::new();
        let mut on_step = |id: Option<u32>| {
            reported.push(id);
            true
        };
        beam_search(&mut BigramModel(TRAP.0), 2, limits(1, 9), &mut on_step).unwrap();
        assert_eq!(reported.last(), Some(&Some(3)));
        let cancelled =
            beam_search(&mut BigramModel(TRAP.0), 2, limits(9, 9), &mut |_| false).unwrap();
        assert_eq!(cancelled.finish_reason, FinishReason::Cancelled);
    }
}
