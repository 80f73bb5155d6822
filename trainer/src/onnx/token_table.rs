//! The table of token vectors, cut down to the tokens that were trained.

use super::builder::{Attribute, Builder, Value};
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

    /// Returns the number of tokens that were met.
    pub fn len(&self) -> usize {
        self.bits.iter().map(|byte| byte.count_ones() as usize).sum()
    }

    /// Returns whether no token was met.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

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
    let gather = |builder: &mut Builder, data: &Value, rows: &Value| {
        builder.node("Gather", &[data, rows], &[Attribute::Int("axis", 0)])
    };
    let Some(trained) = trained else {
        let table = builder.f32s(&table.shape, &table.values);
        return gather(builder, &table, tokens);
    };
    let width = table.shape[1];
    let mut rows_of_tokens = vec![0; trained.vocabulary_size];
    let mut kept = vec![0.0; width];
    for (token, row) in table.values.chunks_exact(width).enumerate() {
        if trained.contains(token) {
            rows_of_tokens[token] = (kept.len() / width) as i32;
            kept.extend_from_slice(row);
        }
    }
    let rows_of_tokens = builder.i32s(&rows_of_tokens);
    let rows = gather(builder, &rows_of_tokens, tokens);
    let kept = builder.f32s(&[kept.len() / width, width], &kept);
    gather(builder, &kept, &rows)
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
    }
}
