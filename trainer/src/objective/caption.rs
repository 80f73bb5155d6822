//! The caption loss: how surprising each next token is to the decoder.

use burn::tensor::backend::Backend;
use burn::tensor::{Device, Int, Tensor, TensorData, activation};

use crate::TokenBatch;
use crate::kernels::Kernels;
use crate::model::{CaptionDecoder, PAD};

/// The tokens of a batch that are to be foretold, and from where.
///
/// # What of `!`?
///
/// Its id is that of a pad, so that it is never a target, as in the published training of such models.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaptionTargets {
    /// Which of the states `[texts · (length - 1)]` foretells each.
    rows: Vec<i64>,
    /// The tokens.
    ids: Vec<i64>,
}

impl CaptionTargets {
    /// Finds the targets of every text: each token but the first, foretold from the one before.
    pub fn new(tokens: &TokenBatch) -> Self {
        let (mut rows, mut ids) = (Vec::new(), Vec::new());
        let states = tokens.length() - 1;
        for (text, tokens) in tokens.ids().chunks(tokens.length()).enumerate() {
            for (state, id) in tokens[1..].iter().enumerate().filter(|(_, id)| **id != PAD) {
                rows.push((text * states + state) as i64);
                ids.push(*id);
            }
        }
        Self { rows, ids }
    }

    /// Returns the number of targets.
    pub const fn len(&self) -> usize {
        self.ids.len()
    }

    /// Returns whether there is nothing to foretell.
    pub const fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }
}

/// Returns the sum of the cross-entropies of all targets in nats, `[1]`.
///
/// `states` are those of the decoder, `[texts, length - 1, width]`. The sum, not the mean, so that the parts
/// of a batch can be worked through apart and divided by the targets of all of it.
/// Only states with a target go through the vocabulary, which is most of the work where texts are short.
pub fn caption_loss<B: Kernels>(
    decoder: &CaptionDecoder<B>,
    states: Tensor<B, 3>,
    targets: &CaptionTargets,
) -> Tensor<B, 1> {
    let [texts, length, width] = states.dims();
    let device = states.device();
    let rows = states.reshape([texts * length, width]).select(0, integers(&targets.rows, &device));
    let surprise = activation::log_softmax(decoder.logits(rows), 1);
    let ids = integers(&targets.ids, &device).reshape([targets.len(), 1]);
    -surprise.gather(1, ids).sum()
}

fn integers<B: Backend>(values: &[i64], device: &Device<B>) -> Tensor<B, 1, Int> {
    Tensor::from_data(TensorData::new(values.to_vec(), [values.len()]), device)
}
