//! The caption loss: how surprising each next token is to the decoder.

use burn::tensor::backend::Backend;
use burn::tensor::{
    Device, ElementConversion, IndexingUpdateOp, Int, Tensor, TensorData, activation,
};

use super::Vocabulary;
use crate::TokenBatch;
use crate::model::PAD;

/// The tokens of a batch that are to be foretold, and from where.
///
/// # What of `!`?
///
/// Its id is that of a pad, so that it is never a target, as in the published training of such models.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaptionTargets {
    /// Which of the states `[texts · (length - 1)]` foretells each.
    rows: Vec<i64>,
    /// The tokens, by their places in the vocabulary.
    places: Vec<i64>,
}

impl CaptionTargets {
    /// Finds the targets of every text: each token but the first, foretold from the one before.
    ///
    /// # Panics
    ///
    /// Where a token is not in the vocabulary.
    pub fn new(tokens: &TokenBatch, vocabulary: &Vocabulary) -> Self {
        let (mut rows, mut places) = (Vec::new(), Vec::new());
        let states = tokens.length() - 1;
        for (text, tokens) in tokens.ids().chunks(tokens.length()).enumerate() {
            for (state, id) in tokens[1..].iter().enumerate().filter(|(_, id)| **id != PAD) {
                rows.push((text * states + state) as i64);
                places.push(vocabulary.place(*id));
            }
        }
        Self { rows, places }
    }

    /// Returns the number of targets.
    pub const fn len(&self) -> usize {
        self.places.len()
    }

    /// Returns the states `[targets, width]` that foretell the targets, out of `[texts, length - 1, width]`.
    pub fn select<B: Backend>(&self, states: Tensor<B, 3>) -> Tensor<B, 2> {
        let [texts, length, width] = states.dims();
        let device = states.device();
        states.reshape([texts * length, width]).select(0, integers(&self.rows, &device))
    }

    /// Returns whether there is nothing to foretell.
    pub const fn is_empty(&self) -> bool {
        self.places.is_empty()
    }
}

/// Returns the sum of the cross-entropies of all targets in nats, `[1]`.
///
/// `states` are those of the decoder, `[texts, length - 1, width]`, and `columns` those of its projection that belong
/// to the vocabulary, `[width, tokens]`. The sum, not the mean, so that the parts
/// of a batch can be worked through apart and divided by the targets of all of it.
/// Only states with a target go through the vocabulary, which is most of the work where texts are short.
pub fn caption_loss<B: Backend>(
    states: Tensor<B, 3>,
    columns: Tensor<B, 2>,
    targets: &CaptionTargets,
) -> Tensor<B, 1> {
    let device = states.device();
    let surprise = activation::log_softmax(targets.select(states).matmul(columns), 1);
    let places = integers(&targets.places, &device).reshape([targets.len(), 1]);
    -surprise.gather(1, places).sum()
}

/// Targets whose logits are in memory at once: 50 MB of them over CLIP's vocabulary.
const BLOCK: usize = 256;

/// The caption loss and what changes it.
#[derive(Debug, Clone)]
pub struct CaptionGradient<B: Backend> {
    /// Sum over the targets, in nats.
    pub loss: f32,
    /// With respect to the states that foretell the targets, `[targets, width]`.
    pub states: Tensor<B, 2>,
    /// With respect to the columns of the projection, `[width, tokens]`.
    pub columns: Tensor<B, 2>,
}

/// Returns the [`caption_loss`] of the states `[targets, width]` that [`CaptionTargets::select`] gives,
/// and its gradient in closed form; `columns` is `[width, tokens]`.
///
/// # Why not by automatic differentiation?
///
/// The graph of a batch would hold its logits several times over: four thousand targets over CLIP's vocabulary
/// are 0.8 GB each time. Here they come and go block by block.
///
/// # Panics
///
/// Where there is no target.
pub fn caption_gradient<B: Backend>(
    states: &Tensor<B, 2>,
    columns: &Tensor<B, 2>,
    targets: &CaptionTargets,
) -> CaptionGradient<B> {
    let blocks: Vec<_> = (0..targets.len())
        .step_by(BLOCK)
        .map(|start| {
            let places = &targets.places[start..targets.len().min(start + BLOCK)];
            block_gradient(states.clone().narrow(0, start, places.len()), columns, places)
        })
        .collect();
    let loss = blocks.iter().map(|block| block.loss).sum();
    let states = Tensor::cat(blocks.iter().map(|block| block.states.clone()).collect(), 0);
    let of_columns = blocks.into_iter().map(|block| block.columns);
    let columns = of_columns.reduce(|sum, block| sum + block).expect("there is a target");
    CaptionGradient { loss, states, columns }
}

fn block_gradient<B: Backend>(
    states: Tensor<B, 2>,
    columns: &Tensor<B, 2>,
    places: &[i64],
) -> CaptionGradient<B> {
    let device = states.device();
    let places = integers(places, &device).reshape([places.len(), 1]);
    let surprise = activation::log_softmax(states.clone().matmul(columns.clone()), 1);
    let loss = -surprise.clone().gather(1, places.clone()).sum();
    let minus_one = Tensor::ones(places.dims(), &device).neg();
    // The gradient of the logits: what the decoder believes, less what is true.
    let surplus = surprise.exp().scatter(1, places, minus_one, IndexingUpdateOp::Add);
    CaptionGradient {
        loss: loss.into_scalar().elem(),
        states: surplus.clone().matmul(columns.clone().transpose()),
        columns: states.transpose().matmul(surplus),
    }
}

fn integers<B: Backend>(values: &[i64], device: &Device<B>) -> Tensor<B, 1, Int> {
    Tensor::from_data(TensorData::new(values.to_vec(), [values.len()]), device)
}
