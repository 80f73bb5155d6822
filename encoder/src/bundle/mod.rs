//! The model bundle: a folder with both towers, the vocabulary and a manifest that describes them.
//!
//! # When are the files checked?
//!
//! [`Bundle::open`] reads the manifest and checks that every file exists.
//! A file is checked against its SHA-256 when it is about to be used ([`Bundle::verified`]), in a stream of bounded memory.
//! So a search does not wait for the hash of the signal tower or of weights for training, and no changed file is used.
//! [`Bundle::verify`] checks all files.

mod fingerprint;
mod manifest;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use nocturne_psg::hash::hex;
use sha2::{Digest, Sha256};

use crate::error::{Error, Result};

pub use manifest::{
    BundleManifest, CosineAgreement, FORMAT, MANIFEST, Precision, Preprocessing, TokenizerSpec,
    Training,
};

/// File name of the signal tower: `signals [batch, 10, 1920] f32 → signal_embedding [batch, dim] f32`.
///
/// Optional outputs: `attention [batch, 10, patches] f32`, the weight of each patch of each channel in the embedding;
/// and, required for a captioner, `memory [batch, memory_tokens, width] f32`.
pub const SIGNAL_TOWER: &str = "signal.onnx";
/// File name of the text tower: `tokens [batch, length] i64 → text_embedding [batch, dim] f32`.
///
/// Every row ends with at least one 0 (padding) unless it has the full context length.
/// The graph appends the class position.
pub const TEXT_TOWER: &str = "text.onnx";
/// File name of the caption decoder, optional; [`crate::caption`] describes its inputs and outputs.
pub const CAPTIONER: &str = "caption.onnx";
/// File name of the vocabulary.
pub const VOCABULARY: &str = "bpe_simple_vocab_16e6.txt.gz";
/// File name of the set of tokens that occurred in training, optional: one bit per token, the lowest bit of a byte first.
pub const TRAINED_TOKENS: &str = "trained_tokens.bin";
/// File name of the weights for further training, optional; embeddings of the tokens in [`TRAINED_TOKENS`] only.
///
/// The graphs cannot replace them: they contain products of weights.
pub const WEIGHTS: &str = "weights.safetensors";
/// File name of the model configuration of [`WEIGHTS`].
pub const CONFIG: &str = "config.json";

/// An opened bundle, whose files exist and are checked before use.
#[derive(Debug, Clone)]
pub struct Bundle {
    folder: PathBuf,
    manifest: BundleManifest,
    fingerprint: String,
}

impl Bundle {
    /// Opens a bundle: reads its manifest and checks that every file exists.
    ///
    /// # Errors
    ///
    /// [`Error::NotABundle`], [`Error::BundleManifest`] and [`Error::Io`].
    pub fn open(folder: &Path) -> Result<Self> {
        let manifest = BundleManifest::read(folder)?;
        for name in manifest.files.keys() {
            let path = folder.join(name);
            std::fs::metadata(&path).map_err(Error::io(&path, "read"))?;
        }
        let fingerprint = fingerprint::fingerprint(&manifest);
        Ok(Self { folder: folder.to_owned(), manifest, fingerprint })
    }

    /// Writes `bundle.toml` for files that are already in the folder, with their hashes, and opens the bundle.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open).
    pub fn seal(folder: &Path, mut manifest: BundleManifest, files: &[&str]) -> Result<Self> {
        manifest.files.clear();
        for name in files {
            manifest.files.insert((*name).to_owned(), sha256_of_file(&folder.join(name))?);
        }
        manifest.write(folder)?;
        Self::open(folder)
    }

    /// Checks every file of the bundle against its hash.
    ///
    /// # Errors
    ///
    /// Those of [`verified`](Self::verified), for the first file that differs.
    pub fn verify(&self) -> Result<()> {
        self.manifest.files.keys().try_for_each(|name| self.verified(name).map(drop))
    }

    /// Checks a file against its hash and returns its path.
    ///
    /// # Errors
    ///
    /// [`Error::Hash`] if the file is not the one that the manifest describes, [`Error::BundleManifest`] if the manifest
    /// does not list it, and [`Error::Io`].
    pub fn verified(&self, name: &str) -> Result<PathBuf> {
        let Some(expected) = self.manifest.files.get(name) else {
            let problem = format!("`files` does not list `{name}`");
            return Err(Error::bundle_manifest(&self.folder.join(MANIFEST), problem));
        };
        let path = self.folder.join(name);
        let found = sha256_of_file(&path)?;
        if found != expected.to_ascii_lowercase() {
            return Err(Error::Hash { path, found, expected: expected.clone() });
        }
        Ok(path)
    }

    /// Returns the manifest.
    pub fn manifest(&self) -> &BundleManifest {
        &self.manifest
    }

    /// Returns the folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns the path of a file of the bundle, without checking it; see [`verified`](Self::verified).
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Returns whether the bundle has a caption decoder.
    pub fn has_captioner(&self) -> bool {
        self.manifest.files.contains_key(CAPTIONER)
    }

    /// Refuses a bundle without a caption decoder.
    ///
    /// # Errors
    ///
    /// [`Error::NoCaptioner`].
    pub fn expect_captioner(&self) -> Result<()> {
        let found = self.has_captioner().then_some(());
        found.ok_or_else(|| Error::NoCaptioner { path: self.folder.clone() })
    }

    /// Returns the hash of everything that changes a vector: both towers, the vocabulary, preprocessing and tokenizer.
    ///
    /// Bundles with the same fingerprint give the same vectors; an embedding space belongs to one fingerprint.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }
}

/// Returns the SHA-256 of a file in hexadecimal, reading 1 MiB at a time.
fn sha256_of_file(path: &Path) -> Result<String> {
    let hash = || -> io::Result<String> {
        let mut file = File::open(path)?;
        let mut hash = Sha256::new();
        let mut buffer = vec![0; 1 << 20];
        loop {
            match file.read(&mut buffer)? {
                0 => return Ok(hex(hash.finalize())),
                n => hash.update(&buffer[..n]),
            }
        }
    };
    hash().map_err(Error::io(path, "read"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Writes a bundle of placeholder files, which no runtime could load.
    fn bundle(folder: &Path) -> Bundle {
        let files = [SIGNAL_TOWER, TEXT_TOWER, VOCABULARY];
        for name in files {
            std::fs::write(folder.join(name), name).unwrap();
        }
        let manifest = "format = 1\nname = 'tiny'\nembedding_dim = 2\nlogit_scale = 1.0\n\
            preprocessing = { montage = 'sleeplm-10', z_score = 'recording' }\n\
            tokenizer = { kind = 'clip-bpe', context = 256, vocabulary_size = 49408 }\n\
            parameters = {}\ntraining = { data = '', licence = '', command = '' }\nfiles = {}\n";
        Bundle::seal(folder, toml::from_str(manifest).unwrap(), &files).unwrap()
    }

    #[test]
    fn changed_file_is_rejected_when_it_is_used() {
        let folder = tempfile::tempdir().unwrap();
        let sealed = bundle(folder.path());
        sealed.verify().unwrap();
        std::fs::write(sealed.file(TEXT_TOWER), "changed").unwrap();
        let opened = Bundle::open(folder.path()).unwrap();
        opened.verified(SIGNAL_TOWER).unwrap();
        for error in [opened.verified(TEXT_TOWER).unwrap_err(), opened.verify().unwrap_err()] {
            assert!(matches!(error, Error::Hash { .. }), "{error}");
        }
    }

    #[test]
    fn missing_file_is_named_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let sealed = bundle(folder.path());
        std::fs::remove_file(sealed.file(SIGNAL_TOWER)).unwrap();
        let error = Bundle::open(folder.path()).unwrap_err().to_string();
        assert!(error.contains(SIGNAL_TOWER), "{error}");
    }

    #[test]
    fn names_with_a_path_are_rejected() {
        let folder = tempfile::tempdir().unwrap();
        let sealed = bundle(folder.path());
        let mut manifest = sealed.manifest().clone();
        manifest.files.insert("../secret".to_owned(), "0".repeat(64));
        manifest.write(folder.path()).unwrap();
        let error = Bundle::open(folder.path()).unwrap_err().to_string();
        assert!(
            error.ends_with("lists `../secret`; expected a file name without a path"),
            "{error}"
        );
    }
}
