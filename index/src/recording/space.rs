//! The embedding space that a collection belongs to.

use nocturne_encoder::Bundle;
use nocturne_encoder::bundle::Preprocessing;
use serde::{Deserialize, Serialize};

/// What a collection knows of the bundle that made its embeddings.
///
/// Vectors of different fingerprints cannot be compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Space {
    /// Name of the bundle.
    pub bundle: String,
    /// Hash of all that changes a vector, as [`Bundle::fingerprint`] gives it.
    pub fingerprint: String,
    /// Length of an embedding.
    pub dim: usize,
    /// How signals became the encoder's input.
    pub preprocessing: Preprocessing,
}

impl Space {
    /// Returns the space that a bundle's embeddings are in.
    pub fn of(bundle: &Bundle) -> Self {
        let manifest = bundle.manifest();
        Self {
            bundle: manifest.name.clone(),
            fingerprint: bundle.fingerprint().to_owned(),
            dim: manifest.embedding_dim,
            preprocessing: manifest.preprocessing.clone(),
        }
    }

    /// Returns whether vectors of both spaces can be compared.
    pub fn is_same(&self, other: &Self) -> bool {
        self.fingerprint == other.fingerprint && self.dim == other.dim
    }
}
