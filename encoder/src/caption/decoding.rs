//! Decoding options, the model interface, and the choice among decoding strategies.

use super::{beam_search, greedy_sampling};
use crate::error::{Error, Result};
use crate::tokenizer::CONTEXT;

/// Maximum beam width.
pub const MAX_BEAMS: usize = 32;

/// Options of decoding: how tokens are chosen, and the limits of their number.
///
/// The default gives the results of SleepLM's published demonstration.
/// It runs group beam search with three beams in three groups without a diversity penalty, so each group repeats
/// the same greedy search.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct DecodingOptions {
    /// How the next token is chosen.
    pub strategy: DecodingStrategy,
    /// Minimum number of tokens, including the start token, before the end token is allowed; 16 by default.
    pub min_length: usize,
    /// Maximum number of tokens, including start and end, from 2 to the context of the bundle; 256 by default.
    pub max_length: usize,
    /// The token that ends a text; `None` for the end token of the vocabulary.
    pub end_token: Option<u32>,
}

impl Default for DecodingOptions {
    fn default() -> Self {
        Self {
            strategy: DecodingStrategy::Greedy,
            min_length: 16,
            max_length: CONTEXT,
            end_token: None,
        }
    }
}

/// How the next token is chosen.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum DecodingStrategy {
    /// The most likely token.
    Greedy,
    /// Beam search, which maximises the mean of the raw logits; see `caption/beam_search.rs`.
    BeamSearch {
        /// Beam width, 1 to [`MAX_BEAMS`].
        beams: usize,
    },
    /// A random token, drawn with the probability that the model assigns to it.
    Sampling {
        /// Sample only from this many most likely tokens; `None` for all.
        top_k: Option<usize>,
        /// Sample only from the most likely tokens that together have this probability, in `(0, 1]`; `None` for all.
        top_p: Option<f32>,
        /// Divisor of the logits, above 0; below 1, likely tokens become more likely.
        temperature: f32,
        /// Random seed; the same seed gives the same text.
        seed: u64,
    },
}

/// The reason why decoding ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum FinishReason {
    /// The end token was chosen.
    EndToken,
    /// The text reached its maximum length.
    MaxLength,
    /// The caller cancelled.
    Cancelled,
}

/// A model that predicts the next token of a text: the captioner of a bundle, or a model in training.
pub trait NextTokenModel {
    /// Returns the logits of the next token of each row, `[rows, vocabulary]`.
    ///
    /// Rows are texts of the same length, from the start token on.
    /// From the second call on, row `i` is row `parents[i]` of the previous call with one token appended.
    ///
    /// # Errors
    ///
    /// Any failure of the model; it ends the decoding.
    fn next_logits(&mut self, rows: &[Vec<u32>], parents: &[usize]) -> Result<Vec<f32>>;
}

/// The result of decoding.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DecodedText {
    /// Tokens from the start token on, with the end token if it was chosen.
    pub ids: Vec<u32>,
    /// The reason why decoding ended.
    pub finish_reason: FinishReason,
}

/// The start and end tokens of a text and its minimum and maximum length.
#[derive(Debug, Clone, Copy)]
pub struct TextLimits {
    /// The token that starts a text.
    pub start_token: u32,
    /// The token that ends a text.
    pub end_token: u32,
    /// Minimum number of tokens, including the start token, before the end token is allowed.
    pub min_length: usize,
    /// Maximum number of tokens, including start and end.
    pub max_length: usize,
}

/// A callback for each decoding step: takes the token that became final, if any, and returns whether to continue.
pub type OnStep<'a> = &'a mut dyn FnMut(Option<u32>) -> bool;

impl DecodingOptions {
    /// Decodes a text within `limits`.
    ///
    /// # Errors
    ///
    /// Those of the model.
    pub fn decode(
        &self,
        model: &mut impl NextTokenModel,
        limits: TextLimits,
        on_step: OnStep<'_>,
    ) -> Result<DecodedText> {
        match self.strategy {
            DecodingStrategy::Greedy => greedy_sampling::greedy(model, limits, on_step),
            DecodingStrategy::BeamSearch { beams } => {
                beam_search::beam_search(model, beams, limits, on_step)
            }
            DecodingStrategy::Sampling { top_k, top_p, temperature, seed } => {
                let filter = greedy_sampling::SamplingFilter { top_k, top_p, temperature };
                greedy_sampling::sample(model, filter, seed, limits, on_step)
            }
        }
    }

    /// Checks that every option is in range for a context of `context` tokens.
    ///
    /// # Errors
    ///
    /// [`Error::DecodingOption`].
    pub fn check(&self, context: usize) -> Result<()> {
        let refuse = |field, value: String, expected: String| {
            Err(Error::DecodingOption { field, value, expected })
        };
        let Self { strategy, min_length, max_length, end_token: _ } = *self;
        if !(2..=context).contains(&max_length) {
            return refuse("max_length", max_length.to_string(), format!("2 to {context}"));
        }
        if min_length > max_length {
            let expected = format!("at most `max_length`, {max_length}");
            return refuse("min_length", min_length.to_string(), expected);
        }
        match strategy {
            DecodingStrategy::BeamSearch { beams } if !(1..=MAX_BEAMS).contains(&beams) => {
                refuse("beams", beams.to_string(), format!("1 to {MAX_BEAMS}"))
            }
            DecodingStrategy::Sampling { top_k: Some(0), .. } => {
                refuse("top_k", "0".to_owned(), "1 or more".to_owned())
            }
            DecodingStrategy::Sampling { top_p: Some(top_p), .. }
                if !(top_p > 0.0 && top_p <= 1.0) =>
            {
                refuse("top_p", top_p.to_string(), "a number above 0, at most 1".to_owned())
            }
            DecodingStrategy::Sampling { temperature, .. }
                if !(temperature > 0.0 && temperature.is_finite()) =>
            {
                let expected = "a number above 0".to_owned();
                refuse("temperature", temperature.to_string(), expected)
            }
            DecodingStrategy::Greedy
            | DecodingStrategy::BeamSearch { .. }
            | DecodingStrategy::Sampling { .. } => Ok(()),
        }
    }
}

impl TextLimits {
    /// Makes the end token impossible while the text is shorter than its minimum length.
    pub(super) fn forbid_early_end(&self, length: usize, logits: &mut [f32]) {
        if length < self.min_length {
            logits[self.end_token as usize] = f32::NEG_INFINITY;
        }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// A model whose next token depends only on the last one: row `i` of the table holds the logits after token `i`.
    pub(in crate::caption) struct BigramModel<const N: usize>(pub(in crate::caption) [[f32; N]; N]);

    impl<const N: usize> NextTokenModel for BigramModel<N> {
        fn next_logits(&mut self, rows: &[Vec<u32>], parents: &[usize]) -> Result<Vec<f32>> {
            assert_eq!(rows.len(), parents.len(), "each row has a parent");
            Ok(rows.iter().flat_map(|row| self.0[*row.last().unwrap() as usize]).collect())
        }
    }

    pub(in crate::caption) fn limits(min_length: usize, max_length: usize) -> TextLimits {
        TextLimits { start_token: 0, end_token: 1, min_length, max_length }
    }

    #[test]
    fn options_out_of_range_are_rejected() {
        let check = |options: DecodingOptions, expected| {
            assert_eq!(options.check(256).unwrap_err().to_string(), expected);
        };
        let with = |strategy| DecodingOptions { strategy, ..DecodingOptions::default() };
        let sampling = |top_k, top_p, temperature| {
            with(DecodingStrategy::Sampling { top_k, top_p, temperature, seed: 1 })
        };
        assert!(DecodingOptions::default().check(256).is_ok());
        check(
            DecodingOptions { max_length: 257, ..DecodingOptions::default() },
            "`max_length` is 257; expected 2 to 256",
        );
        check(
            DecodingOptions { min_length: 16, max_length: 9, ..DecodingOptions::default() },
            "`min_length` is 16; expected at most `max_length`, 9",
        );
        check(with(DecodingStrategy::BeamSearch { beams: 0 }), "`beams` is 0; expected 1 to 32");
        check(with(DecodingStrategy::BeamSearch { beams: 33 }), "`beams` is 33; expected 1 to 32");
        check(sampling(Some(0), None, 1.0), "`top_k` is 0; expected 1 or more");
        check(
            sampling(None, Some(f32::NAN), 1.0),
            "`top_p` is NaN; expected a number above 0, at most 1",
        );
        check(sampling(None, None, 0.0), "`temperature` is 0; expected a number above 0");
    }
}
