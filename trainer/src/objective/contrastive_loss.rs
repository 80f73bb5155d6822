//! The symmetric contrastive loss, with its gradient in closed form.
//!
//! With the gradient with respect to the embeddings of the whole batch, parts of the batch can run their backward
//! passes separately, on several threads or one after another.

use burn::tensor::backend::Backend;
use burn::tensor::{Device, Tensor, TensorData, activation};

use crate::positive_pairs::PositivePairs;

/// Maximum logarithm of the factor between a cosine and a logit, ln 100 (CLIP, section 2.5).
pub const MAX_LOGIT_SCALE: f32 = 4.605_170_2;

/// The loss of a batch and its gradients.
#[derive(Debug, Clone)]
pub struct ContrastiveLoss<B: Backend> {
    /// Mean of both directions, in nats.
    pub loss: f32,
    /// Share of epochs whose nearest text is a positive.
    pub accuracy: f32,
    /// With respect to the unit vectors of the epochs, `[n, dim]`.
    pub signal_gradient: Tensor<B, 2>,
    /// With respect to the unit vectors of the texts, `[n, dim]`.
    pub text_gradient: Tensor<B, 2>,
    /// With respect to the logarithm of the scale.
    pub logit_scale_gradient: f32,
}

/// Returns the symmetric cross-entropy between epochs and texts, both unit vectors `[n, dim]`.
///
/// # What about captions that describe several epochs?
///
/// "This is stage N2" describes half a night: as a negative of the other N2 epochs it would push them apart.
/// `positives` states which texts describe which epochs, and the target of a row (and of a column) is the uniform
/// distribution over its positives (Khosla et al., arXiv 2004.11362, the loss with the sum outside; Yang et al., arXiv
/// 2204.03610, for pairs). If every text describes one epoch only, this is the loss of CLIP.
///
/// # Panics
///
/// If `positives` does not have `n` rows.
pub fn contrastive<B: Backend>(
    signals: Tensor<B, 2>,
    texts: Tensor<B, 2>,
    logit_scale: f32,
    positives: &PositivePairs,
) -> ContrastiveLoss<B> {
    let [n, _] = signals.dims();
    assert_eq!(positives.len(), n, "one row of positives for each epoch");
    let device = signals.device();
    let scale = logit_scale.exp();
    let logits = signals.clone().matmul(texts.clone().transpose()) * scale;
    let rows: Tensor<B, 2> = square(positives.row_targets(), n, &device);
    let columns: Tensor<B, 2> = square(positives.column_targets(), n, &device);
    let log_rows = activation::log_softmax(logits.clone(), 1);
    let log_columns = activation::log_softmax(logits.clone(), 0);
    let half_mean = 0.5 / n as f32;
    let loss = (rows.clone() * log_rows.clone() + columns.clone() * log_columns.clone()).sum();
    let gradient = (log_rows.exp() - rows + log_columns.exp() - columns) * half_mean;
    let nearest = logits.clone().argmax(1).into_data().convert::<i64>();
    let nearest = nearest.as_slice::<i64>().expect("`convert` returns i64 values");
    let hits = (0..n).filter(|row| positives.is_positive(*row, nearest[*row] as usize)).count();
    ContrastiveLoss {
        loss: -half_mean * number(loss),
        accuracy: hits as f32 / n as f32,
        signal_gradient: gradient.clone().matmul(texts) * scale,
        text_gradient: gradient.clone().transpose().matmul(signals) * scale,
        logit_scale_gradient: number((gradient * logits).sum()),
    }
}

fn square<B: Backend>(values: Vec<f32>, n: usize, device: &Device<B>) -> Tensor<B, 2> {
    Tensor::from_data(TensorData::new(values, [n, n]), device)
}

fn number<B: Backend>(tensor: Tensor<B, 1>) -> f32 {
    use burn::tensor::ElementConversion;
    tensor.into_scalar().elem()
}

#[cfg(test)]
mod tests {
    use burn::backend::{Autodiff, Flex};
    use rand::{RngExt, SeedableRng};
    use rand_pcg::Pcg64Mcg;

    use super::*;
    use crate::model::normalize;

    type Tracked = Autodiff<Flex>;

    fn random(seed: u64, n: usize, dim: usize) -> Tensor<Flex, 2> {
        let mut random = Pcg64Mcg::seed_from_u64(seed);
        let values: Vec<f32> = (0..n * dim).map(|_| random.random_range(-1.0..1.0)).collect();
        normalize(Tensor::from_data(TensorData::new(values, [n, dim]), &Device::<Flex>::default()))
    }

    fn check_against_autodiff(positives: &PositivePairs) {
        let (n, dim, logit_scale) = (positives.len(), 5, 2.5f32);
        let (signals, texts) = (random(1, n, dim), random(2, n, dim));
        let ours = contrastive(signals.clone(), texts.clone(), logit_scale, positives);

        let signals = Tensor::<Tracked, 2>::from_inner(signals).require_grad();
        let texts = Tensor::<Tracked, 2>::from_inner(texts).require_grad();
        let device = signals.device();
        let scale = Tensor::<Tracked, 2>::from_floats([[logit_scale]], &device).require_grad();
        let logits = signals.clone().matmul(texts.clone().transpose()) * scale.clone().exp();
        let rows = square::<Tracked>(positives.row_targets(), n, &device);
        let columns = square::<Tracked>(positives.column_targets(), n, &device);
        let loss = rows * activation::log_softmax(logits.clone(), 1)
            + columns * activation::log_softmax(logits, 0);
        let loss = loss.sum() * (-0.5 / n as f32);
        let gradients = loss.backward();

        let near = |a: f32, b: f32| assert!((a - b).abs() < 1e-5, "{a} {b}");
        near(ours.loss, loss.into_scalar());
        near(ours.logit_scale_gradient, scale.grad(&gradients).unwrap().into_scalar());
        for (ours, theirs) in [(ours.signal_gradient, signals), (ours.text_gradient, texts)] {
            let far = (ours - theirs.grad(&gradients).unwrap()).abs().max().into_scalar();
            assert!(far < 1e-5, "{far}");
        }
    }

    #[test]
    fn gradient_matches_autodiff() {
        check_against_autodiff(&PositivePairs::pairs(6));
    }

    #[test]
    fn gradient_matches_autodiff_with_several_positives() {
        check_against_autodiff(&PositivePairs::new(6, |epoch, text| epoch % 2 == text % 3));
    }

    #[test]
    fn loss_of_pairs_matches_clip() {
        // Two orthogonal pairs at scale 1: −ln(e / (e + 1)) in every row and column.
        let device = Device::<Flex>::default();
        let axes = Tensor::<Flex, 2>::from_floats([[1.0, 0.0], [0.0, 1.0]], &device);
        let found = contrastive(axes.clone(), axes, 0.0, &PositivePairs::pairs(2));
        assert!((found.loss - 0.313_261_7).abs() < 1e-6, "{}", found.loss);
        assert_eq!(found.accuracy, 1.0);
    }
}
