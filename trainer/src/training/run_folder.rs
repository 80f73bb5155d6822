//! The folder of a run.
//!
//! ```text
//! config.json           the model
//! recipe.json           the recipe
//! provenance.json       training data and command
//! split.json            training and held-out subjects and recordings
//! metrics.jsonl         the metrics of every step
//! checkpoints/          the last two checkpoints, each a folder that is written atomically
//! best.safetensors      the weights of the best validation so far
//! loss.svg              the losses up to the last checkpoint
//! weights.safetensors   the trained weights, once the run is finished
//! trained_tokens.bin    the tokens seen in training
//! ```

use std::path::{Path, PathBuf};

use nocturne_encoder::bundle::TRAINED_TOKENS;
use nocturne_psg::edf::durable;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::{Recipe, RunCheckpoint, loss_curve};
use crate::config::ModelConfig;
use crate::data::{SetInfo, Split};
use crate::error::{Error, Result};
use crate::tokens::TokenSet;
use crate::weights::Weights;

/// Number of checkpoints that are kept: the last, and the one before in case the last is damaged on disk.
const N_CHECKPOINTS: usize = 2;

/// File name of the trained weights.
const WEIGHTS: &str = "weights.safetensors";
/// File name of the weights of the best validation.
const BEST: &str = "best.safetensors";
/// File name of the model's configuration.
const CONFIG: &str = "config.json";
/// File name of the recipe.
const RECIPE: &str = "recipe.json";

/// File name of the provenance.
const PROVENANCE: &str = "provenance.json";
/// File name of the split.
const SPLIT: &str = "split.json";

/// The training data and the command of a run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunProvenance {
    /// The training set.
    pub set: SetInfo,
    /// The command that started the run.
    pub command: String,
    /// The provenance of the model that this run started from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Box<Self>>,
}

impl RunProvenance {
    /// Returns a description of the training data, that of previous runs last.
    pub fn data(&self) -> String {
        match &self.previous {
            Some(previous) => format!("{}; before that: {}", self.set.data, previous.data()),
            None => self.set.data.clone(),
        }
    }
}

/// The folder of a run.
#[derive(Debug, Clone)]
pub struct RunFolder(PathBuf);

impl RunFolder {
    /// Refers to the folder of a run; creates nothing.
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

    /// Returns the path of the weights of the best validation so far; the file is absent if no recording is held out.
    pub fn best(&self) -> PathBuf {
        self.0.join(BEST)
    }

    /// Returns the path of the model's configuration.
    pub fn config(&self) -> PathBuf {
        self.0.join(CONFIG)
    }

    /// Returns the training data and the command.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] and [`Error::Parse`].
    pub fn provenance(&self) -> Result<RunProvenance> {
        read_json(&self.0.join(PROVENANCE))
    }

    /// Returns the recipe.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] and [`Error::Parse`].
    pub fn recipe(&self) -> Result<Recipe> {
        read_json(&self.0.join(RECIPE))
    }

    /// As [`provenance`](Self::provenance), or `None` if the folder does not belong to a run.
    pub(super) fn provenance_if_any(&self) -> Result<Option<RunProvenance>> {
        self.0.join(PROVENANCE).exists().then(|| self.provenance()).transpose()
    }

    /// Reads the tokens seen in training.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], and [`Error::Format`] if they belong to another vocabulary.
    pub fn read_tokens(&self, vocabulary_size: usize) -> Result<TokenSet> {
        read_tokens(&self.0, vocabulary_size)
    }

    pub(super) fn metrics(&self) -> PathBuf {
        self.0.join("metrics.jsonl")
    }

    /// Creates the folder of a new run; fails if it already contains a run.
    pub(super) fn create(
        &self,
        config: &ModelConfig,
        recipe: &Recipe,
        provenance: &RunProvenance,
    ) -> Result<()> {
        if self.0.join(CONFIG).exists() {
            return Err(Error::Run { path: self.0.clone(), problem: "already contains a run" });
        }
        let checkpoints = self.checkpoints();
        std::fs::create_dir_all(&checkpoints).map_err(Error::io(&checkpoints, "create"))?;
        write_json(&self.0.join(PROVENANCE), provenance)?;
        write_json(&self.0.join(RECIPE), recipe)?;
        write_json(&self.0.join(CONFIG), config)
    }

    /// Writes the training and held-out recordings.
    pub(super) fn write_split(&self, split: &Split) -> Result<()> {
        write_json(&self.0.join(SPLIT), split)
    }

    /// Rejects another split than that of the run.
    pub(super) fn check_split(&self, split: &Split) -> Result<()> {
        let path = self.0.join(SPLIT);
        if path.exists() && read_json::<Split>(&path)? != *split {
            return Err(Error::RunMismatch { path: self.0.clone(), field: "training set" });
        }
        Ok(())
    }

    /// Returns the last checkpoint of a run with this configuration and recipe.
    pub(super) fn resume(&self, config: &ModelConfig, recipe: &Recipe) -> Result<RunCheckpoint> {
        let other = |field| Error::RunMismatch { path: self.0.clone(), field };
        if !self.0.join(CONFIG).exists() {
            return Err(Error::Run { path: self.0.clone(), problem: "has no run to resume" });
        }
        if ModelConfig::read(&self.config())? != *config {
            return Err(other("configuration"));
        }
        let previous: Recipe = read_json(&self.0.join(RECIPE))?;
        if let Some(field) = recipe.difference(&previous) {
            return Err(other(field));
        }
        let last = self.finished_checkpoints()?.pop();
        let last = last.ok_or_else(|| Error::Run {
            path: self.0.clone(),
            problem: "has no checkpoint to resume from",
        })?;
        RunCheckpoint::read(&last, config.text_cfg.vocab_size)
    }

    /// Writes a checkpoint, and removes all but the last two.
    pub(super) fn write_checkpoint(&self, checkpoint: &RunCheckpoint) -> Result<PathBuf> {
        let path = self.checkpoints().join(format!("step-{:08}", checkpoint.step));
        checkpoint.write(&path)?;
        let mut finished = self.finished_checkpoints()?;
        finished.truncate(finished.len().saturating_sub(N_CHECKPOINTS));
        for old in finished {
            std::fs::remove_dir_all(&old).map_err(Error::io(&old, "remove"))?;
        }
        Ok(path)
    }

    /// Plots the losses so far.
    pub(super) fn plot(&self) -> Result<()> {
        let metrics = self.metrics();
        let text = std::fs::read_to_string(&metrics).map_err(Error::io(&metrics, "read"))?;
        write(&self.0.join("loss.svg"), loss_curve::plot(&text).as_bytes())
    }

    /// Writes the results of the run.
    pub(super) fn finish(&self, weights: &Weights, tokens: &TokenSet) -> Result<()> {
        write(&self.0.join(TRAINED_TOKENS), tokens.as_bytes())?;
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

/// Reads the tokens seen in training from the folder of a run or a checkpoint.
pub(super) fn read_tokens(folder: &Path, vocabulary_size: usize) -> Result<TokenSet> {
    let path = folder.join(TRAINED_TOKENS);
    let bytes = std::fs::read(&path).map_err(Error::io(&path, "read"))?;
    TokenSet::from_bytes(bytes, vocabulary_size).ok_or_else(|| {
        Error::format(
            &path,
            format!("its length does not match a vocabulary of {vocabulary_size} tokens"),
        )
    })
}

fn read_json<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let bytes = std::fs::read(path).map_err(Error::io(path, "read"))?;
    serde_json::from_slice(&bytes).map_err(Error::parse(path))
}

fn write_json(path: &Path, value: &impl Serialize) -> Result<()> {
    let mut bytes = serde_json::to_vec_pretty(value).expect("names and numbers");
    bytes.push(b'\n');
    write(path, &bytes)
}

fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    durable::write(path, bytes).map_err(Error::io(path, "write"))
}
