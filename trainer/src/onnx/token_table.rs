//! The table of token vectors and the projection to the vocabulary, cut down to the tokens that were trained.

use super::builder::{Builder, Value};
use crate::{HostTensor, TokenBatch};

/// Which tokens the text tower met in its training.
///
/// The row of a token that was never met is what it was drawn as: noise, which an export leaves out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenSet {
    bits: Vec<u8>,
    vocabulary_size: usize,
}

impl TokenSet {
    /// Returns the empty set over a vocabulary.
    pub fn new(vocabulary_size: usize) -> Self {
        Self { bits: vec![0; vocabulary_size.div_ceil(8)], vocabulary_size }
    }

    /// Returns the set of all tokens of a vocabulary.
    pub fn all(vocabulary_size: usize) -> Self {
        let mut set = Self::new(vocabulary_size);
        (0..vocabulary_size).for_each(|token| set.bits[token / 8] |= 1 << (token % 8));
        set
    }

    /// Reads a set back from its bits, or returns `None` where they are not of that vocabulary.
    pub fn from_bytes(bits: Vec<u8>, vocabulary_size: usize) -> Option<Self> {
        (bits.len() == vocabulary_size.div_ceil(8)).then_some(Self { bits, vocabulary_size })
    }

    /// Returns one bit for each token, the lowest bit of a byte first.
    pub fn as_bytes(&self) -> &[u8] {
        &self.bits
    }

    /// Adds the tokens of some texts, and the pad, which every text ends with.
    ///
    /// # Panics
    ///
    /// Where a token is beyond the vocabulary.
    pub fn extend(&mut self, texts: &TokenBatch) {
        for id in texts.ids() {
            self.bits[*id as usize / 8] |= 1 << (id % 8);
        }
    }

    /// Returns whether the token was met.
    pub fn contains(&self, token: usize) -> bool {
        self.bits.get(token / 8).is_some_and(|byte| byte >> (token % 8) & 1 == 1)
    }

    /// Returns the tokens that were met, in order.
    pub fn tokens(&self) -> impl Iterator<Item = usize> {
        (0..self.vocabulary_size).filter(|token| self.contains(*token))
    }

    /// Returns for each token of the vocabulary its place among those that were met, from 1, or 0 for all others.
    fn places(&self) -> Vec<i32> {
        let mut places = vec![0; self.vocabulary_size];
        for (place, token) in (1..).zip(self.tokens()) {
            places[token] = place;
        }
        places
    }

    /// Returns the number of tokens that were met.
    pub fn len(&self) -> usize {
        self.bits.iter().map(|byte| byte.count_ones() as usize).sum()
    }

    /// Returns whether no token was met.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Logit of a token that was never met: no search chooses it, and it adds nothing to a softmax.
const NEVER: f32 = -1e30;

/// Returns the vectors `[batch, length, width]` of `tokens` `[batch, length]`.
///
/// With a set, the table holds its tokens and one row of zeros for all others, and tokens are looked up twice:
/// first their row, then the row's vector. Nothing is rounded.
pub(super) fn look_up(
    builder: &mut Builder,
    table: &HostTensor,
    trained: Option<&TokenSet>,
    tokens: &Value,
) -> Value {
    let Some(trained) = trained else {
        let table = builder.f32s(&table.shape, &table.values);
        return builder.gather(&table, 0, tokens);
    };
    let width = table.shape[1];
    let mut kept = vec![0.0; width];
    for token in trained.tokens() {
        kept.extend_from_slice(&table.values[token * width..][..width]);
    }
    let rows_of_tokens = builder.i32s(&trained.places());
    let rows = builder.gather(&rows_of_tokens, 0, tokens);
    let kept = builder.f32s(&[kept.len() / width, width], &kept);
    builder.gather(&kept, 0, &rows)
}

/// Returns the logits `[batch, length, vocabulary]` of states `[batch, length, width]` by a projection
/// `[width, vocabulary]`.
///
/// With a set, the projection holds the columns of its tokens, and the logits of all others are [`NEVER`].
pub(super) fn logits(
    builder: &mut Builder,
    projection: &HostTensor,
    trained: Option<&TokenSet>,
    states: &Value,
) -> Value {
    let Some(trained) = trained else {
        let projection = builder.f32s(&projection.shape, &projection.values);
        return builder.matmul(states, &projection);
    };
    let [width, vocabulary_size] = [projection.shape[0], projection.shape[1]];
    let tokens: Vec<usize> = trained.tokens().collect();
    let rows = projection.values.chunks_exact(vocabulary_size);
    let kept: Vec<f32> = rows.flat_map(|row| tokens.iter().map(|token| row[*token])).collect();
    let kept = builder.f32s(&[width, tokens.len()], &kept);
    let known = builder.matmul(states, &kept);
    let before = builder.i64s(&[0, 0, 1, 0, 0, 0]);
    let never = builder.f32(NEVER);
    let known = builder.node("Pad", &[&known, &before, &never], &[]);
    let places = builder.i32s(&trained.places());
    builder.gather(&known, -1, &places)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sets_are_read_back() {
        let mut set = TokenSet::new(20);
        set.extend(&TokenBatch::new(&[[3, 17]], 256));
        let back = TokenSet::from_bytes(set.as_bytes().to_vec(), 20).unwrap();
        assert_eq!(back, set);
        assert_eq!(set.len(), 3);
        assert!(set.contains(0) && set.contains(3) && set.contains(17) && !set.contains(4));
        assert_eq!(set.as_bytes(), [0b1001, 0, 0b10]);
        assert_eq!(TokenSet::from_bytes(vec![0; 4], 20), None);
        assert_eq!(TokenSet::all(20).tokens().collect::<Vec<_>>(), (0..20).collect::<Vec<_>>());
    }
}
