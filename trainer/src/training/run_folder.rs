//! The folder of a run.
//!
//! ```text
//! config.json           the model
//! recipe.json           how it is trained
//! about.json            on what, and by which command
//! split.json            which subjects and recordings it learns from, and which are held out
//! metrics.jsonl         the numbers of every step
//! checkpoints/          the last two, each a folder that is whole or not there
//! best.safetensors      the weights of the best measurement so far
//! loss.svg              the course of the losses up to the last checkpoint
//! weights.safetensors   the trained weights, once the run is through
//! trained_tokens.bin    the tokens that the text tower met
//! ```

use std::path::{Path, PathBuf};

use nocturne_encoder::bundle::TRAINED_TOKENS;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Checkpoint, Recipe, curve};
use crate::data::{SetInfo, Split};
use crate::{Error, ModelConfig, Result, TokenSet, Weights, durable};

/// Checkpoints that are kept: the last, and the one before in case the disk has spoiled it.
const KEPT_CHECKPOINTS: usize = 2;

/// Name of the trained weights.
const WEIGHTS: &str = "weights.safetensors";
/// Name of the weights of the best measurement.
const BEST: &str = "best.safetensors";
/// Name of the model's configuration.
const CONFIG: &str = "config.json";
/// Name of the recipe.
const RECIPE: &str = "recipe.json";

/// Name of what is said of a run.
const ABOUT: &str = "about.json";
/// Name of the split.
const SPLIT: &str = "split.json";

/// On what a run was trained, and by which command.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct About {
    /// The training set.
    pub set: SetInfo,
    /// The command that began the run.
    pub command: String,
    /// The same of the run whose weights this one began with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<Box<Self>>,
}

impl About {
    /// Returns on what the weights were trained, the data of earlier runs behind that of this one.
    pub fn data(&self) -> String {
        match &self.before {
            Some(before) => format!("{}; before that: {}", self.set.data, before.data()),
            None => self.set.data.clone(),
        }
    }
}

/// The folder of a run.
#[derive(Debug, Clone)]
pub struct RunFolder(PathBuf);

impl RunFolder {
    /// Names the folder of a run.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(path.into())
    }

    /// Returns the folder's path.
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// Returns the path of the trained weights.
    pub fn weights(&self) -> PathBuf {
        self.0.join(WEIGHTS)
    }

    /// Returns the path of the weights of the best measurement so far; there are none where nothing is held out.
    pub fn best(&self) -> PathBuf {
        self.0.join(BEST)
    }

    /// Returns the path of the model's configuration.
    pub fn config(&self) -> PathBuf {
        self.0.join(CONFIG)
    }

    /// Returns on what the run was trained, and by which command.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] and [`Error::Format`].
    pub fn about(&self) -> Result<About> {
        read_json(&self.0.join(ABOUT))
    }

    /// As [`about`](Self::about), or none where the folder is not of a run.
    pub(super) fn about_if_any(&self) -> Result<Option<About>> {
        self.0.join(ABOUT).exists().then(|| self.about()).transpose()
    }

    /// Reads the tokens that the text tower met.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], and [`Error::Format`] where they are of another vocabulary.
    pub fn read_tokens(&self, vocabulary_size: usize) -> Result<TokenSet> {
        read_tokens(&self.0, vocabulary_size)
    }

    pub(super) fn metrics(&self) -> PathBuf {
        self.0.join("metrics.jsonl")
    }

    /// Begins a run: the folder must hold none.
    pub(super) fn begin(&self, config: &ModelConfig, recipe: &Recipe, about: &About) -> Result<()> {
        if self.0.join(CONFIG).exists() {
            return Err(Error::Run { path: self.0.clone(), problem: "already holds a run" });
        }
        let checkpoints = self.checkpoints();
        std::fs::create_dir_all(&checkpoints).map_err(Error::io(&checkpoints, "create"))?;
        write_json(&self.0.join(ABOUT), about)?;
        write_json(&self.0.join(RECIPE), recipe)?;
        write_json(&self.0.join(CONFIG), config)
    }

    /// Writes what a run learns from, and what is held out.
    pub(super) fn write_split(&self, split: &Split) -> Result<()> {
        write_json(&self.0.join(SPLIT), split)
    }

    /// Refuses another split than that of the run; runs of earlier versions have none.
    pub(super) fn check_split(&self, split: &Split) -> Result<()> {
        let path = self.0.join(SPLIT);
        if path.exists() && read_json::<Split>(&path)? != *split {
            return Err(Error::OtherRun { path: self.0.clone(), field: "training set" });
        }
        Ok(())
    }

    /// Returns the last checkpoint of a run with this configuration and recipe.
    pub(super) fn resume(&self, config: &ModelConfig, recipe: &Recipe) -> Result<Checkpoint> {
        let other = |field| Error::OtherRun { path: self.0.clone(), field };
        if !self.0.join(CONFIG).exists() {
            return Err(Error::Run { path: self.0.clone(), problem: "holds no run to resume" });
        }
        if ModelConfig::read(&self.config())? != *config {
            return Err(other("configuration"));
        }
        let before: Recipe = read_json(&self.0.join(RECIPE))?;
        if let Some(field) = recipe.difference(&before) {
            return Err(other(field));
        }
        let last = self.finished_checkpoints()?.pop();
        let last = last.ok_or_else(|| Error::Run {
            path: self.0.clone(),
            problem: "holds no checkpoint to resume from",
        })?;
        Checkpoint::read(&last, config.text_cfg.vocab_size)
    }

    /// Writes a checkpoint, and removes those before the last two.
    pub(super) fn keep(&self, checkpoint: &Checkpoint) -> Result<PathBuf> {
        let path = self.checkpoints().join(format!("step-{:08}", checkpoint.step));
        checkpoint.write(&path)?;
        let mut finished = self.finished_checkpoints()?;
        finished.truncate(finished.len().saturating_sub(KEPT_CHECKPOINTS));
        for old in finished {
            std::fs::remove_dir_all(&old).map_err(Error::io(&old, "remove"))?;
        }
        Ok(path)
    }

    /// Draws the losses so far.
    pub(super) fn draw(&self) -> Result<()> {
        let metrics = self.metrics();
        let text = std::fs::read_to_string(&metrics).map_err(Error::io(&metrics, "read"))?;
        durable::write(&self.0.join("loss.svg"), curve::draw(&text).as_bytes())
    }

    /// Writes what a run was for.
    pub(super) fn finish(&self, weights: &Weights, tokens: &TokenSet) -> Result<()> {
        durable::write(&self.0.join(TRAINED_TOKENS), tokens.as_bytes())?;
        weights.write(&self.weights())
    }

    fn checkpoints(&self) -> PathBuf {
        self.0.join("checkpoints")
    }

    /// Returns the checkpoints in order of their steps.
    fn finished_checkpoints(&self) -> Result<Vec<PathBuf>> {
        let folder = self.checkpoints();
        let mut finished = Vec::new();
        for entry in std::fs::read_dir(&folder).map_err(Error::io(&folder, "read"))? {
            let path = entry.map_err(Error::io(&folder, "read"))?.path();
            if path.extension().is_none() {
                finished.push(path);
            }
        }
        finished.sort_unstable();
        Ok(finished)
    }
}

/// Reads the tokens that a text tower met from the folder of a run or a checkpoint.
pub(super) fn read_tokens(folder: &Path, vocabulary_size: usize) -> Result<TokenSet> {
    let path = folder.join(TRAINED_TOKENS);
    let bytes = std::fs::read(&path).map_err(Error::io(&path, "read"))?;
    TokenSet::from_bytes(bytes, vocabulary_size).ok_or_else(|| {
        Error::format(&path, format!("it is not of a vocabulary of {vocabulary_size} tokens"))
    })
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let bytes = std::fs::read(path).map_err(Error::io(path, "read"))?;
    serde_json::from_slice(&bytes).map_err(|error| Error::format(path, error.to_string()))
}

fn write_json(path: &Path, value: &impl Serialize) -> Result<()> {
    let mut bytes = serde_json::to_vec_pretty(value).expect("names and numbers");
    bytes.push(b'\n');
    durable::write(path, &bytes)
}
