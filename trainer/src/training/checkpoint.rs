//! Everything that a run needs to go on as if it had not been stopped.

use std::path::Path;

use nocturne_encoder::bundle::TRAINED_TOKENS;
use serde::{Deserialize, Serialize};

use super::Best;
use super::run_folder::read_tokens;
use crate::{Error, Result, TokenSet, Weights, durable};

/// Version of the format.
const FORMAT: u32 = 1;

const STATE: &str = "state.json";
const WEIGHTS: &str = "weights.safetensors";
const OPTIMIZER: &str = "optimizer.safetensors";
const AVERAGE: &str = "average.safetensors";
const ADAPTERS: &str = "adapters.safetensors";

/// The state of a run after so many steps.
///
/// Random numbers need no state: what is drawn for a step follows from the seed and the step's number.
#[derive(Debug, Clone, PartialEq)]
pub struct Checkpoint {
    /// Steps that were taken.
    pub step: u64,
    /// The weights.
    pub weights: Weights,
    /// The adapters beside the weights, where the recipe asks for them.
    pub adapters: Option<Weights>,
    /// The means of the optimizer.
    pub optimizer: Weights,
    /// The moving average of the weights, where the recipe asks for one.
    pub average: Option<Weights>,
    /// The best measurement so far.
    pub best: Option<Best>,
    /// The tokens that the text tower met so far.
    pub tokens: TokenSet,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct State {
    format: u32,
    step: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    best: Option<Best>,
}

impl Checkpoint {
    /// Reads a checkpoint.
    ///
    /// # Errors
    ///
    /// [`Error::Io`] and [`Error::Format`].
    pub fn read(folder: &Path, vocabulary_size: usize) -> Result<Self> {
        let path = folder.join(STATE);
        let bytes = std::fs::read(&path).map_err(Error::io(&path, "read"))?;
        let state: State = serde_json::from_slice(&bytes)
            .map_err(|error| Error::format(&path, error.to_string()))?;
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

    /// Writes a checkpoint: the folder is whole or not there.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub fn write(&self, folder: &Path) -> Result<()> {
        let beside = durable::beside(folder);
        for old in [&beside, folder] {
            if old.exists() {
                std::fs::remove_dir_all(old).map_err(Error::io(old, "remove"))?;
            }
        }
        std::fs::create_dir_all(&beside).map_err(Error::io(&beside, "create"))?;
        let state = State { format: FORMAT, step: self.step, best: self.best };
        let state = serde_json::to_vec(&state).expect("a few numbers");
        durable::write_flushed(&beside.join(STATE), &state)?;
        durable::write_flushed(&beside.join(WEIGHTS), &self.weights.to_bytes())?;
        durable::write_flushed(&beside.join(OPTIMIZER), &self.optimizer.to_bytes())?;
        for (name, weights) in [(ADAPTERS, &self.adapters), (AVERAGE, &self.average)] {
            if let Some(weights) = weights {
                durable::write_flushed(&beside.join(name), &weights.to_bytes())?;
            }
        }
        durable::write_flushed(&beside.join(TRAINED_TOKENS), self.tokens.as_bytes())?;
        durable::flush_folder(&beside)?;
        durable::put_in_place(&beside, folder)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::TokenBatch;

    fn checkpoint(step: u64) -> Checkpoint {
        let (mut weights, mut optimizer) = (Weights::default(), Weights::default());
        weights.insert("a", vec![2], vec![1.0, step as f32]);
        optimizer.insert("first.a", vec![2], vec![0.5, 0.25]);
        let mut tokens = TokenSet::new(100);
        tokens.extend(&TokenBatch::new(&[[9, 99]], 256));
        let average = (step > 7).then(|| weights.clone());
        let best = average.as_ref().map(|_| Best { step: 5, validation_loss: 0.1, misses: 1 });
        let adapters = average.clone();
        Checkpoint { step, weights, adapters, optimizer, average, best, tokens }
    }

    #[test]
    fn a_checkpoint_is_read_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("step-00000007");
        checkpoint(7).write(&path).unwrap();
        checkpoint(7).write(&path).unwrap();
        assert_eq!(Checkpoint::read(&path, 100).unwrap(), checkpoint(7));
        checkpoint(8).write(&path).unwrap();
        assert_eq!(Checkpoint::read(&path, 100).unwrap(), checkpoint(8));
        let error = Checkpoint::read(&path, 900).unwrap_err().to_string();
        assert!(error.ends_with("it is not of a vocabulary of 900 tokens"), "{error}");
    }
}
