//! The weights that a run begins with, where it goes on with a model that is there.

use std::path::Path;

use nocturne_encoder::Bundle;
use nocturne_encoder::bundle::{CONFIG, MANIFEST, TRAINED_TOKENS, Training};

use super::run_folder::read_tokens;
use super::{About, RunFolder};
use crate::data::SetInfo;
use crate::trainable::read_weights;
use crate::{Checkpoint, Error, Import, ModelConfig, Result, TokenSet, Weights};

/// A model that a run begins with.
#[derive(Debug, Clone, PartialEq)]
pub struct Start {
    /// Its configuration.
    pub config: ModelConfig,
    /// Its weights.
    pub weights: Weights,
    /// The tokens that its text tower has met.
    pub tokens: TokenSet,
    /// On what it was trained, where it is of a run.
    pub about: Option<About>,
}

impl Start {
    /// Reads the folder of a run that is through or of a bundle, a file of safetensors, or one that `torch.save` has
    /// written.
    ///
    /// The configuration is `given`, or `config.json` beside the weights, or told by them.
    /// The tokens are those of the list beside the weights; without one, the model is taken to know all of them.
    ///
    /// # Errors
    ///
    /// [`Error::NoWeights`] for a bundle that does not keep them, those of [`Checkpoint::open`], [`Import::new`] and [`Import::read`],
    /// [`Error::Io`] and [`Error::Format`].
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
            let problem = "the configuration that was given is another".to_owned();
            return Err(Error::format(&bundle.file(CONFIG), problem));
        }
        let manifest = bundle.manifest();
        let Training { data, licence, command } = manifest.training.clone();
        let set = SetInfo::new(manifest.preprocessing.z_score, data, licence);
        let about = Some(About { set, command, before: None });
        Ok(Self { config, weights, tokens, about })
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
        let about = RunFolder::new(folder).about_if_any()?;
        Ok(Self { config, weights, tokens, about })
    }
}
