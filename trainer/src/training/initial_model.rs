//! The model that a run starts from, if it does not start from random weights.

use std::path::Path;

use nocturne_encoder::Bundle;
use nocturne_encoder::bundle::{CONFIG, MANIFEST, TRAINED_TOKENS, Training};

use super::run_folder::read_tokens;
use super::{RunFolder, RunProvenance};
use crate::bundle::read_weights;
use crate::checkpoint::Checkpoint;
use crate::config::ModelConfig;
use crate::data::SetInfo;
use crate::error::{Error, Result};
use crate::import::Import;
use crate::tokens::TokenSet;
use crate::weights::Weights;

/// A model that a run starts from.
#[derive(Debug, Clone, PartialEq)]
pub struct InitialModel {
    /// Its configuration.
    pub config: ModelConfig,
    /// Its weights.
    pub weights: Weights,
    /// The tokens seen in its training.
    pub tokens: TokenSet,
    /// The provenance of its weights, if they come from a run.
    pub provenance: Option<RunProvenance>,
}

impl InitialModel {
    /// Reads a finished run, a bundle with weights, a safetensors file, or a file written by `torch.save`.
    ///
    /// The configuration is `given`, or `config.json` beside the weights, or derived from them. The seen tokens are
    /// listed beside the weights; without a list, the model is assumed to know all tokens.
    ///
    /// # Errors
    ///
    /// [`Error::NoWeights`] for a bundle without weights, those of [`Checkpoint::open`], [`Import::new`] and
    /// [`Import::read`], [`Error::Io`] and [`Error::Format`].
    pub fn read(path: &Path, given: Option<&ModelConfig>) -> Result<Self> {
        if path.is_dir() && path.join(MANIFEST).exists() {
            return Self::read_bundle(&Bundle::open(path)?, given);
        }
        if path.is_dir() {
            return Self::read_file(&RunFolder::new(path).weights(), given);
        }
        Self::read_file(path, given)
    }

    fn read_bundle(bundle: &Bundle, given: Option<&ModelConfig>) -> Result<Self> {
        let (config, weights, tokens) = read_weights(bundle)?;
        if given.is_some_and(|given| *given != config) {
            let problem = "it differs from the given configuration".to_owned();
            return Err(Error::format(&bundle.file(CONFIG), problem));
        }
        let manifest = bundle.manifest();
        let Training { data, licence, command } = manifest.training.clone();
        let set = SetInfo::new(manifest.preprocessing.z_score, data, licence);
        let provenance = Some(RunProvenance { set, command, previous: None });
        Ok(Self { config, weights, tokens, provenance })
    }

    fn read_file(path: &Path, given: Option<&ModelConfig>) -> Result<Self> {
        let folder = match path.parent() {
            Some(folder) if !folder.as_os_str().is_empty() => folder,
            Some(_) | None => Path::new("."),
        };
        let beside = RunFolder::new(folder).config();
        let given = match given {
            Some(given) => Some(given.clone()),
            None if beside.exists() => Some(ModelConfig::read(&beside)?),
            None => None,
        };
        let checkpoint = Checkpoint::open(path)?;
        let import = Import::new(&checkpoint, given.as_ref())?;
        let config = import.config().clone();
        let weights = import.read(&mut |_| {})?;
        let vocabulary_size = config.text_cfg.vocab_size;
        let tokens = if folder.join(TRAINED_TOKENS).exists() {
            read_tokens(folder, vocabulary_size)?
        } else {
            TokenSet::all(vocabulary_size)
        };
        let provenance = RunFolder::new(folder).provenance_if_any()?;
        Ok(Self { config, weights, tokens, provenance })
    }
}
