//! Batches of token ids, cut to the positions that affect the result.

use burn::tensor::backend::Backend;
use burn::tensor::{Device, Int, Tensor, TensorData};

/// The id of padding; the vocabulary also assigns it to `!`.
pub const PAD: i64 = 0;

/// Texts of one length, `[rows, length]`.
///
/// # Why not 256 positions?
///
/// A key is visible if the token before it is not a pad. Of a text of `n` tokens, the keys `0..=n` are therefore
/// visible, including the first pad. Every later position is neither visible nor read: `n + 1` ids, or `n + 2`
/// positions with the class token, give exactly the embedding of the full context.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenBatch {
    ids: Vec<i64>,
    rows: usize,
    length: usize,
}

impl TokenBatch {
    /// Creates a batch of texts, each padded to one more than the longest, or to the context if that is less.
    ///
    /// # Panics
    ///
    /// If there is no text, or a text is longer than the context.
    pub fn new<T: AsRef<[i64]>>(texts: &[T], context: usize) -> Self {
        let lengths = texts.iter().map(|text| trimmed(text.as_ref()).len());
        let longest = lengths.max().expect("a batch has at least one text");
        assert!(longest <= context, "a text has {longest} tokens; the context has {context}");
        let length = (longest + 1).min(context);
        let texts: Vec<&[i64]> = texts.iter().map(|text| trimmed(text.as_ref())).collect();
        Self::filled(&texts, length)
    }

    /// Creates a batch of texts, each padded to `length`; trailing ids equal to the pad are kept.
    ///
    /// Used for an unfinished caption, whose last word may be `!`, and for fixtures that hold every position of the
    /// context.
    ///
    /// # Panics
    ///
    /// If a text is longer than `length`.
    pub fn filled<T: AsRef<[i64]>>(texts: &[T], length: usize) -> Self {
        let mut ids = Vec::with_capacity(texts.len() * length);
        for text in texts {
            let text = text.as_ref();
            assert!(text.len() <= length, "a text has {} tokens; the batch {length}", text.len());
            ids.extend_from_slice(text);
            ids.extend(std::iter::repeat_n(PAD, length - text.len()));
        }
        Self { ids, rows: texts.len(), length }
    }

    /// Returns the number of texts.
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// Returns the number of ids of each text, without the class token.
    pub const fn length(&self) -> usize {
        self.length
    }

    /// Returns the ids of all texts, in row-major order.
    pub fn ids(&self) -> &[i64] {
        &self.ids
    }

    /// Returns some of the texts, cut again to the positions that affect the result.
    pub fn slice(&self, rows: std::ops::Range<usize>) -> Self {
        let texts: Vec<&[i64]> = self.ids.chunks(self.length).collect();
        Self::new(&texts[rows], self.length)
    }

    /// Returns which of the `length + 1` keys of each text are visible, in row-major order.
    ///
    /// The rule is SleepLM's, off by one and part of its weights: key `p` is visible if `p` is 0 or the token at `p -
    /// 1` is not a pad. The class token is the last key; it sees itself only if the text fills the context.
    pub fn visible_keys(&self) -> Vec<bool> {
        self.ids
            .chunks(self.length)
            .flat_map(|text| std::iter::once(true).chain(text.iter().map(|id| *id != PAD)))
            .collect()
    }

    /// Returns the ids `[rows · length]` on a device.
    pub fn to_tensor<B: Backend>(&self, device: &Device<B>) -> Tensor<B, 1, Int> {
        Tensor::from_data(TensorData::new(self.ids.clone(), [self.ids.len()]), device)
    }
}

fn trimmed(text: &[i64]) -> &[i64] {
    let end = text.iter().rposition(|id| *id != PAD).map_or(0, |last| last + 1);
    &text[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn leaves_one_pad_after_the_longest_text() {
        let batch = TokenBatch::new(&[vec![7, 0, 8, 9, 0, 0], vec![7, 9]], 256);
        assert_eq!((batch.rows(), batch.length()), (2, 5));
        assert_eq!(batch.ids(), [7, 0, 8, 9, 0, 7, 9, 0, 0, 0]);
        let seen = batch.visible_keys();
        assert_eq!(seen[..6], [true, true, false, true, true, false]);
        assert_eq!(seen[6..], [true, true, true, false, false, false]);
        assert_eq!(batch.slice(1..2).ids(), [7, 9, 0]);
    }

    #[test]
    fn a_full_context_has_no_pad() {
        let batch = TokenBatch::new(&[[5; 4]], 4);
        assert_eq!(batch.length(), 4);
        assert!(batch.visible_keys().into_iter().all(|seen| seen));
    }
}
