//! Weights by the names of the published state dict, the form in which models are stored.
//!
//! Independent of the training framework: a model is a safetensors file, and the exporters read named weights, not
//! modules.

mod detect_parts;
mod initialise;
mod layout;
mod model_conversion;
mod names;
mod safetensors_file;

use std::collections::BTreeMap;

use crate::error::{Error, Result};
use crate::host_tensor::HostTensor;

pub use layout::layout;
pub use names::is_buffer;

/// Tensors by name, in the layout of PyTorch: linear weights are `[out, in]`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Weights {
    tensors: BTreeMap<String, HostTensor>,
}

impl Weights {
    /// Returns the tensor of that name.
    pub fn get(&self, name: &str) -> Option<&HostTensor> {
        self.tensors.get(name)
    }

    /// Returns the tensor with that name.
    ///
    /// # Errors
    ///
    /// [`Error::WeightMismatch`] if it is missing.
    pub fn need(&self, name: &str) -> Result<&HostTensor> {
        self.get(name).ok_or_else(|| Error::missing(name))
    }

    /// Sets the tensor with that name.
    ///
    /// # Panics
    ///
    /// If the number of values does not match the shape.
    pub fn insert(&mut self, name: impl Into<String>, shape: Vec<usize>, values: Vec<f32>) {
        assert_eq!(
            shape.iter().product::<usize>(),
            values.len(),
            "the number of values matches the shape"
        );
        self.tensors.insert(name.into(), HostTensor { shape, values });
    }

    /// Returns whether the weights include a caption decoder.
    pub fn has_captioner(&self) -> bool {
        self.get("text_decoder.text_projection").is_some()
    }

    /// Returns the names and tensors, ordered by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &HostTensor)> {
        self.tensors.iter().map(|(name, tensor)| (name.as_str(), tensor))
    }

    /// Returns the number of elements in all tensors whose name starts with `prefix`, without aliases and buffers.
    pub fn count(&self, prefix: &str) -> usize {
        self.iter()
            .filter(|(name, _)| name.starts_with(prefix) && !is_buffer(name))
            .map(|(_, tensor)| tensor.values.len())
            .sum()
    }
}
