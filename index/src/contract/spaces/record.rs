//! The record of an embedding space: when it was created, and where its bundle is.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use nocturne_encoder::Bundle;
use nocturne_encoder::bundle::{TokenizerSpec, VOCABULARY};
use serde::{Deserialize, Serialize};

use crate::recording::{EmbeddingSpace, SpaceName};

/// What is recorded of a space beside its vectors.
///
/// The manifest alone decides which vectors can be compared; the record says where to find the bundle that computes more
/// of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpaceRecord {
    /// Name of the space.
    pub name: SpaceName,
    /// When the space was created, or `None` if that is unknown.
    pub created: Option<Timestamp>,
    /// Folder of the bundle, an absolute path.
    pub bundle_folder: PathBuf,
    /// Name, fingerprint and preprocessing of the bundle.
    pub space: EmbeddingSpace,
    /// How the bundle tokenises texts.
    pub tokenizer: TokenizerSpec,
    /// SHA-256 of the tokenizer's vocabulary, in hexadecimal.
    pub vocabulary_sha256: String,
}

impl SpaceRecord {
    /// Returns the record of a space that a bundle fills.
    pub fn of(name: SpaceName, bundle: &Bundle, created: Option<Timestamp>) -> Self {
        let manifest = bundle.manifest();
        Self {
            name,
            created,
            bundle_folder: absolute(bundle.folder()),
            space: EmbeddingSpace::of(bundle),
            tokenizer: manifest.tokenizer.clone(),
            vocabulary_sha256: manifest.files.get(VOCABULARY).cloned().unwrap_or_default(),
        }
    }
}

fn absolute(folder: &Path) -> PathBuf {
    std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned())
}
