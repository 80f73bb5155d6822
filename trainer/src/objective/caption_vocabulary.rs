//! The tokens that the caption loss normalises over.

use burn::tensor::backend::Backend;
use burn::tensor::{Device, IndexingUpdateOp, Int, Tensor, TensorData};

use crate::tokens::{PAD, TokenBatch, TokenSet};

/// The tokens that the caption loss normalises over.
///
/// # Why not always all of them?
///
/// At a small width the softmax over CLIP's tokens is most of a step, although captions use a hundredth of them. The
/// projection's columns of the other tokens do not take part in the loss and stay unchanged; an export leaves them out,
/// so a search cannot choose them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaptionVocabulary {
    /// The tokens, in order.
    ids: Vec<i64>,
    /// For each token of the model its index in `ids`, if it has one.
    indices: Vec<Option<i64>>,
}

impl CaptionVocabulary {
    /// Returns the whole vocabulary of a model.
    pub fn full(size: usize) -> Self {
        Self::of(&TokenSet::all(size))
    }

    /// Returns the tokens of a set.
    pub fn of(set: &TokenSet) -> Self {
        let ids: Vec<i64> = set.tokens().map(|token| token as i64).collect();
        let mut indices = vec![None; set.vocabulary_size()];
        for (index, id) in (0..).zip(&ids) {
            indices[*id as usize] = Some(index);
        }
        Self { ids, indices }
    }

    /// Returns the first token of some texts that is outside the vocabulary.
    pub fn first_outside(&self, texts: &TokenBatch) -> Option<i64> {
        texts.ids().iter().copied().find(|id| *id != PAD && self.indices[*id as usize].is_none())
    }

    /// Returns the number of tokens.
    pub const fn len(&self) -> usize {
        self.ids.len()
    }

    /// Returns whether the vocabulary is empty.
    pub const fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Returns the token at an index.
    ///
    /// # Panics
    ///
    /// If the index is out of bounds.
    pub fn id(&self, index: usize) -> i64 {
        self.ids[index]
    }

    /// Returns the index of a token.
    ///
    /// # Panics
    ///
    /// If the token is outside the vocabulary; [`first_outside`](Self::first_outside) finds such tokens.
    pub fn index(&self, id: i64) -> i64 {
        self.indices[id as usize].expect("a run rejects texts with tokens outside the vocabulary")
    }

    /// Returns the columns `[width, tokens]` of a projection `[width, vocabulary]`.
    pub fn columns<B: Backend>(&self, projection: Tensor<B, 2>) -> Tensor<B, 2> {
        if self.is_full() {
            return projection;
        }
        let ids = self.to_tensor(&projection.device());
        projection.select(1, ids)
    }

    /// Returns the gradient `[width, vocabulary]` of a projection from that of the vocabulary's columns, `[width,
    /// tokens]`; it is zero for the others.
    pub fn spread<B: Backend>(&self, columns: Tensor<B, 2>) -> Tensor<B, 2> {
        if self.is_full() {
            return columns;
        }
        let device = columns.device();
        let whole = Tensor::zeros([columns.dims()[0], self.indices.len()], &device);
        whole.select_assign(1, self.to_tensor(&device), columns, IndexingUpdateOp::Add)
    }

    fn is_full(&self) -> bool {
        self.ids.len() == self.indices.len()
    }

    fn to_tensor<B: Backend>(&self, device: &Device<B>) -> Tensor<B, 1, Int> {
        Tensor::from_data(TensorData::new(self.ids.clone(), [self.ids.len()]), device)
    }
}

#[cfg(test)]
mod tests {
    use burn::backend::Flex;

    use super::*;

    fn some() -> CaptionVocabulary {
        let mut set = TokenSet::new(6);
        set.extend(&TokenBatch::new(&[[2, 5]], 9));
        CaptionVocabulary::of(&set)
    }

    #[test]
    fn columns_are_selected_and_scattered() {
        let device = Device::<Flex>::default();
        let projection = Tensor::<Flex, 2>::from_floats(
            [[0.0, 1.0, 2.0, 3.0, 4.0, 5.0], [10.0, 11.0, 12.0, 13.0, 14.0, 15.0]],
            &device,
        );
        let vocabulary = some();
        let columns = vocabulary.columns(projection.clone());
        let values = |tensor: Tensor<Flex, 2>| tensor.into_data().into_vec::<f32>().unwrap();
        assert_eq!(values(columns.clone()), [0.0, 2.0, 5.0, 10.0, 12.0, 15.0]);
        assert_eq!(
            values(vocabulary.spread(columns)),
            [0.0, 0.0, 2.0, 0.0, 0.0, 5.0, 10.0, 0.0, 12.0, 0.0, 0.0, 15.0]
        );
        assert_eq!(
            values(CaptionVocabulary::full(6).columns(projection.clone())),
            values(projection)
        );
        assert_eq!((vocabulary.index(5), vocabulary.id(2)), (2, 5));
    }

    #[test]
    fn first_outside_finds_tokens_outside() {
        let outside = |ids: &[i64]| some().first_outside(&TokenBatch::new(&[ids], 9));
        assert_eq!(outside(&[2, 5]), None);
        assert_eq!(outside(&[2, 4, 3]), Some(4));
        assert_eq!(CaptionVocabulary::full(6).first_outside(&TokenBatch::new(&[[4, 3]], 9)), None);
    }
}
