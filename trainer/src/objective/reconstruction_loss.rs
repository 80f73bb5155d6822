//! The reconstruction loss: the squared error of the reconstructed signals.

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

/// Returns the sum over epochs of the mean squared error over the samples of an epoch, `[1]`, in squared units of the
/// signals.
///
/// Both inputs are `[epochs, channels, samples]`. Divided by the number of epochs of the whole batch this is the mean
/// squared error. Missing channels count as zeros, as the model sees them.
pub fn reconstruction_loss<B: Backend>(drawn: Tensor<B, 3>, signals: Tensor<B, 3>) -> Tensor<B, 1> {
    let [_, channels, samples] = signals.dims();
    (drawn - signals).powi_scalar(2).sum() / (channels * samples) as f64
}
