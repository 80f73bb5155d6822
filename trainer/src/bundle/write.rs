//! Writes a model bundle: both towers, the caption decoder, the vocabulary, and the manifest.

use std::collections::BTreeMap;
use std::path::Path;

use nocturne_encoder::Bundle;
use nocturne_encoder::bundle::{
    BundleManifest, CAPTIONER, FORMAT, Preprocessing, SIGNAL_TOWER, TEXT_TOWER, TRAINED_TOKENS,
    TokenizerSpec, Training, VOCABULARY,
};
use nocturne_encoder::tokenizer::{CLIP_VOCABULARY, VOCABULARY_SIZE};
use nocturne_psg::ZScore;
use nocturne_psg::edf::durable;

use crate::config::ModelConfig;
use crate::error::{Error, Result};
use crate::onnx::{GraphOptions, caption_decoder, signal_tower, text_tower};
use crate::tokens::TokenSet;
use crate::weights::Weights;

/// Facts in a bundle's manifest that are neither in the weights nor in the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleFacts {
    /// Name of the bundle.
    pub name: String,
    /// Span over which the signals were scaled in training.
    pub z_score: ZScore,
    /// The training data, in a sentence.
    pub data: String,
    /// Licence of the data and the weights.
    pub licence: String,
    /// The command that trained the weights.
    pub command: String,
}

/// Writes a bundle and opens it.
///
/// The bundle has a caption decoder if the weights have one. With `trained`, the embeddings of all other tokens are
/// left out, and the bundle lists the tokens that it knows.
///
/// # Errors
///
/// [`Error::Exists`] if the folder already exists, [`Error::WeightMismatch`] if a weight is missing, [`Error::Config`]
/// if the vocabulary is not CLIP's, [`Error::Io`] and [`Error::Bundle`].
pub fn write_bundle(
    folder: &Path,
    weights: &Weights,
    config: &ModelConfig,
    trained: Option<&TokenSet>,
    facts: &BundleFacts,
) -> Result<Bundle> {
    config.check()?;
    if folder.exists() {
        return Err(Error::Exists { path: folder.to_owned() });
    }
    let manifest = manifest(weights, config, facts)?;
    let temporary = durable::temporary(folder);
    if temporary.exists() {
        std::fs::remove_dir_all(&temporary).map_err(Error::io(&temporary, "remove"))?;
    }
    std::fs::create_dir_all(&temporary).map_err(Error::io(&temporary, "create"))?;
    let options = GraphOptions::default();
    signal_tower(weights, config, options)?.write(&temporary.join(SIGNAL_TOWER))?;
    text_tower(weights, config, trained, options)?.write(&temporary.join(TEXT_TOWER))?;
    let write = |name: &str, bytes: &[u8]| {
        let path = temporary.join(name);
        durable::write(&path, bytes).map_err(Error::io(&path, "write"))
    };
    write(VOCABULARY, CLIP_VOCABULARY)?;
    let mut files = vec![SIGNAL_TOWER, TEXT_TOWER, VOCABULARY];
    if let Some(trained) = trained {
        write(TRAINED_TOKENS, trained.as_bytes())?;
        files.push(TRAINED_TOKENS);
    }
    if weights.has_captioner() {
        caption_decoder(weights, config, trained, options)?.write(&temporary.join(CAPTIONER))?;
        files.push(CAPTIONER);
    }
    Bundle::seal(&temporary, manifest, &files)?;
    durable::rename_folder(&temporary, folder).map_err(Error::io(folder, "rename a folder to"))?;
    Ok(Bundle::open(folder)?)
}

/// Rejects a model with another vocabulary than CLIP's: a bundle's token ids would exceed its table.
///
/// # Errors
///
/// [`Error::Config`].
pub fn check_vocabulary(config: &ModelConfig) -> Result<()> {
    if config.text_cfg.vocab_size == VOCABULARY_SIZE {
        return Ok(());
    }
    Err(Error::Config {
        field: "text_cfg.vocab_size",
        value: config.text_cfg.vocab_size.to_string(),
        expected: format!("{VOCABULARY_SIZE}, the size of CLIP's vocabulary, which bundles use"),
    })
}

fn manifest(
    weights: &Weights,
    config: &ModelConfig,
    facts: &BundleFacts,
) -> Result<BundleManifest> {
    check_vocabulary(config)?;
    let text = &config.text_cfg;
    let facts = facts.clone();
    Ok(BundleManifest {
        format: FORMAT,
        name: facts.name,
        embedding_dim: config.embed_dim,
        logit_scale: weights.need("logit_scale")?.values[0].exp(),
        preprocessing: Preprocessing {
            montage: nocturne_psg::montage::NAME.to_owned(),
            z_score: facts.z_score,
        },
        tokenizer: TokenizerSpec {
            kind: "clip-bpe".to_owned(),
            context: text.context_length,
            vocabulary_size: text.vocab_size,
        },
        parameters: parameters(weights),
        training: Training { data: facts.data, licence: facts.licence, command: facts.command },
        files: [].into(),
        precision: None,
    })
}

/// Counts the trained parameters of each part in the bundle.
fn parameters(weights: &Weights) -> BTreeMap<String, u64> {
    let parts = [("signal", "biosignals."), ("text", "text."), ("captioner", "text_decoder.")];
    let counts = parts.map(|(part, prefix)| (part.to_owned(), weights.count(prefix) as u64));
    counts.into_iter().filter(|(_, count)| *count > 0).collect()
}
