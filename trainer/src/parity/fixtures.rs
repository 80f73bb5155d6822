//! What a folder of fixtures holds.

use std::path::Path;

use serde::de::DeserializeOwned;

use super::captions::{self, CaptionCase};
use super::tensors::{self, Tensors};
use super::training::{self, TrainingCase};
use crate::{Error, HostTensor, ModelConfig, Result};

/// A tensor that was written down.
#[derive(Debug)]
pub(super) struct Expected {
    pub(super) file: &'static str,
    pub(super) name: String,
    pub(super) tensor: HostTensor,
}

/// What a folder of fixtures holds.
#[derive(Debug)]
pub(super) struct Fixtures {
    pub(super) config: ModelConfig,
    pub(super) inputs: Inputs,
    /// Captions to be written.
    pub(super) captions: Vec<CaptionCase>,
    /// A step of training to be taken.
    pub(super) training: Option<TrainingCase>,
    expected: Vec<Expected>,
    absent: Vec<String>,
}

/// What the model is given.
#[derive(Debug)]
pub(super) struct Inputs {
    /// `[epochs, 10, 1920]`.
    pub(super) signals: HostTensor,
    /// A text in ids each, filled up to the context.
    pub(super) texts: Vec<Vec<i64>>,
    /// What kind of caption each epoch is asked for.
    pub(super) conditions: Vec<Vec<i64>>,
}

const INPUTS: &str = "inputs.safetensors";
const OUTPUTS: &str = "outputs.safetensors";

impl Fixtures {
    /// Reads a folder.
    pub(super) fn read(folder: &Path) -> Result<Self> {
        let config = ModelConfig::read(&folder.join("config.json"))?;
        let inputs = Inputs::read(&folder.join(INPUTS))?;
        let mut fixtures = Self {
            config,
            inputs,
            captions: Vec::new(),
            training: None,
            expected: Vec::new(),
            absent: Vec::new(),
        };
        let outputs = fixtures.optional(folder, OUTPUTS, tensors::read)?;
        fixtures.expect(OUTPUTS, outputs.unwrap_or_default());
        captions::read(folder, &mut fixtures)?;
        training::read(folder, &mut fixtures)?;
        Ok(fixtures)
    }

    /// Returns file, name and tensor of everything that was written down.
    pub(super) fn expected(&self) -> impl Iterator<Item = (&str, &str, &HostTensor)> {
        self.expected.iter().map(|row| (row.file, row.name.as_str(), &row.tensor))
    }

    /// Returns the files that the folder lacks.
    pub(super) fn absent(&self) -> &[String] {
        &self.absent
    }

    /// Adds tensors that were written down in a file.
    pub(super) fn expect(&mut self, file: &'static str, tensors: Tensors) {
        let rows = tensors.into_iter().map(|(name, tensor)| Expected { file, name, tensor });
        self.expected.extend(rows);
    }

    /// Reads a file, or notes that there is none.
    pub(super) fn optional<T>(
        &mut self,
        folder: &Path,
        name: &str,
        read: impl FnOnce(&Path) -> Result<T>,
    ) -> Result<Option<T>> {
        let path = folder.join(name);
        if path.exists() {
            return read(&path).map(Some);
        }
        self.absent.push(name.to_owned());
        Ok(None)
    }
}

impl Inputs {
    fn read(path: &Path) -> Result<Self> {
        let mut found = tensors::read(path)?;
        let mut need = |name: &str, axes: usize| {
            let tensor = found.remove(name).filter(|tensor| tensor.shape.len() == axes);
            tensor.ok_or_else(|| Error::format(path, format!("it lacks `{name}` with {axes} axes")))
        };
        let inputs = Self {
            signals: need("signals", 3)?,
            texts: rows(&need("token_ids", 2)?),
            conditions: rows(&need("channel_indices", 2)?),
        };
        let (epochs, conditions) = (inputs.epochs(), inputs.conditions.len());
        if epochs == 0 || epochs != conditions || inputs.texts.len() < epochs {
            let problem = format!(
                "it holds {epochs} epochs, {conditions} conditions and {} texts; \
                 expected as many conditions as epochs, and a text for each",
                inputs.texts.len()
            );
            return Err(Error::format(path, problem));
        }
        Ok(inputs)
    }

    /// Returns the number of epochs.
    pub(super) fn epochs(&self) -> usize {
        self.signals.shape[0]
    }
}

/// Reads a JSON file.
pub(super) fn json<T: DeserializeOwned>(path: &Path) -> Result<T> {
    let bytes = std::fs::read(path).map_err(Error::io(path, "read"))?;
    serde_json::from_slice(&bytes).map_err(|error| Error::format(path, error.to_string()))
}

/// Returns the rows of ids of `[rows, length]`.
fn rows(tensor: &HostTensor) -> Vec<Vec<i64>> {
    let row = |row: &[f32]| row.iter().map(|id| *id as i64).collect();
    tensor.values.chunks(tensor.shape[1].max(1)).map(row).collect()
}
