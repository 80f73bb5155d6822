//! Texts as token ids, cut to the positions that count.

use burn::tensor::backend::Backend;
use burn::tensor::{Device, Int, Tensor, TensorData};

/// The id that fills a text up; the vocabulary also gives it to `!`.
pub const PAD: i64 = 0;

/// Texts of one length, `[rows, length]`.
///
/// # Why not 256 positions?
///
/// A key is visible where the token before it is not a pad, so that of a text of `n` tokens the keys `0..=n` count,
/// the first pad among them. Every later position is neither seen nor asked for:
/// `n + 1` ids, with the class token `n + 2` positions, give the embedding of the full context exactly.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenBatch {
    ids: Vec<i64>,
    rows: usize,
    length: usize,
}

impl TokenBatch {
    /// Lays texts side by side, each filled up to one more than the longest, or to the context if that is less.
    ///
    /// # Panics
    ///
    /// Where there is no text, or a text is longer than the context.
    pub fn new<T: AsRef<[i64]>>(texts: &[T], context: usize) -> Self {
        let lengths = texts.iter().map(|text| trimmed(text.as_ref()).len());
        let longest = lengths.max().expect("a batch holds at least one text");
        assert!(longest <= context, "a text has {longest} tokens; the context holds {context}");
        let length = (longest + 1).min(context);
        let texts: Vec<&[i64]> = texts.iter().map(|text| trimmed(text.as_ref())).collect();
        Self::filled(&texts, length)
    }

    /// Lays texts side by side, each filled up to `length`; an id that is that of a pad is kept at the end of a text too.
    ///
    /// For a caption in the making, whose last word may be `!`, and for whoever needs every position of the context.
    ///
    /// # Panics
    ///
    /// Where a text is longer than `length`.
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

    /// Returns the ids of each text, without the class token.
    pub const fn length(&self) -> usize {
        self.length
    }

    /// Returns the ids of all texts, row after row.
    pub fn ids(&self) -> &[i64] {
        &self.ids
    }

    /// Returns some of the texts, cut anew to the positions that count.
    pub fn slice(&self, rows: std::ops::Range<usize>) -> Self {
        let texts: Vec<&[i64]> = self.ids.chunks(self.length).collect();
        Self::new(&texts[rows], self.length)
    }

    /// Returns which of the `length + 1` keys of each text can be seen, row after row.
    ///
    /// The rule is that of SleepLM, off by one and part of its weights: key `p` is visible
    /// where `p` is 0 or the token at `p - 1` is not a pad.
    /// The class token is the last key; it sees itself only in a text that fills the context.
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
    fn leaves_no_pad_in_a_full_context() {
        let batch = TokenBatch::new(&[[5; 4]], 4);
        assert_eq!(batch.length(), 4);
        assert!(batch.visible_keys().into_iter().all(|seen| seen));
    }
}
