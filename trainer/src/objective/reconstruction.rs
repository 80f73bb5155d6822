//! The reconstruction loss: how far the drawn signals are from the true ones.

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

/// Returns the sum of the squared differences over the samples of one epoch, `[1]`, in squared units of the signals.
///
/// Both are `[epochs, channels, samples]`. Divided by the epochs of the whole batch this is the mean square;
/// missing channels count as what they are to the model, zeros.
pub fn reconstruction_loss<B: Backend>(drawn: Tensor<B, 3>, signals: Tensor<B, 3>) -> Tensor<B, 1> {
    let [_, channels, samples] = signals.dims();
    (drawn - signals).powi_scalar(2).sum() / (channels * samples) as f64
}
