//! Imports a published checkpoint: derives its configuration, checks its names and shapes, reads its weights.

mod infer_config;
mod layout;

use std::collections::BTreeMap;

use crate::checkpoint::Checkpoint;
use crate::config::ModelConfig;
use crate::error::{Error, Result, WrongShape};
use crate::weights::Weights;

pub use layout::layout;

/// Shapes by name, all that is known of weights before they are read.
type TensorShapes<'a> = BTreeMap<&'a str, &'a [usize]>;

/// A checkpoint whose names and shapes fit a configuration; its numbers are not read yet.
#[derive(Debug)]
pub struct Import<'a> {
    checkpoint: &'a Checkpoint,
    config: ModelConfig,
    parts: CheckpointParts,
    notices: Vec<String>,
}

/// The parts of a checkpoint in addition to the two towers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CheckpointParts {
    /// The caption decoder with its condition embeddings.
    pub captions: bool,
    /// The reconstruction head.
    pub reconstruction: bool,
}

impl<'a> Import<'a> {
    /// Derives the sizes of the model from the weights, and checks every name and shape against them.
    ///
    /// Sizes that the weights do not determine, such as the heads of the text tower, are taken from `given`, or assumed
    /// as in the published model and listed in [`notices`](Self::notices).
    ///
    /// # Errors
    ///
    /// [`Error::WeightMismatch`] with every missing or unexpected name and every wrong shape; [`Error::ConfigMismatch`]
    /// with every field of `given` that the weights contradict; [`Error::Config`] if a model of these sizes cannot be
    /// built; [`Error::UnknownSizes`] if the sizes cannot be derived.
    pub fn new(checkpoint: &'a Checkpoint, given: Option<&ModelConfig>) -> Result<Self> {
        let shapes: TensorShapes<'_> = checkpoint.tensors().map(|it| (it.name, it.shape)).collect();
        let has = |prefix: &str| shapes.keys().any(|name| name.starts_with(prefix));
        let parts = CheckpointParts {
            captions: layout::CAPTION_PREFIXES.iter().any(|part| has(part)),
            reconstruction: has(layout::RECONSTRUCTION_PREFIX),
        };
        let (config, notices) = infer_config::infer(&shapes, parts, given)?;
        config.check()?;
        compare(&shapes, &layout(&config, parts))?;
        Ok(Self { checkpoint, config, parts, notices })
    }

    /// Returns the configuration.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// Returns the parts of the checkpoint in addition to the two towers.
    pub fn parts(&self) -> CheckpointParts {
        self.parts
    }

    /// Returns a sentence for each assumption, and for each field in which the given configuration was overridden.
    pub fn notices(&self) -> &[String] {
        &self.notices
    }

    /// Reads the weights tensor by tensor; `done` receives the number of tensors read.
    ///
    /// # Errors
    ///
    /// Those of [`Checkpoint::read`]; [`Error::Format`] if a number is not finite, and [`Error::AliasMismatch`] if the
    /// shared frequencies differ between their names.
    pub fn read(&self, done: &mut dyn FnMut(usize)) -> Result<Weights> {
        let mut weights = Weights::default();
        for (n, info) in self.checkpoint.tensors().enumerate() {
            let tensor = self.checkpoint.read(info.name)?;
            if !tensor.values.iter().all(|value| value.is_finite()) {
                let problem = format!("`{}` has a non-finite value", info.name);
                return Err(Error::format(self.checkpoint.path(), problem));
            }
            weights.insert(info.name, tensor.shape, tensor.values);
            done(n + 1);
        }
        weights.check_aliases()?;
        Ok(weights)
    }
}

/// Compares names and shapes with those of a configuration.
fn compare(shapes: &TensorShapes<'_>, layout: &BTreeMap<String, Vec<usize>>) -> Result<()> {
    let (mut missing, mut wrong) = (Vec::new(), Vec::new());
    for (name, expected) in layout {
        match shapes.get(name.as_str()) {
            None => missing.push(name.clone()),
            Some(found) if found != expected => wrong.push(WrongShape {
                name: name.clone(),
                found: found.to_vec(),
                expected: expected.clone(),
            }),
            Some(_) => {}
        }
    }
    let is_expected =
        |name: &&str| name.starts_with(layout::RECONSTRUCTION_PREFIX) || layout.contains_key(*name);
    let surplus: Vec<String> =
        shapes.keys().copied().filter(|name| !is_expected(name)).map(str::to_owned).collect();
    if missing.is_empty() && surplus.is_empty() && wrong.is_empty() {
        return Ok(());
    }
    Err(Error::WeightMismatch { missing, surplus, wrong })
}
