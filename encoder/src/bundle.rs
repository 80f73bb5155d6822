//! The model bundle: a folder with both towers, the vocabulary and a manifest that says what they are.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};

use nocturne_psg::hash::{hex, sha256};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::{Error, Result};

/// Version of the manifest's format that this build reads and writes.
pub const FORMAT: u32 = 1;

/// File name of the manifest.
pub const MANIFEST: &str = "bundle.toml";
/// File name of the signal tower: `signals [batch, 10, 1920] f32 → signal_embedding [batch, dim] f32`.
///
/// It may give `attention [batch, 10, patches] f32`, how much each patch of each channel weighs in the embedding, and
/// with a captioner it gives `memory [batch, memory_tokens, width] f32`.
pub const SIGNAL_TOWER: &str = "signal.onnx";
/// File name of the text tower: `tokens [batch, length] i64 → text_embedding [batch, dim] f32`.
///
/// Every row ends with at least one 0 (pad) unless it has the full context length; the class position is added inside.
pub const TEXT_TOWER: &str = "text.onnx";
/// File name of the caption decoder, whose inputs and outputs [`crate::caption`] tells. A bundle may do without it.
pub const CAPTIONER: &str = "caption.onnx";
/// File name of the tokenizer's vocabulary.
pub const VOCABULARY: &str = "bpe_simple_vocab_16e6.txt.gz";
/// File name of the list of tokens that the text tower met in its training: one bit a token, the lowest bit of a byte
/// first. A bundle may do without it.
pub const TRAINED_TOKENS: &str = "trained_tokens.bin";
/// File name of the weights that training can go on from, of the tokens in [`TRAINED_TOKENS`] alone: the graphs hold
/// products of them. A bundle may do without it.
pub const WEIGHTS: &str = "weights.safetensors";
/// File name of the sizes of the model that [`WEIGHTS`] are of.
pub const CONFIG: &str = "config.json";

/// What `bundle.toml` says.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    /// Version of this format.
    pub format: u32,
    /// Name of the bundle.
    pub name: String,
    /// Length of an embedding.
    pub embedding_dim: usize,
    /// Learned scale of the similarity: logits are `logit_scale · cosine`.
    pub logit_scale: f32,
    /// How signals become the encoder's input.
    pub preprocessing: Preprocessing,
    /// How texts become tokens.
    pub tokenizer: TokenizerSpec,
    /// Number of trained numbers in each tower, and in the captioner.
    pub parameters: BTreeMap<String, u64>,
    /// Where the weights come from.
    pub training: Training,
    /// SHA-256 of every file of the bundle but the manifest, in hexadecimal.
    pub files: BTreeMap<String, String>,
    /// In which numbers the graphs compute; 32-bit floats where nothing is said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub precision: Option<Precision>,
    /// How to read the similarity of an epoch to a concept, by name of the concept.
    #[serde(default)]
    pub calibration: BTreeMap<String, Calibration>,
}

/// How signals become the encoder's input.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Preprocessing {
    /// Name of the montage.
    pub montage: String,
    /// Span over which a channel is brought to mean 0 and deviation 1.
    pub z_score: nocturne_psg::ZScore,
}

/// How texts become tokens.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenizerSpec {
    /// The algorithm; `clip-bpe` is the only one.
    pub kind: String,
    /// Longest text in tokens, with begin and end.
    pub context: usize,
    /// Number of entries in the vocabulary.
    pub vocabulary_size: usize,
}

/// Where the weights come from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Training {
    /// What the towers were trained on, in a sentence.
    pub data: String,
    /// Licence of the data and the weights.
    pub licence: String,
    /// The command that made the weights.
    pub command: String,
}

/// In which numbers the graphs compute, and how far that takes them from 32-bit floats.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Precision {
    /// `fp16`, `bf16` or `int8`.
    pub name: String,
    /// Of embeddings of epochs.
    pub signal: Agreement,
    /// Of embeddings of texts.
    pub text: Agreement,
}

/// Cosines between embeddings of the same inputs in two precisions.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Agreement {
    /// The lowest.
    pub cosine_min: f32,
    /// The mean.
    pub cosine_mean: f32,
}

/// How to read the similarity of an epoch to a concept, measured on nights that took no part in the training.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Calibration {
    /// Probability of the concept is `1 / (1 + exp(-(slope · margin + offset)))`,
    /// the margin being the cosine to the positive prompts less the cosine to the negative ones.
    pub slope: f32,
    /// See [`slope`](Self::slope).
    pub offset: f32,
    /// Probability from which an epoch counts as having the concept.
    pub threshold: f32,
    /// Share of the epochs in which the concept begins that reach the threshold.
    pub true_positive_rate: f32,
    /// Share of the other epochs that reach the threshold.
    pub false_positive_rate: f32,
}

impl Calibration {
    /// Returns the probability of the concept at a margin.
    pub fn probability(&self, margin: f32) -> f32 {
        1.0 / (1.0 + (-(self.slope * margin + self.offset)).exp())
    }
}

/// A bundle whose files are all there and all have the hash that the manifest gives.
#[derive(Debug, Clone)]
pub struct Bundle {
    folder: PathBuf,
    manifest: Manifest,
    fingerprint: String,
}

impl Bundle {
    /// Opens a bundle and checks every file against its hash.
    ///
    /// # Errors
    ///
    /// [`Error::NotABundle`], [`Error::Manifest`], [`Error::Hash`] and [`Error::Io`].
    pub fn open(folder: &Path) -> Result<Self> {
        let path = folder.join(MANIFEST);
        if !path.is_file() {
            return Err(Error::NotABundle { path: folder.to_owned() });
        }
        let text = std::fs::read_to_string(&path).map_err(Error::io(&path, "read"))?;
        let manifest: Manifest = toml::from_str(&text)
            .map_err(|error| Error::Manifest { path: path.clone(), problem: error.to_string() })?;
        if manifest.format != FORMAT {
            let problem =
                format!("it has format {}; this build reads format {FORMAT}", manifest.format);
            return Err(Error::Manifest { path, problem });
        }
        for needed in [SIGNAL_TOWER, TEXT_TOWER, VOCABULARY] {
            if !manifest.files.contains_key(needed) {
                let problem = format!("`files` does not list `{needed}`");
                return Err(Error::Manifest { path, problem });
            }
        }
        for (name, expected) in &manifest.files {
            check_hash(folder, name, expected, &path)?;
        }
        let fingerprint = manifest.fingerprint();
        Ok(Self { folder: folder.to_owned(), manifest, fingerprint })
    }

    /// Writes `bundle.toml` for files that already lie in the folder, with their hashes, and opens the bundle.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open).
    pub fn seal(folder: &Path, mut manifest: Manifest, files: &[&str]) -> Result<Self> {
        manifest.files.clear();
        for name in files {
            let path = folder.join(name);
            let bytes = std::fs::read(&path).map_err(Error::io(&path, "read"))?;
            manifest.files.insert((*name).to_owned(), sha256(&bytes));
        }
        manifest.write(folder)?;
        Self::open(folder)
    }

    /// Writes the bundle's manifest anew with other calibrations. The fingerprint stays: no vector changes.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open).
    pub fn calibrate(&self, calibration: BTreeMap<String, Calibration>) -> Result<Self> {
        Manifest { calibration, ..self.manifest.clone() }.write(&self.folder)?;
        Self::open(&self.folder)
    }

    /// Returns what the manifest says.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Returns the folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns the path of a file of the bundle.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Returns whether the bundle can say what it sees.
    pub fn has_captioner(&self) -> bool {
        self.manifest.files.contains_key(CAPTIONER)
    }

    /// Refuses a bundle without a captioner.
    ///
    /// # Errors
    ///
    /// [`Error::NoCaptioner`].
    pub fn expect_captioner(&self) -> Result<()> {
        let found = self.has_captioner().then_some(());
        found.ok_or_else(|| Error::NoCaptioner { path: self.folder.clone() })
    }

    /// Returns the hash of all that changes a vector: both towers, vocabulary, preprocessing and tokenizer.
    ///
    /// Two bundles of one fingerprint give the same vectors; a collection belongs to one fingerprint.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }
}

impl Manifest {
    /// Writes the manifest into the folder; whoever reads meanwhile finds the old one or the new one.
    fn write(&self, folder: &Path) -> Result<()> {
        let path = folder.join(MANIFEST);
        let text = toml::to_string_pretty(self)
            .map_err(|error| Error::Manifest { path: path.clone(), problem: error.to_string() })?;
        let beside = folder.join(format!("{MANIFEST}.tmp"));
        let write = || {
            let mut file = std::fs::File::create(&beside)?;
            file.write_all(text.as_bytes())?;
            file.sync_all()?;
            std::fs::rename(&beside, &path)?;
            std::fs::File::open(folder)?.sync_all()
        };
        write().map_err(Error::io(&path, "write"))
    }

    fn fingerprint(&self) -> String {
        let mut hash = Sha256::new();
        for name in [SIGNAL_TOWER, TEXT_TOWER, VOCABULARY] {
            hash.update(name);
            hash.update(self.files.get(name).map_or("", String::as_str));
        }
        let Preprocessing { montage, z_score } = &self.preprocessing;
        let TokenizerSpec { kind, context, vocabulary_size } = &self.tokenizer;
        hash.update(format!(
            "{montage}\n{z_score:?}\n{kind}\n{context}\n{vocabulary_size}\n{}",
            self.embedding_dim
        ));
        hex(hash.finalize())
    }
}

fn check_hash(folder: &Path, name: &str, expected: &str, manifest: &Path) -> Result<()> {
    let is_plain = !name.is_empty() && Path::new(name).file_name().is_some_and(|file| file == name);
    if !is_plain {
        let problem =
            format!("`files` names `{name}`; expected the name of a file in the same folder");
        return Err(Error::Manifest { path: manifest.to_owned(), problem });
    }
    let path = folder.join(name);
    let bytes = std::fs::read(&path).map_err(Error::io(&path, "read"))?;
    let found = sha256(&bytes);
    if found != expected.to_ascii_lowercase() {
        return Err(Error::Hash { path, found, expected: expected.to_owned() });
    }
    Ok(())
}
