//! Writes a model bundle: both towers, the caption decoder, the vocabulary, and what they are.

use std::collections::BTreeMap;
use std::path::Path;

use nocturne_encoder::Bundle;
use nocturne_encoder::bundle::{
    BundleManifest, CAPTIONER, FORMAT, Preprocessing, SIGNAL_TOWER, TEXT_TOWER, TRAINED_TOKENS,
    TokenizerSpec, Training, VOCABULARY,
};
use nocturne_encoder::tokenizer::{CLIP_VOCABULARY, VOCABULARY_SIZE};
use nocturne_psg::ZScore;

use crate::onnx::{GraphOptions, caption_decoder, signal_tower, text_tower};
use crate::{Error, ModelConfig, Result, TokenSet, Weights, durable};

/// What a bundle's manifest says that neither weights nor configuration tell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BundleFacts {
    /// Name of the bundle.
    pub name: String,
    /// Span over which the signals were scaled in training.
    pub z_score: ZScore,
    /// What the towers were trained on, in a sentence.
    pub data: String,
    /// Licence of the data and the weights.
    pub licence: String,
    /// The command that made the weights.
    pub command: String,
}

/// Writes a bundle and opens it.
///
/// Where the weights hold a caption decoder, the bundle does.
/// With `trained`, the vectors of all other tokens are left out, and the bundle lists which tokens it knows.
///
/// # Errors
///
/// [`Error::Exists`] where the folder is there already, [`Error::Mismatch`] where a weight is missing,
/// [`Error::Config`] where the vocabulary is not CLIP's, [`Error::Io`] and [`Error::Bundle`].
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
    let beside = durable::beside(folder);
    if beside.exists() {
        std::fs::remove_dir_all(&beside).map_err(Error::io(&beside, "remove"))?;
    }
    std::fs::create_dir_all(&beside).map_err(Error::io(&beside, "create"))?;
    let options = GraphOptions::default();
    signal_tower(weights, config, options)?.write(&beside.join(SIGNAL_TOWER))?;
    text_tower(weights, config, trained, options)?.write(&beside.join(TEXT_TOWER))?;
    durable::write(&beside.join(VOCABULARY), CLIP_VOCABULARY)?;
    let mut files = vec![SIGNAL_TOWER, TEXT_TOWER, VOCABULARY];
    if let Some(trained) = trained {
        durable::write(&beside.join(TRAINED_TOKENS), trained.as_bytes())?;
        files.push(TRAINED_TOKENS);
    }
    if weights.has_captioner() {
        caption_decoder(weights, config, trained, options)?.write(&beside.join(CAPTIONER))?;
        files.push(CAPTIONER);
    }
    Bundle::seal(&beside, manifest, &files)?;
    durable::put_in_place(&beside, folder)?;
    Ok(Bundle::open(folder)?)
}

/// Refuses a model over another vocabulary than CLIP's: a bundle's tokens would be beyond its table.
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
        expected: format!("CLIP's {VOCABULARY_SIZE}, whose vocabulary a bundle carries"),
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
        calibration: [].into(),
    })
}

/// Counts what was trained in each part that the bundle holds.
fn parameters(weights: &Weights) -> BTreeMap<String, u64> {
    let parts = [("signal", "biosignals."), ("text", "text."), ("captioner", "text_decoder.")];
    let counts = parts.map(|(part, prefix)| (part.to_owned(), weights.count(prefix) as u64));
    counts.into_iter().filter(|(_, count)| *count > 0).collect()
}
