//! Reads a folder of fixtures.

use std::path::Path;

use serde::de::DeserializeOwned;

use super::captions::{self, CaptionCase};
use super::fixture_tensors::{self, FixtureTensors};
use super::training_step::{self, TrainingCase};
use crate::config::ModelConfig;
use crate::error::{Error, Result};
use crate::host_tensor::HostTensor;

/// A tensor of the reference.
#[derive(Debug)]
pub(super) struct ExpectedTensor {
    pub(super) file: &'static str,
    pub(super) name: String,
    pub(super) tensor: HostTensor,
}

/// The contents of a folder of fixtures.
#[derive(Debug)]
pub(super) struct Fixtures {
    pub(super) config: ModelConfig,
    pub(super) inputs: FixtureInputs,
    /// Captions to generate.
    pub(super) captions: Vec<CaptionCase>,
    /// A training step to take.
    pub(super) training: Option<TrainingCase>,
    expected: Vec<ExpectedTensor>,
    absent: Vec<String>,
}

/// The inputs of the model.
#[derive(Debug)]
pub(super) struct FixtureInputs {
    /// `[epochs, 10, 1920]`.
    pub(super) signals: HostTensor,
    /// Texts as ids, padded to the context.
    pub(super) texts: Vec<Vec<i64>>,
    /// The condition of each epoch's caption.
    pub(super) conditions: Vec<Vec<i64>>,
}

const INPUTS: &str = "inputs.safetensors";
const OUTPUTS: &str = "outputs.safetensors";

impl Fixtures {
    /// Reads a folder.
    pub(super) fn read(folder: &Path) -> Result<Self> {
        let config = ModelConfig::read(&folder.join("config.json"))?;
        let inputs = FixtureInputs::read(&folder.join(INPUTS))?;
        let mut fixtures = Self {
            config,
            inputs,
            captions: Vec::new(),
            training: None,
            expected: Vec::new(),
            absent: Vec::new(),
        };
        let outputs = fixtures.optional(folder, OUTPUTS, fixture_tensors::read)?;
        fixtures.expect(OUTPUTS, outputs.unwrap_or_default());
        captions::read(folder, &mut fixtures)?;
        training_step::read(folder, &mut fixtures)?;
        Ok(fixtures)
    }

    /// Returns file, name and value of every tensor of the reference.
    pub(super) fn expected(&self) -> impl Iterator<Item = (&str, &str, &HostTensor)> {
        self.expected.iter().map(|row| (row.file, row.name.as_str(), &row.tensor))
    }

    /// Returns the files that the folder does not have.
    pub(super) fn absent(&self) -> &[String] {
        &self.absent
    }

    /// Adds the tensors of a file.
    pub(super) fn expect(&mut self, file: &'static str, tensors: FixtureTensors) {
        let rows = tensors.into_iter().map(|(name, tensor)| ExpectedTensor { file, name, tensor });
        self.expected.extend(rows);
    }

    /// Reads a file, or records that it is absent.
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

impl FixtureInputs {
    fn read(path: &Path) -> Result<Self> {
        let mut found = fixture_tensors::read(path)?;
        let mut need = |name: &str, axes: usize| {
            let tensor = found.remove(name).filter(|tensor| tensor.shape.len() == axes);
            tensor
                .ok_or_else(|| Error::format(path, format!("`{name}` with {axes} axes is missing")))
        };
        let inputs = Self {
            signals: need("signals", 3)?,
            texts: rows(&need("token_ids", 2)?),
            conditions: rows(&need("channel_indices", 2)?),
        };
        let (epochs, conditions) = (inputs.epochs(), inputs.conditions.len());
        if epochs == 0 || epochs != conditions || inputs.texts.len() < epochs {
            let problem = format!(
                "it has {epochs} epochs, {conditions} conditions and {} texts; \
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
    serde_json::from_slice(&bytes).map_err(Error::parse(path))
}

/// Returns the rows of ids of `[rows, length]`.
fn rows(tensor: &HostTensor) -> Vec<Vec<i64>> {
    let row = |row: &[f32]| row.iter().map(|id| *id as i64).collect();
    tensor.values.chunks(tensor.shape[1].max(1)).map(row).collect()
}
