//! The embedding space that the vectors of a collection are in.

use nocturne_encoder::Bundle;
use nocturne_encoder::bundle::Preprocessing;
use serde::{Deserialize, Serialize};

/// What a collection stores about the bundle that computed its vectors.
///
/// Vectors of bundles with different fingerprints cannot be compared.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EmbeddingSpace {
    /// Name of the bundle.
    pub bundle: String,
    /// Fingerprint of the bundle, see [`Bundle::fingerprint`].
    pub fingerprint: String,
    /// Dimension of the vectors.
    pub dim: usize,
    /// How signals are turned into the encoder's input.
    pub preprocessing: Preprocessing,
}

impl EmbeddingSpace {
    /// Returns the space of a bundle's embeddings.
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
