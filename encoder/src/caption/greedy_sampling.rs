//! Greedy search and sampling: one text, one token after the other.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use super::decoding::{DecodedText, FinishReason, NextTokenModel, OnStep, TextLimits};
use crate::error::Result;

/// Which tokens may be sampled, and how likely each is; see [`super::DecodingStrategy::Sampling`].
#[derive(Debug, Clone, Copy)]
pub(super) struct SamplingFilter {
    pub(super) top_k: Option<usize>,
    pub(super) top_p: Option<f32>,
    pub(super) temperature: f32,
}

/// Takes the most likely token at each step; of equal ones, the one with the lower number.
pub(super) fn greedy(
    model: &mut impl NextTokenModel,
    limits: TextLimits,
    on_step: OnStep<'_>,
) -> Result<DecodedText> {
    decode(model, limits, on_step, most_likely)
}

/// Takes a random token at each step.
pub(super) fn sample(
    model: &mut impl NextTokenModel,
    filter: SamplingFilter,
    seed: u64,
    limits: TextLimits,
    on_step: OnStep<'_>,
) -> Result<DecodedText> {
    let mut random = Pcg64Mcg::seed_from_u64(seed);
    decode(model, limits, on_step, |logits| filter.choose(logits, random.random()))
}

/// Appends the token that `choose` picks from the logits, until the text ends.
fn decode(
    model: &mut impl NextTokenModel,
    limits: TextLimits,
    on_step: OnStep<'_>,
    mut choose: impl FnMut(&[f32]) -> u32,
) -> Result<DecodedText> {
    let mut rows = [vec![limits.start_token]];
    let mut finish_reason = FinishReason::MaxLength;
    while rows[0].len() < limits.max_length {
        let mut logits = model.next_logits(&rows, &[0])?;
        limits.forbid_early_end(rows[0].len(), &mut logits);
        let id = choose(&logits);
        rows[0].push(id);
        if id == limits.end_token {
            finish_reason = FinishReason::EndToken;
            break;
        }
        if !on_step(Some(id)) {
            finish_reason = FinishReason::Cancelled;
            break;
        }
    }
    let [ids] = rows;
    Ok(DecodedText { ids, finish_reason })
}

fn most_likely(logits: &[f32]) -> u32 {
    let mut best = 0;
    for (id, logit) in logits.iter().enumerate() {
        if *logit > logits[best] {
            best = id;
        }
    }
    best as u32
}

impl SamplingFilter {
    /// Returns the token at the quantile `u`, in `[0, 1)`, of the filtered distribution.
    ///
    /// As in the reference, tokens are filtered before the logits are divided by the temperature.
    fn choose(self, logits: &[f32], u: f64) -> u32 {
        let mut ranked: Vec<usize> = (0..logits.len()).collect();
        // The sort is stable, so equal logits stay in the order of their tokens.
        ranked.sort_by(|a, b| logits[*b].total_cmp(&logits[*a]));
        ranked.truncate(self.top_k.unwrap_or(usize::MAX));
        // Subtracting the maximum keeps the exponentials from overflowing.
        let highest = f64::from(logits[ranked[0]]);
        let weight = |id: &usize, temperature: f32| {
            ((f64::from(logits[*id]) - highest) / f64::from(temperature)).exp()
        };
        if let Some(top_p) = self.top_p {
            let weights: Vec<f64> = ranked.iter().map(|id| weight(id, 1.0)).collect();
            let enough = f64::from(top_p) * weights.iter().sum::<f64>();
            let sums_before = weights.iter().scan(0.0, |sum, weight| {
                let before = *sum;
                *sum += weight;
                Some(before)
            });
            // The token that reaches `top_p` is included, so at least one is left.
            let n = sums_before.take_while(|before| *before < enough).count().max(1);
            ranked.truncate(n);
        }
        let weights: Vec<f64> = ranked.iter().map(|id| weight(id, self.temperature)).collect();
        let mut rest = u * weights.iter().sum::<f64>();
        for (id, weight) in ranked.iter().zip(&weights) {
            rest -= weight;
            if rest < 0.0 {
                return *id as u32;
            }
        }
        // Rounding can leave a rest after the last token.
        ranked[0] as u32
    }
}

#[cfg(test)]
mod tests {
    use super::super::decoding::tests::{BigramModel, limits};
    use super::*;

    /// Token 2 follows 0, token 3 follows 2; after 3 the text ends or continues with 2.
    const MODEL: BigramModel<4> =
        BigramModel([[0.0, 0.5, 2.0, 1.0], [0.0; 4], [0.0, 0.5, 1.0, 2.0], [0.0, 3.0, 2.0, 1.0]]);

    fn run(min_length: usize, max_length: usize) -> DecodedText {
        greedy(&mut { MODEL }, limits(min_length, max_length), &mut |_| true).unwrap()
    }

    #[test]
    fn greedy_text_ends_with_the_end_token() {
        let expected = DecodedText { ids: vec![0, 2, 3, 1], finish_reason: FinishReason::EndToken };
        assert_eq!(run(1, 9), expected);
    }

    #[test]
    fn text_does_not_end_before_its_minimum_length() {
        // With three tokens required before it, the end token is the fourth at the earliest.
        assert_eq!(run(3, 9).ids, [0, 2, 3, 1]);
        assert_eq!(run(4, 9).ids, [0, 2, 3, 2, 3, 1]);
    }

    #[test]
    fn text_stops_at_its_maximum_length() {
        let expected =
            DecodedText { ids: vec![0, 2, 3, 2, 3], finish_reason: FinishReason::MaxLength };
        assert_eq!(run(4, 5), expected);
    }

    #[test]
    fn callback_can_cancel() {
        let mut reported = Vec::new();
        let mut on_step = |id: Option<u32>| {
            reported.extend(id);
            reported.len() < 2
        };
        let text = greedy(&mut { MODEL }, limits(4, 9), &mut on_step).unwrap();
        let expected = DecodedText { ids: vec![0, 2, 3], finish_reason: FinishReason::Cancelled };
        assert_eq!(text, expected);
        assert_eq!(reported, [2, 3]);
    }

    #[test]
    fn equal_logits_give_the_lower_token() {
        assert_eq!(most_likely(&[1.0, 2.0, 2.0]), 1);
    }

    #[test]
    fn tokens_are_sampled_as_often_as_they_are_likely() {
        // The weights are 1, 2, 4 and 1 of 8; ranked 4, 2, 1, 1.
        let logits = [1.0f32, 2.0, 4.0, 1.0].map(f32::ln);
        let check = |top_k, top_p, temperature, quantiles: &[(f64, u32)]| {
            let filter = SamplingFilter { top_k, top_p, temperature };
            for (u, expected) in quantiles {
                assert_eq!(filter.choose(&logits, *u), *expected, "{filter:?} {u}");
            }
        };
        check(None, None, 1.0, &[(0.0, 2), (0.49, 2), (0.51, 1), (0.76, 0), (0.88, 3)]);
        check(Some(2), None, 1.0, &[(0.66, 2), (0.67, 1), (0.999, 1)]);
        check(None, Some(0.75), 1.0, &[(0.66, 2), (0.67, 1), (0.999, 1)]);
        check(None, Some(0.01), 1.0, &[(0.999, 2)]);
        // Squared weights: 16, 4, 1, 1 of 22.
        check(None, None, 0.5, &[(0.72, 2), (0.73, 1), (0.92, 0)]);
    }

    #[test]
    fn same_seed_gives_the_same_text() {
        let filter = SamplingFilter { top_k: None, top_p: None, temperature: 1.0 };
        let run =
            |seed| sample(&mut { MODEL }, filter, seed, limits(40, 40), &mut |_| true).unwrap();
        assert_eq!(run(5), run(5));
        assert_ne!(run(5), run(6));
    }
}
