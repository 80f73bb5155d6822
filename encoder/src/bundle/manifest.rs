//! The manifest of a bundle, `bundle.toml`: what its files are and how they are used.

use std::collections::BTreeMap;
use std::path::Path;

use nocturne_psg::ZScore;
use nocturne_psg::edf::durable;
use serde::{Deserialize, Serialize};

use super::{SIGNAL_TOWER, TEXT_TOWER, VOCABULARY};
use crate::error::{Error, Result};

/// Version of the manifest format.
pub const FORMAT: u32 = 1;

/// File name of the manifest.
pub const MANIFEST: &str = "bundle.toml";

/// The contents of `bundle.toml`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BundleManifest {
    /// Version of the format, [`FORMAT`].
    pub format: u32,
    /// Name of the bundle.
    pub name: String,
    /// Length of an embedding.
    pub embedding_dim: usize,
    /// Learned scale of the similarity: logits are `logit_scale · cosine`.
    pub logit_scale: f32,
    /// Conversion of signals to the input of the signal tower.
    pub preprocessing: Preprocessing,
    /// Conversion of texts to tokens.
    pub tokenizer: TokenizerSpec,
    /// Number of trained parameters of each tower and of the captioner.
    pub parameters: BTreeMap<String, u64>,
    /// Origin of the weights.
    pub training: Training,
    /// SHA-256 of every file of the bundle except the manifest, in hexadecimal.
    pub files: BTreeMap<String, String>,
    /// Number format of the weights; `None` for 32-bit floats.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub precision: Option<Precision>,
}

/// Conversion of signals to the input of the signal tower.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preprocessing {
    /// Name of the montage.
    pub montage: String,
    /// Span over which a channel is scaled to mean 0 and standard deviation 1.
    pub z_score: ZScore,
}

/// Conversion of texts to tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenizerSpec {
    /// The algorithm; always `clip-bpe`.
    pub kind: String,
    /// Maximum length of a text in tokens, including start and end.
    pub context: usize,
    /// Number of entries in the vocabulary.
    pub vocabulary_size: usize,
}

/// Origin of the weights.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Training {
    /// The training data, in a sentence.
    pub data: String,
    /// Licence of the data and the weights.
    pub licence: String,
    /// The command that produced the weights.
    pub command: String,
}

/// The number format of the weights, and how well embeddings agree with those of 32-bit floats.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Precision {
    /// `fp16`, `bf16` or `int8`.
    pub name: String,
    /// Agreement of embeddings of epochs.
    pub signal: CosineAgreement,
    /// Agreement of embeddings of texts.
    pub text: CosineAgreement,
}

/// Cosines between embeddings of the same inputs in two precisions.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CosineAgreement {
    /// The lowest cosine.
    pub cosine_min: f32,
    /// The mean cosine.
    pub cosine_mean: f32,
}

impl BundleManifest {
    /// Reads and checks the manifest of a bundle.
    pub(super) fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(MANIFEST);
        if !path.is_file() {
            return Err(Error::NotABundle { path: folder.to_owned() });
        }
        let text = std::fs::read_to_string(&path).map_err(Error::io(&path, "read"))?;
        let manifest: Self =
            toml::from_str(&text).map_err(|source| Error::bundle_manifest(&path, source))?;
        manifest.check().map_err(|problem| Error::bundle_manifest(&path, problem))?;
        Ok(manifest)
    }

    /// Returns the first problem of the manifest, if any.
    fn check(&self) -> std::result::Result<(), String> {
        if self.format != FORMAT {
            return Err(format!("its format is {}; this build reads format {FORMAT}", self.format));
        }
        for required in [SIGNAL_TOWER, TEXT_TOWER, VOCABULARY] {
            if !self.files.contains_key(required) {
                return Err(format!("`files` does not list `{required}`"));
            }
        }
        for name in self.files.keys() {
            // A name with a path could make a bundle read files elsewhere on the disk.
            let is_plain = !name.is_empty()
                && Path::new(name).file_name().is_some_and(|file| file == name.as_str());
            if !is_plain {
                return Err(format!("`files` lists `{name}`; expected a file name without a path"));
            }
        }
        Ok(())
    }

    /// Replaces the manifest in the folder atomically: a concurrent reader sees the old one or the new one.
    pub(super) fn write(&self, folder: &Path) -> Result<()> {
        let path = folder.join(MANIFEST);
        let text =
            toml::to_string_pretty(self).map_err(|source| Error::bundle_manifest(&path, source))?;
        durable::write(&path, text.as_bytes()).map_err(Error::io(&path, "write"))
    }
}
