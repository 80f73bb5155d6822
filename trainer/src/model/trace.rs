//! What lies between the input of a model and its output, for whoever compares it with another implementation.

use std::collections::BTreeMap;
use std::fmt::Display;

use burn::tensor::Tensor;
use burn::tensor::backend::Backend;

use crate::HostTensor;
use crate::weights::to_host;

/// Keeps copies of tensors on their way through a model, by name; does nothing in training.
#[derive(Debug)]
pub struct Trace {
    scope: String,
    kept: Option<BTreeMap<String, HostTensor>>,
}

impl Trace {
    /// Returns a trace that keeps nothing.
    pub const fn off() -> Self {
        Self { scope: String::new(), kept: None }
    }

    /// Returns a trace that keeps everything.
    pub const fn on() -> Self {
        Self { scope: String::new(), kept: Some(BTreeMap::new()) }
    }

    /// Makes `scope` the begin of the names of what follows.
    pub(super) fn enter(&mut self, scope: impl Display) {
        if self.kept.is_some() {
            self.scope = scope.to_string();
        }
    }

    /// Copies a tensor under its name in the scope; an empty name is that of the scope itself.
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

    /// Returns what was kept, by name.
    pub fn into_tensors(self) -> BTreeMap<String, HostTensor> {
        self.kept.unwrap_or_default()
    }
}
