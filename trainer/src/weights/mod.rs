//! Weights by the names of the published state dict: the form in which models are kept.
//!
//! Nothing here knows the training framework's files: a model is a safetensors file,
//! and the exporters read names, not modules.

mod file;
mod initial;
mod layout;
mod modules;
mod names;
mod parts;

use std::collections::BTreeMap;

use crate::{Error, Result};

pub use layout::layout;
pub(crate) use modules::{to_device, to_host};
pub use names::is_buffer;

/// A tensor in memory, row after row.
#[derive(Debug, Clone, PartialEq)]
pub struct HostTensor {
    /// Lengths of the axes; empty for a single number.
    pub shape: Vec<usize>,
    /// The values, the last axis first.
    pub values: Vec<f32>,
}

/// Tensors by name, in the layout of `PyTorch`: linear weights are `[out, in]`.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Weights {
    tensors: BTreeMap<String, HostTensor>,
}

impl Weights {
    /// Returns the tensor of that name.
    pub fn get(&self, name: &str) -> Option<&HostTensor> {
        self.tensors.get(name)
    }

    /// Returns the tensor of that name, or says that it is missing.
    ///
    /// # Errors
    ///
    /// [`Error::Mismatch`].
    pub fn need(&self, name: &str) -> Result<&HostTensor> {
        self.get(name).ok_or_else(|| Error::missing(name))
    }

    /// Sets the tensor of that name.
    ///
    /// # Panics
    ///
    /// Where the values do not fill the shape.
    pub fn insert(&mut self, name: impl Into<String>, shape: Vec<usize>, values: Vec<f32>) {
        assert_eq!(shape.iter().product::<usize>(), values.len(), "the values fill the shape");
        self.tensors.insert(name.into(), HostTensor { shape, values });
    }

    /// Returns whether a caption decoder is among the weights.
    pub fn has_captioner(&self) -> bool {
        self.get("text_decoder.text_projection").is_some()
    }

    /// Returns the names and tensors in order of the names.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &HostTensor)> {
        self.tensors.iter().map(|(name, tensor)| (name.as_str(), tensor))
    }

    /// Returns the numbers in all tensors whose name begins with `prefix`, without aliases and buffers.
    pub fn count(&self, prefix: &str) -> usize {
        self.iter()
            .filter(|(name, _)| name.starts_with(prefix) && !is_buffer(name))
            .map(|(_, tensor)| tensor.values.len())
            .sum()
    }
}
