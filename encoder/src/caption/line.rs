//! One text, token after token: the likeliest each time, or one by chance.

use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use super::search::{Continue, Ended, Found, Limits, Watch};
use crate::Result;

/// Which tokens chance may choose, and how likely each is; see [`super::Strategy::Sample`].
#[derive(Debug, Clone, Copy)]
pub(super) struct Odds {
    pub(super) top_k: Option<usize>,
    pub(super) top_p: Option<f32>,
    pub(super) temperature: f32,
}

/// Takes the likeliest token each time; of equals the one with the lower number.
pub(super) fn greedy(model: &mut impl Continue, limits: Limits, watch: Watch<'_>) -> Result<Found> {
    walk(model, limits, watch, likeliest)
}

/// Takes a token by chance each time.
pub(super) fn sample(
    model: &mut impl Continue,
    odds: Odds,
    seed: u64,
    limits: Limits,
    watch: Watch<'_>,
) -> Result<Found> {
    let mut random = Pcg64Mcg::seed_from_u64(seed);
    walk(model, limits, watch, |logits| odds.choose(logits, random.random()))
}

fn walk(
    model: &mut impl Continue,
    limits: Limits,
    watch: Watch<'_>,
    mut choose: impl FnMut(&[f32]) -> u32,
) -> Result<Found> {
    let mut rows = [vec![limits.begin]];
    let mut ended = Ended::Length;
    while rows[0].len() < limits.max_length {
        let mut logits = model.next_logits(&rows, &[0])?;
        limits.forbid_end(rows[0].len(), &mut logits);
        let id = choose(&logits);
        rows[0].push(id);
        if id == limits.end {
            ended = Ended::End;
            break;
        }
        if !watch(Some(id)) {
            ended = Ended::Stopped;
            break;
        }
    }
    let [ids] = rows;
    Ok(Found { ids, ended })
}

fn likeliest(logits: &[f32]) -> u32 {
    let mut best = 0;
    for (id, logit) in logits.iter().enumerate() {
        if *logit > logits[best] {
            best = id;
        }
    }
    best as u32
}

impl Odds {
    /// Returns the token that a number from `[0, 1)` falls on. As in the reference, tokens are left out before the
    /// logits are divided by the temperature.
    fn choose(self, logits: &[f32], chance: f64) -> u32 {
        let mut ranked: Vec<usize> = (0..logits.len()).collect();
        // A stable sort keeps equals in the order of their numbers.
        ranked.sort_by(|a, b| logits[*b].total_cmp(&logits[*a]));
        ranked.truncate(self.top_k.unwrap_or(usize::MAX));
        let highest = f64::from(logits[ranked[0]]);
        let weight = |id: &usize, temperature: f32| {
            ((f64::from(logits[*id]) - highest) / f64::from(temperature)).exp()
        };
        if let Some(top_p) = self.top_p {
            let weights: Vec<f64> = ranked.iter().map(|id| weight(id, 1.0)).collect();
            let enough = f64::from(top_p) * weights.iter().sum::<f64>();
            let before = weights.iter().scan(0.0, |sum, weight| {
                let before = *sum;
                *sum += weight;
                Some(before)
            });
            // The token that brings the sum beyond `top_p` is still in, so that there is always one.
            ranked.truncate(before.take_while(|before| *before < enough).count().max(1));
        }
        let weights: Vec<f64> = ranked.iter().map(|id| weight(id, self.temperature)).collect();
        let mut left = chance * weights.iter().sum::<f64>();
        for (id, weight) in ranked.iter().zip(&weights) {
            left -= weight;
            if left < 0.0 {
                return *id as u32;
            }
        }
        // Rounding may leave a rest beyond the last token.
        ranked[0] as u32
    }
}

#[cfg(test)]
mod tests {
    use super::super::search::tests::{Table, limits};
    use super::*;

    /// After 0 comes 2, after 2 comes 3; after 3 the text would end, or go on with 2.
    const MODEL: Table<4> =
        Table([[0.0, 0.5, 2.0, 1.0], [0.0; 4], [0.0, 0.5, 1.0, 2.0], [0.0, 3.0, 2.0, 1.0]]);

    fn run(min_length: usize, max_length: usize) -> Found {
        greedy(&mut { MODEL }, limits(min_length, max_length), &mut |_| true).unwrap()
    }

    #[test]
    fn greedy_text_ends_with_the_end_token() {
        assert_eq!(run(1, 9), Found { ids: vec![0, 2, 3, 1], ended: Ended::End });
    }

    #[test]
    fn text_does_not_end_before_its_least_length() {
        // The end token is the fourth at the earliest where three must be there before it.
        assert_eq!(run(3, 9).ids, [0, 2, 3, 1]);
        assert_eq!(run(4, 9).ids, [0, 2, 3, 2, 3, 1]);
    }

    #[test]
    fn text_stops_at_its_greatest_length() {
        assert_eq!(run(4, 5), Found { ids: vec![0, 2, 3, 2, 3], ended: Ended::Length });
    }

    #[test]
    fn caller_who_has_gone_away_ends_the_text() {
        let mut told = Vec::new();
        let mut watch = |id: Option<u32>| {
            told.extend(id);
            told.len() < 2
        };
        let found = greedy(&mut { MODEL }, limits(4, 9), &mut watch).unwrap();
        assert_eq!(found, Found { ids: vec![0, 2, 3], ended: Ended::Stopped });
        assert_eq!(told, [2, 3]);
    }

    #[test]
    fn equal_logits_give_the_lower_token() {
        assert_eq!(likeliest(&[1.0, 2.0, 2.0]), 1);
    }

    #[test]
    fn chance_falls_on_tokens_as_often_as_they_are_likely() {
        // The weights are 1, 2, 4 and 1 of 8; ranked 4, 2, 1, 1.
        let logits = [1.0f32, 2.0, 4.0, 1.0].map(f32::ln);
        let check = |top_k, top_p, temperature, chances: &[(f64, u32)]| {
            let odds = Odds { top_k, top_p, temperature };
            for (chance, expected) in chances {
                assert_eq!(odds.choose(&logits, *chance), *expected, "{odds:?} {chance}");
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
        let odds = Odds { top_k: None, top_p: None, temperature: 1.0 };
        let run = |seed| sample(&mut { MODEL }, odds, seed, limits(40, 40), &mut |_| true).unwrap();
        assert_eq!(run(5), run(5));
        assert_ne!(run(5), run(6));
    }
}
