//! The tokens among which the caption loss lets a decoder choose.

use burn::tensor::backend::Backend;
use burn::tensor::{Device, IndexingUpdateOp, Int, Tensor, TensorData};

use crate::model::PAD;
use crate::{TokenBatch, TokenSet};

/// The tokens among which the caption loss lets a decoder choose.
///
/// # Why not always all of them?
///
/// At a small width the softmax over CLIP's tokens is most of a step, though captions are made of a hundredth of them.
/// The columns of the projection that belong to the others take no part in the loss and stay as they are;
/// an export leaves them out, so that no search can choose them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vocabulary {
    /// The tokens, in order.
    ids: Vec<i64>,
    /// For each token of the model its place in `ids`, where it has one.
    places: Vec<Option<i64>>,
}

impl Vocabulary {
    /// Returns the whole vocabulary of a model.
    pub fn full(size: usize) -> Self {
        Self::of(&TokenSet::all(size))
    }

    /// Returns the tokens of a set.
    pub fn of(set: &TokenSet) -> Self {
        let ids: Vec<i64> = set.tokens().map(|token| token as i64).collect();
        let mut places = vec![None; set.vocabulary_size()];
        for (place, id) in (0..).zip(&ids) {
            places[*id as usize] = Some(place);
        }
        Self { ids, places }
    }

    /// Returns the first token of some texts, in their order, that is not among those that can be chosen.
    pub fn first_outside(&self, texts: &TokenBatch) -> Option<i64> {
        texts.ids().iter().copied().find(|id| *id != PAD && self.places[*id as usize].is_none())
    }

    /// Returns the number of tokens that can be chosen.
    pub const fn len(&self) -> usize {
        self.ids.len()
    }

    /// Returns whether no token can be chosen.
    pub const fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Returns the token of a place.
    ///
    /// # Panics
    ///
    /// Where there is no such place.
    pub fn id(&self, place: usize) -> i64 {
        self.ids[place]
    }

    /// Returns the place of a token.
    ///
    /// # Panics
    ///
    /// Where the token is not among those that can be chosen; [`first_outside`](Self::first_outside) tells.
    pub fn place(&self, id: i64) -> i64 {
        self.places[id as usize].expect("a run refuses texts with tokens that cannot be chosen")
    }

    /// Returns the columns `[width, tokens]` of a projection `[width, vocabulary]`.
    pub fn columns<B: Backend>(&self, projection: Tensor<B, 2>) -> Tensor<B, 2> {
        if self.is_full() {
            return projection;
        }
        let ids = self.to_tensor(&projection.device());
        projection.select(1, ids)
    }

    /// Returns the gradient `[width, vocabulary]` of a projection, of which `[width, tokens]` is that of the columns;
    /// of the others it is zero.
    pub fn spread<B: Backend>(&self, columns: Tensor<B, 2>) -> Tensor<B, 2> {
        if self.is_full() {
            return columns;
        }
        let device = columns.device();
        let whole = Tensor::zeros([columns.dims()[0], self.places.len()], &device);
        whole.select_assign(1, self.to_tensor(&device), columns, IndexingUpdateOp::Add)
    }

    fn is_full(&self) -> bool {
        self.ids.len() == self.places.len()
    }

    fn to_tensor<B: Backend>(&self, device: &Device<B>) -> Tensor<B, 1, Int> {
        Tensor::from_data(TensorData::new(self.ids.clone(), [self.ids.len()]), device)
    }
}

#[cfg(test)]
mod tests {
    use burn::backend::Flex;

    use super::*;

    fn some() -> Vocabulary {
        let mut set = TokenSet::new(6);
        set.extend(&TokenBatch::new(&[[2, 5]], 9));
        Vocabulary::of(&set)
    }

    #[test]
    fn columns_are_taken_out_and_put_back() {
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
        assert_eq!(values(Vocabulary::full(6).columns(projection.clone())), values(projection));
        assert_eq!((vocabulary.place(5), vocabulary.id(2)), (2, 5));
    }

    #[test]
    fn tokens_outside_are_found() {
        let outside = |ids: &[i64]| some().first_outside(&TokenBatch::new(&[ids], 9));
        assert_eq!(outside(&[2, 5]), None);
        assert_eq!(outside(&[2, 4, 3]), Some(4));
        assert_eq!(Vocabulary::full(6).first_outside(&TokenBatch::new(&[[4, 3]], 9)), None);
    }
}
