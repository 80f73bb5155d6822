//! Records the intermediate tensors of a model, for comparison with another implementation.

use std::collections::BTreeMap;
use std::fmt::Display;

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use crate::host_tensor::{HostTensor, to_host};

/// Copies tensors by name during a forward pass; does nothing in training.
#[derive(Debug)]
pub struct Trace {
    scope: String,
    kept: Option<BTreeMap<String, HostTensor>>,
}

impl Trace {
    /// Returns a trace that records nothing.
    pub const fn off() -> Self {
        Self { scope: String::new(), kept: None }
    }

    /// Returns a trace that records everything.
    pub const fn on() -> Self {
        Self { scope: String::new(), kept: Some(BTreeMap::new()) }
    }

    /// Sets the prefix of the names that follow.
    pub(super) fn enter(&mut self, scope: impl Display) {
        if self.kept.is_some() {
            self.scope = scope.to_string();
        }
    }

    /// Copies a tensor under its name in the scope; an empty name is the scope itself.
    pub(super) fn keep<B: Backend, const D: usize>(
        &mut self,
        name: impl Display,
        tensor: impl FnOnce() -> Tensor<B, D>,
    ) {
        let Some(kept) = &mut self.kept else { return };
        let name = format!("{}.{name}", self.scope);
        let tensor = tensor();
        let (shape, n) = (tensor.dims().to_vec(), tensor.shape().num_elements());
        let values = to_host(tensor.reshape([n]));
        kept.insert(name.trim_end_matches('.').to_owned(), HostTensor { shape, values });
    }

    /// Returns the recorded tensors by name.
    pub fn into_tensors(self) -> BTreeMap<String, HostTensor> {
        self.kept.unwrap_or_default()
    }
}
