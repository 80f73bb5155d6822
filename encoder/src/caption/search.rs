//! How the words of a caption are chosen, and what chooses among.

use super::{beams, line};
use crate::{Error, Result};

/// Most beams of a search.
pub const MOST_BEAMS: usize = 32;

/// How the tokens of a caption are chosen, and how many there may be.
///
/// The default gives what SleepLM's published demonstration gives: its three beams in three groups do the same work
/// three times, which is greedy search.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Search {
    /// How the next token is chosen.
    pub strategy: Strategy,
    /// Tokens, with the begin token, that a text has before its end token may come; 16 by default.
    pub min_length: usize,
    /// Most tokens, with begin and end, from 2 to the context of the bundle; 256 by default.
    pub max_length: usize,
    /// The token that ends a text, where it is another than the vocabulary's end token.
    pub end: Option<u32>,
}

impl Default for Search {
    fn default() -> Self {
        Self {
            strategy: Strategy::Greedy,
            min_length: 16,
            max_length: crate::tokenizer::CONTEXT,
            end: None,
        }
    }
}

/// How the next token is chosen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Strategy {
    /// The likeliest token.
    Greedy,
    /// The texts with the highest mean of raw logits are kept, see [`beams`](self::beams).
    Beams {
        /// Texts that are kept, 1 to [`MOST_BEAMS`].
        beams: usize,
        /// Groups that the beams are divided into, of the same size.
        ///
        /// Nothing keeps the groups apart, so every one of them finds the same: one is computed.
        groups: usize,
    },
    /// A token by chance, the likelier the more often.
    Sample {
        /// Only the so many likeliest; all without it.
        top_k: Option<usize>,
        /// Only the likeliest that together have this probability, in `(0, 1]`; all without it.
        top_p: Option<f32>,
        /// By what the logits are divided, above 0; below 1 the likely become likelier.
        temperature: f32,
        /// Seed; the same seed gives the same text.
        seed: u64,
    },
}

/// How a text came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ended {
    /// With the end token.
    End,
    /// At the greatest length.
    Length,
    /// The caller wanted no more.
    Stopped,
}

/// What continues texts, token by token: the captioner of a bundle, or a model in training.
pub trait Continue {
    /// Returns the logits of the next token of each row, `[rows, vocabulary]`.
    ///
    /// Rows are texts of one length from the begin token on. From the second call on each is a row of the call before
    /// with one token more; `parents` says which row.
    ///
    /// # Errors
    ///
    /// What keeps the model from going on; the search ends with it.
    fn next_logits(&mut self, rows: &[Vec<u32>], parents: &[usize]) -> Result<Vec<f32>>;
}

/// The text that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// Tokens from the begin token on, with the end token where there is one.
    pub ids: Vec<u32>,
    /// How it came to its end.
    pub ended: Ended,
}

/// Which tokens begin and end a text, and when the end may and must come.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// The token that begins a text.
    pub begin: u32,
    /// The token that ends it.
    pub end: u32,
    /// Tokens, with the begin token, that a text has before its end token may come.
    pub min_length: usize,
    /// Most tokens, with begin and end.
    pub max_length: usize,
}

/// Is told after each step which token is settled, if one is, and says whether to go on.
pub type Watch<'a> = &'a mut dyn FnMut(Option<u32>) -> bool;

impl Search {
    /// Searches for a text that begins, ends and is as long as `limits` say.
    ///
    /// # Errors
    ///
    /// Those of the model.
    pub fn run(
        &self,
        model: &mut impl Continue,
        limits: Limits,
        watch: Watch<'_>,
    ) -> Result<Found> {
        match self.strategy {
            Strategy::Greedy => line::greedy(model, limits, watch),
            Strategy::Beams { beams, groups } => {
                beams::search(model, beams / groups, limits, watch)
            }
            Strategy::Sample { top_k, top_p, temperature, seed } => {
                let odds = line::Odds { top_k, top_p, temperature };
                line::sample(model, odds, seed, limits, watch)
            }
        }
    }

    /// Refuses what is out of range.
    ///
    /// # Errors
    ///
    /// [`Error::Search`].
    pub fn check(&self, context: usize) -> Result<()> {
        let refuse =
            |field, value: String, expected: String| Err(Error::Search { field, value, expected });
        let Self { strategy, min_length, max_length, end: _ } = *self;
        if !(2..=context).contains(&max_length) {
            return refuse("max_length", max_length.to_string(), format!("2 to {context}"));
        }
        if min_length > max_length {
            let expected = format!("at most `max_length`, {max_length}");
            return refuse("min_length", min_length.to_string(), expected);
        }
        match strategy {
            Strategy::Beams { beams, .. } if !(1..=MOST_BEAMS).contains(&beams) => {
                refuse("beams", beams.to_string(), format!("1 to {MOST_BEAMS}"))
            }
            Strategy::Beams { beams, groups } if groups == 0 || beams % groups != 0 => {
                refuse("groups", groups.to_string(), format!("a divisor of `beams`, {beams}"))
            }
            Strategy::Sample { top_k: Some(0), .. } => {
                refuse("top_k", "0".to_owned(), "1 or more".to_owned())
            }
            Strategy::Sample { top_p: Some(top_p), .. } if !(top_p > 0.0 && top_p <= 1.0) => {
                refuse("top_p", top_p.to_string(), "a number above 0, at most 1".to_owned())
            }
            Strategy::Sample { temperature, .. }
                if !(temperature > 0.0 && temperature.is_finite()) =>
            {
                let expected = "a number above 0".to_owned();
                refuse("temperature", temperature.to_string(), expected)
            }
            Strategy::Greedy | Strategy::Beams { .. } | Strategy::Sample { .. } => Ok(()),
        }
    }
}

impl Limits {
    /// Makes the end token impossible where a text of this length may not end yet.
    pub(super) fn forbid_end(&self, length: usize, logits: &mut [f32]) {
        if length < self.min_length {
            logits[self.end as usize] = f32::NEG_INFINITY;
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A model whose next token depends on the last one alone: row `i` of the table are the logits after token `i`.
    pub(in crate::caption) struct Table<const N: usize>(pub(in crate::caption) [[f32; N]; N]);

    impl<const N: usize> Continue for Table<N> {
        fn next_logits(&mut self, rows: &[Vec<u32>], parents: &[usize]) -> Result<Vec<f32>> {
            assert_eq!(rows.len(), parents.len(), "each row has a parent");
            Ok(rows.iter().flat_map(|row| self.0[*row.last().unwrap() as usize]).collect())
        }
    }

    pub(in crate::caption) fn limits(min_length: usize, max_length: usize) -> Limits {
        Limits { begin: 0, end: 1, min_length, max_length }
    }

    #[test]
    fn searches_out_of_range_are_refused() {
        let check = |search: Search, expected| {
            assert_eq!(search.check(256).unwrap_err().to_string(), expected);
        };
        let with = |strategy| Search { strategy, ..Search::default() };
        let sample = |top_k, top_p, temperature| {
            with(Strategy::Sample { top_k, top_p, temperature, seed: 1 })
        };
        assert!(Search::default().check(256).is_ok());
        check(
            Search { max_length: 257, ..Search::default() },
            "`max_length` is 257; expected 2 to 256",
        );
        check(
            Search { min_length: 16, max_length: 9, ..Search::default() },
            "`min_length` is 16; expected at most `max_length`, 9",
        );
        check(with(Strategy::Beams { beams: 0, groups: 1 }), "`beams` is 0; expected 1 to 32");
        check(
            with(Strategy::Beams { beams: 6, groups: 4 }),
            "`groups` is 4; expected a divisor of `beams`, 6",
        );
        check(sample(Some(0), None, 1.0), "`top_k` is 0; expected 1 or more");
        check(
            sample(None, Some(f32::NAN), 1.0),
            "`top_p` is NaN; expected a number above 0, at most 1",
        );
        check(sample(None, None, 0.0), "`temperature` is 0; expected a number above 0");
    }
}
