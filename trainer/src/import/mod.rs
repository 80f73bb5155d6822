//! A published checkpoint as a model: its sizes, its weights, and what of it had to be decided.

mod layout;
mod replace;
mod sizes;

use std::collections::BTreeMap;

use crate::error::WrongShape;
use crate::{Checkpoint, Error, ModelConfig, Result, Weights};

pub use layout::layout;
pub use replace::replace_bundle;

/// Shapes by name, all that is known of weights before they are read.
type Shapes<'a> = BTreeMap<&'a str, &'a [usize]>;

/// A checkpoint whose names and shapes fit a configuration; nothing of its numbers is read yet.
#[derive(Debug)]
pub struct Import<'a> {
    checkpoint: &'a Checkpoint,
    config: ModelConfig,
    parts: Parts,
    notices: Vec<String>,
}

/// What a checkpoint holds beside both towers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Parts {
    /// The caption decoder with its condition embeddings.
    pub captions: bool,
    /// The reconstruction head.
    pub reconstruction: bool,
}

impl<'a> Import<'a> {
    /// Finds the sizes of the model in the weights, and compares every name and shape with them.
    ///
    /// What weights do not tell, such as the heads of the text tower, is taken from `given`, or is that of the
    /// published model and told in [`notices`](Self::notices).
    ///
    /// # Errors
    ///
    /// [`Error::Mismatch`] with every name that is missing, has no place or has another shape;
    /// [`Error::Contradiction`] with every field of `given` that the weights contradict; [`Error::Config`] where the
    /// sizes are none that can be built; [`Error::Sizes`] where they cannot be told.
    pub fn new(checkpoint: &'a Checkpoint, given: Option<&ModelConfig>) -> Result<Self> {
        let shapes: Shapes<'_> = checkpoint.tensors().map(|it| (it.name, it.shape)).collect();
        let has = |begin: &str| shapes.keys().any(|name| name.starts_with(begin));
        let parts = Parts {
            captions: layout::CAPTION_PARTS.iter().any(|part| has(part)),
            reconstruction: has(layout::RECONSTRUCTION),
        };
        let (config, notices) = sizes::infer(&shapes, parts, given)?;
        config.check()?;
        compare(&shapes, &layout(&config, parts))?;
        Ok(Self { checkpoint, config, parts, notices })
    }

    /// Returns the configuration.
    pub fn config(&self) -> &ModelConfig {
        &self.config
    }

    /// Returns what the checkpoint holds beside both towers.
    pub fn parts(&self) -> Parts {
        self.parts
    }

    /// Returns a sentence for everything that the weights do not tell, or that went before the given configuration.
    pub fn notices(&self) -> &[String] {
        &self.notices
    }

    /// Reads the weights, one tensor after another; `done` hears how many were read.
    ///
    /// # Errors
    ///
    /// Those of [`Checkpoint::read`]; [`Error::Format`] where a number is not finite, and [`Error::Inconsistent`] where
    /// the shared frequencies have different values under their names.
    pub fn read(&self, done: &mut dyn FnMut(usize)) -> Result<Weights> {
        let mut weights = Weights::default();
        for (n, info) in self.checkpoint.tensors().enumerate() {
            let tensor = self.checkpoint.read(info.name)?;
            if !tensor.values.iter().all(|value| value.is_finite()) {
                let problem = format!("`{}` holds a number that is not finite", info.name);
                return Err(Error::format(self.checkpoint.path(), problem));
            }
            weights.insert(info.name, tensor.shape, tensor.values);
            done(n + 1);
        }
        weights.check_aliases()?;
        Ok(weights)
    }
}

/// Compares names and shapes with those that a configuration asks for.
fn compare(shapes: &Shapes<'_>, layout: &BTreeMap<String, Vec<usize>>) -> Result<()> {
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
    let has_place =
        |name: &&str| name.starts_with(layout::RECONSTRUCTION) || layout.contains_key(*name);
    let surplus: Vec<String> =
        shapes.keys().copied().filter(|name| !has_place(name)).map(str::to_owned).collect();
    if missing.is_empty() && surplus.is_empty() && wrong.is_empty() {
        return Ok(());
    }
    Err(Error::Mismatch { missing, surplus, wrong })
}
