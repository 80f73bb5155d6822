//! What is told of a space beside its vectors: when it was made, and where its bundle is.

use std::path::{Path, PathBuf};

use jiff::Timestamp;
use nocturne_encoder::Bundle;
use nocturne_encoder::bundle::{TokenizerSpec, VOCABULARY};
use serde::{Deserialize, Serialize};

use super::note;
use crate::error::Result;
use crate::recording::{EmbeddingSpace, SpaceName};
use crate::storage::Storage;

/// Name of the file in a space's folder.
pub(crate) const RECORD: &str = "space.jsonl";

/// What `space.jsonl` tells of a space.
///
/// The manifest alone says which vectors can be compared; this says where to find what makes more of them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpaceRecord {
    /// Its name.
    pub name: SpaceName,
    /// When it was made; nothing where it is older than this file.
    pub made: Option<Timestamp>,
    /// Folder of the bundle, an absolute path.
    pub bundle_folder: PathBuf,
    /// The bundle's name, its fingerprint, and how it takes signals.
    pub space: EmbeddingSpace,
    /// How the bundle makes tokens of texts.
    pub tokenizer: TokenizerSpec,
    /// SHA-256 of the tokenizer's vocabulary, in hexadecimal.
    pub vocabulary_sha256: String,
}

impl SpaceRecord {
    /// Tells of a space that a bundle fills.
    pub fn of(name: SpaceName, bundle: &Bundle, made: Option<Timestamp>) -> Self {
        let manifest = bundle.manifest();
        Self {
            name,
            made,
            bundle_folder: absolute(bundle.folder()),
            space: EmbeddingSpace::of(bundle),
            tokenizer: manifest.tokenizer.clone(),
            vocabulary_sha256: manifest.files.get(VOCABULARY).cloned().unwrap_or_default(),
        }
    }

    /// Reads the record of a space, where there is one.
    ///
    /// # Errors
    ///
    /// [`Error::Damaged`](crate::Error::Damaged), [`Error::Format`](crate::Error::Format) and
    /// [`Error::Io`](crate::Error::Io).
    pub(crate) fn read(storage: &dyn Storage) -> Result<Option<Self>> {
        note::read(storage, RECORD)
    }

    pub(crate) fn write(&self, storage: &dyn Storage) -> Result<()> {
        note::write(storage, RECORD, self)
    }
}

fn absolute(folder: &Path) -> PathBuf {
    std::path::absolute(folder).unwrap_or_else(|_| folder.to_owned())
}
