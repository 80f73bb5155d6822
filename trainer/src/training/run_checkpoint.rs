//! A checkpoint of a run: everything needed to continue as if it had not been interrupted.

use std::path::Path;

use nocturne_encoder::bundle::TRAINED_TOKENS;
use nocturne_psg::edf::durable;
use serde::{Deserialize, Serialize};

use super::BestValidation;
use super::run_folder::read_tokens;
use crate::error::{Error, Result};
use crate::tokens::TokenSet;
use crate::weights::Weights;

/// Version of the format.
const FORMAT: u32 = 1;

const STATE: &str = "state.json";
const WEIGHTS: &str = "weights.safetensors";
const OPTIMIZER: &str = "optimizer.safetensors";
const AVERAGE: &str = "average.safetensors";
const ADAPTERS: &str = "adapters.safetensors";

/// The state of a run after a number of steps.
///
/// Random generators have no state to store: the random numbers of a step are derived from the seed and the step's
/// number.
#[derive(Debug, Clone, PartialEq)]
pub struct RunCheckpoint {
    /// Number of steps taken.
    pub step: u64,
    /// The weights.
    pub weights: Weights,
    /// The adapters, if the recipe has any.
    pub adapters: Option<Weights>,
    /// The moments of the optimizer.
    pub optimizer: Weights,
    /// The moving average of the weights, if the recipe has one.
    pub average: Option<Weights>,
    /// The best validation so far.
    pub best: Option<BestValidation>,
    /// The tokens seen so far.
    pub tokens: TokenSet,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct CheckpointHeader {
    format: u32,
    step: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    best: Option<BestValidation>,
}

impl RunCheckpoint {
    /// Reads a checkpoint.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], [`Error::Parse`] and [`Error::Format`].
    pub fn read(folder: &Path, vocabulary_size: usize) -> Result<Self> {
        let path = folder.join(STATE);
        let bytes = std::fs::read(&path).map_err(Error::io(&path, "read"))?;
        let state: CheckpointHeader =
            serde_json::from_slice(&bytes).map_err(Error::parse(&path))?;
        if state.format != FORMAT {
            let problem = format!("its format is {}; this build reads {FORMAT}", state.format);
            return Err(Error::format(&path, problem));
        }
        let if_any = |name: &str| {
            let path = folder.join(name);
            path.exists().then(|| Weights::read(&path)).transpose()
        };
        Ok(Self {
            step: state.step,
            weights: Weights::read(&folder.join(WEIGHTS))?,
            optimizer: Weights::read(&folder.join(OPTIMIZER))?,
            adapters: if_any(ADAPTERS)?,
            average: if_any(AVERAGE)?,
            best: state.best,
            tokens: read_tokens(folder, vocabulary_size)?,
        })
    }

    /// Writes a checkpoint atomically.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn write(&self, folder: &Path) -> Result<()> {
        let temporary = durable::temporary(folder);
        for old in [&temporary, folder] {
            if old.exists() {
                std::fs::remove_dir_all(old).map_err(Error::io(old, "remove"))?;
            }
        }
        std::fs::create_dir_all(&temporary).map_err(Error::io(&temporary, "create"))?;
        let state = CheckpointHeader { format: FORMAT, step: self.step, best: self.best };
        let state = serde_json::to_vec(&state).expect("a few numbers");
        let write = |name: &str, bytes: &[u8]| {
            let path = temporary.join(name);
            durable::write(&path, bytes).map_err(Error::io(&path, "write"))
        };
        write(STATE, &state)?;
        write(WEIGHTS, &self.weights.to_bytes())?;
        write(OPTIMIZER, &self.optimizer.to_bytes())?;
        for (name, weights) in [(ADAPTERS, &self.adapters), (AVERAGE, &self.average)] {
            if let Some(weights) = weights {
                write(name, &weights.to_bytes())?;
            }
        }
        write(TRAINED_TOKENS, self.tokens.as_bytes())?;
        durable::rename_folder(&temporary, folder).map_err(Error::io(folder, "rename a folder to"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tokens::TokenBatch;

    fn checkpoint(step: u64) -> RunCheckpoint {
        let (mut weights, mut optimizer) = (Weights::default(), Weights::default());
        weights.insert("a", vec![2], vec![1.0, step as f32]);
        optimizer.insert("first.a", vec![2], vec![0.5, 0.25]);
        let mut tokens = TokenSet::new(100);
        tokens.extend(&TokenBatch::new(&[[9, 99]], 256));
        let average = (step > 7).then(|| weights.clone());
        let best =
            average.as_ref().map(|_| BestValidation { step: 5, validation_loss: 0.1, misses: 1 });
        let adapters = average.clone();
        RunCheckpoint { step, weights, adapters, optimizer, average, best, tokens }
    }

    #[test]
    fn a_checkpoint_round_trips() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("step-00000007");
        checkpoint(7).write(&path).unwrap();
        checkpoint(7).write(&path).unwrap();
        assert_eq!(RunCheckpoint::read(&path, 100).unwrap(), checkpoint(7));
        checkpoint(8).write(&path).unwrap();
        assert_eq!(RunCheckpoint::read(&path, 100).unwrap(), checkpoint(8));
        let error = RunCheckpoint::read(&path, 900).unwrap_err().to_string();
        assert!(error.ends_with("its length does not match a vocabulary of 900 tokens"), "{error}");
    }
}
