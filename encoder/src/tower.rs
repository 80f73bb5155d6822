//! A tower of the model: a session whose graph maps a batch of inputs to embeddings.

use std::path::{Path, PathBuf};

use ndarray::{ArrayViewD, IxDyn};
use ort::session::{OutputSelector, RunOptions, Session};
use ort::value::{TensorElementType, TensorRef};

use crate::embedding::Embedding;
use crate::error::{Cause, Error, Result};
use crate::runtime::{Device, Provider, Runtime};
use crate::session;

/// Batch size and threads of a tower.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BatchOptions {
    /// Items per batch.
    pub batch_size: usize,
    /// Number of threads.
    pub threads: usize,
}

impl Default for BatchOptions {
    /// Eight items on all cores: an epoch takes 50 MiB at the size of the published model.
    fn default() -> Self {
        let threads = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        Self { batch_size: 8, threads }
    }
}

/// The required input and output of a tower's graph.
pub(crate) struct TowerContract {
    /// Name of the only input.
    pub(crate) input: &'static str,
    /// Element type of the input.
    pub(crate) element: TensorElementType,
    /// Shape of the input; -1 for a dynamic axis.
    pub(crate) shape: &'static [i64],
    /// Name of the output with the embeddings, `[batch, dim]`.
    pub(crate) output: &'static str,
    /// Dimensions of an embedding.
    pub(crate) dim: usize,
}

/// A session whose graph has the required input and output.
pub(crate) struct Tower {
    session: Session,
    path: PathBuf,
    contract: TowerContract,
    provider: Provider,
}

/// One output of a tower for a batch, item by item.
pub(crate) struct TowerOutput {
    /// Lengths of the axes after the batch axis.
    pub(crate) shape: Vec<usize>,
    pub(crate) values: Vec<f32>,
}

impl TowerOutput {
    /// Returns the values of each of `n` items.
    pub(crate) fn rows(&self, n: usize) -> impl Iterator<Item = &[f32]> {
        // Neither divisor nor row length may be 0, for example with an empty batch.
        self.values.chunks_exact((self.values.len() / n.max(1)).max(1))
    }
}

impl Tower {
    /// Loads a graph and checks its input and its output.
    pub(crate) fn open(
        runtime: Runtime,
        path: &Path,
        contract: TowerContract,
        device: Device,
        threads: usize,
    ) -> Result<Self> {
        let (session, provider) = session::open(runtime, path, device, threads)?;
        check(&session, &contract).map_err(|problem| Error::model(path, problem))?;
        Ok(Self { session, path: path.to_owned(), contract, provider })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn provider(&self) -> &Provider {
        &self.provider
    }

    /// Returns whether the graph has an optional output, which must then have `rank` axes.
    pub(crate) fn check_optional(&self, name: &str, rank: usize) -> Result<bool> {
        let error = |source: Cause| Error::model(&self.path, source);
        let output = self.session.outputs().iter().find(|output| output.name() == name);
        let Some(output) = output else { return Ok(false) };
        let expected = vec![-1; rank];
        let shape = session::shape("output", output, name, TensorElementType::Float32, &expected)
            .map_err(|problem| error(problem.into()))?;
        if shape.len() != rank {
            return Err(error(
                format!("its output `{name}` has the shape {shape:?}; expected {rank} axes").into(),
            ));
        }
        Ok(true)
    }

    /// Runs the tower on a batch of the required shape and returns the embeddings alone.
    pub(crate) fn run<T>(&mut self, shape: &[usize], batch: &[T]) -> Result<Vec<Embedding>>
    where
        T: ort::value::PrimitiveTensorElementType + std::fmt::Debug + Clone + 'static,
    {
        let mut outputs = self.run_for(shape, batch, &[self.contract.output])?;
        self.embeddings(&outputs.swap_remove(0))
    }

    /// Runs the tower for some of its outputs; the runtime skips what only the others need.
    pub(crate) fn run_for<T>(
        &mut self,
        shape: &[usize],
        batch: &[T],
        names: &[&str],
    ) -> Result<Vec<TowerOutput>>
    where
        T: ort::value::PrimitiveTensorElementType + std::fmt::Debug + Clone + 'static,
    {
        let error = |source: Cause| Error::model(&self.path, source);
        let view =
            ArrayViewD::from_shape(IxDyn(shape), batch).map_err(|source| error(source.into()))?;
        let input = TensorRef::from_array_view(view).map_err(|source| error(source.into()))?;
        let selected =
            names.iter().fold(OutputSelector::no_default(), |selected, name| selected.with(*name));
        let options =
            RunOptions::new().map_err(|source| error(source.into()))?.with_outputs(selected);
        let outputs = self
            .session
            .run_with_options(ort::inputs![self.contract.input => input], &options)
            .map_err(|source| error(source.into()))?;
        let output = |name: &&str| {
            let (found, values) = outputs[*name]
                .try_extract_tensor::<f32>()
                .map_err(|source| error(source.into()))?;
            if found.first() != Some(&(shape[0] as i64)) {
                return Err(error(format!(
                    "its output `{name}` for a batch of {} has the shape {:?}; expected one row per item",
                    shape[0],
                    &found[..]
                ).into()));
            }
            let axes = found[1..].iter().map(|length| *length as usize).collect();
            Ok(TowerOutput { shape: axes, values: values.to_vec() })
        };
        names.iter().map(output).collect()
    }

    /// Splits the output of a batch into embeddings.
    pub(crate) fn embeddings(&self, output: &TowerOutput) -> Result<Vec<Embedding>> {
        if output.shape != [self.contract.dim] {
            let problem = format!(
                "its embeddings have the shape {:?}; expected {:?}",
                output.shape,
                [self.contract.dim]
            );
            return Err(Error::model(&self.path, problem));
        }
        output
            .values
            .chunks_exact(self.contract.dim)
            .map(|vector| Embedding::new(vector.to_vec()))
            .collect()
    }
}

/// Checks that a graph has one input, as the contract requires, and the output.
fn check(session: &Session, contract: &TowerContract) -> std::result::Result<(), String> {
    let [input] = session.inputs() else {
        return Err(format!(
            "it has {} inputs; expected 1, `{}`",
            session.inputs().len(),
            contract.input
        ));
    };
    session::check("input", input, contract.input, contract.element, contract.shape)?;
    let output = session::find("output", session.outputs(), contract.output)?;
    let expected = [-1, contract.dim as i64];
    session::check("output", output, contract.output, TensorElementType::Float32, &expected)
}
