//! The caption loss: the cross-entropy of each next token.

use burn::tensor::backend::Backend;
use burn::tensor::{
    Device, ElementConversion, IndexingUpdateOp, Int, Tensor, TensorData, activation,
};

use super::CaptionVocabulary;
use crate::tokens::{PAD, TokenBatch};

/// The target tokens of a batch, and the states that predict them.
///
/// # What about `!`?
///
/// It has the id of a pad, so it is never a target, as in the published training of such models.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CaptionTargets {
    /// Which of the states `[texts · (length - 1)]` predicts each target.
    rows: Vec<i64>,
    /// The targets, as indices into the vocabulary.
    indices: Vec<i64>,
}

impl CaptionTargets {
    /// Finds the targets of every text: each token but the first, predicted from the one before.
    ///
    /// # Panics
    ///
    /// If a token is not in the vocabulary.
    pub fn new(tokens: &TokenBatch, vocabulary: &CaptionVocabulary) -> Self {
        let (mut rows, mut indices) = (Vec::new(), Vec::new());
        let states = tokens.length() - 1;
        for (text, tokens) in tokens.ids().chunks(tokens.length()).enumerate() {
            for (state, id) in tokens[1..].iter().enumerate().filter(|(_, id)| **id != PAD) {
                rows.push((text * states + state) as i64);
                indices.push(vocabulary.index(*id));
            }
        }
        Self { rows, indices }
    }

    /// Returns the number of targets.
    pub const fn len(&self) -> usize {
        self.indices.len()
    }

    /// Returns the states `[targets, width]` that predict the targets, from `[texts, length - 1, width]`.
    pub fn select<B: Backend>(&self, states: Tensor<B, 3>) -> Tensor<B, 2> {
        let [texts, length, width] = states.dims();
        let device = states.device();
        states.reshape([texts * length, width]).select(0, integers(&self.rows, &device))
    }

    /// Returns whether there are no targets.
    pub const fn is_empty(&self) -> bool {
        self.indices.is_empty()
    }
}

/// Returns the sum of the cross-entropies of all targets in nats, `[1]`.
///
/// `states` are those of the decoder, `[texts, length - 1, width]`, and `columns` the vocabulary's columns of its
/// projection, `[width, tokens]`. It is the sum, not the mean, so that parts of a batch can be computed separately and
/// divided by the number of targets of the whole batch. Only states with a target are projected to the vocabulary,
/// which is most of the work if texts are short.
pub fn caption_loss<B: Backend>(
    states: Tensor<B, 3>,
    columns: Tensor<B, 2>,
    targets: &CaptionTargets,
) -> Tensor<B, 1> {
    let device = states.device();
    let log_probabilities = activation::log_softmax(targets.select(states).matmul(columns), 1);
    let indices = integers(&targets.indices, &device).reshape([targets.len(), 1]);
    -log_probabilities.gather(1, indices).sum()
}

/// Number of targets whose logits are in memory at once: 50 MB over CLIP's vocabulary.
const BLOCK: usize = 256;

/// The caption loss and its gradients.
#[derive(Debug, Clone)]
pub struct CaptionGradient<B: Backend> {
    /// Sum over the targets, in nats.
    pub loss: f32,
    /// With respect to the states that predict the targets, `[targets, width]`.
    pub states: Tensor<B, 2>,
    /// With respect to the columns of the projection, `[width, tokens]`.
    pub columns: Tensor<B, 2>,
}

/// Returns the [`caption_loss`] of the states `[targets, width]` that [`CaptionTargets::select`] returns, and its
/// gradient in closed form; `columns` is `[width, tokens]`.
///
/// # Why not by automatic differentiation?
///
/// The graph of a batch would hold its logits several times: four thousand targets over CLIP's vocabulary take 0.8 GB
/// each time. Here only one block of logits is in memory.
///
/// # Panics
///
/// If there are no targets.
pub fn caption_gradient<B: Backend>(
    states: &Tensor<B, 2>,
    columns: &Tensor<B, 2>,
    targets: &CaptionTargets,
) -> CaptionGradient<B> {
    let blocks: Vec<_> = (0..targets.len())
        .step_by(BLOCK)
        .map(|start| {
            let indices = &targets.indices[start..targets.len().min(start + BLOCK)];
            block_gradient(states.clone().narrow(0, start, indices.len()), columns, indices)
        })
        .collect();
    let loss = blocks.iter().map(|block| block.loss).sum();
    let states = Tensor::cat(blocks.iter().map(|block| block.states.clone()).collect(), 0);
    let of_columns = blocks.into_iter().map(|block| block.columns);
    let columns =
        of_columns.reduce(|sum, block| sum + block).expect("there is at least one target");
    CaptionGradient { loss, states, columns }
}

fn block_gradient<B: Backend>(
    states: Tensor<B, 2>,
    columns: &Tensor<B, 2>,
    indices: &[i64],
) -> CaptionGradient<B> {
    let device = states.device();
    let indices = integers(indices, &device).reshape([indices.len(), 1]);
    let log_probabilities = activation::log_softmax(states.clone().matmul(columns.clone()), 1);
    let loss = -log_probabilities.clone().gather(1, indices.clone()).sum();
    let minus_one = Tensor::ones(indices.dims(), &device).neg();
    // The gradient of the logits: predicted probabilities minus the one-hot target.
    let gradient_of_logits =
        log_probabilities.exp().scatter(1, indices, minus_one, IndexingUpdateOp::Add);
    CaptionGradient {
        loss: loss.into_scalar().elem(),
        states: gradient_of_logits.clone().matmul(columns.clone().transpose()),
        columns: states.transpose().matmul(gradient_of_logits),
    }
}

fn integers<B: Backend>(values: &[i64], device: &Device<B>) -> Tensor<B, 1, Int> {
    Tensor::from_data(TensorData::new(values.to_vec(), [values.len()]), device)
}
