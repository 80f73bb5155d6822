//! One tower of the model in an ONNX Runtime session.

use std::path::{Path, PathBuf};

use ndarray::{ArrayViewD, IxDyn};
use ort::session::{OutputSelector, RunOptions, Session};
use ort::value::{TensorElementType, TensorRef};

use crate::runtime::{Device, Provider, Runtime};
use crate::session;
use crate::{Embedding, Error, Result};

/// What a tower's graph must look like.
pub(crate) struct Contract {
    pub(crate) input: &'static str,
    pub(crate) element: TensorElementType,
    /// `-1` for an axis of any length.
    pub(crate) shape: &'static [i64],
    pub(crate) output: &'static str,
    pub(crate) dim: usize,
}

/// A session whose graph fits its contract.
pub(crate) struct Tower {
    session: Session,
    path: PathBuf,
    contract: Contract,
    provider: Provider,
}

/// What a tower gives under one name: the numbers of a batch, one item after the other.
pub(crate) struct Output {
    /// Lengths of the axes behind the batch.
    pub(crate) shape: Vec<usize>,
    pub(crate) values: Vec<f32>,
}

impl Output {
    /// Returns the numbers of each of `n` items.
    pub(crate) fn rows(&self, n: usize) -> impl Iterator<Item = &[f32]> {
        self.values.chunks_exact((self.values.len() / n.max(1)).max(1))
    }
}

impl Tower {
    /// Loads a graph and checks it.
    pub(crate) fn open(
        runtime: Runtime,
        path: &Path,
        contract: Contract,
        device: Device,
        threads: usize,
    ) -> Result<Self> {
        let (session, provider) = session::open(runtime, path, device, threads)?;
        check(&session, &contract)
            .map_err(|problem| Error::Model { path: path.to_owned(), problem })?;
        Ok(Self { session, path: path.to_owned(), contract, provider })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    pub(crate) fn provider(&self) -> &Provider {
        &self.provider
    }

    /// Checks an output that a graph may do without; returns whether it is there.
    pub(crate) fn check_optional(&self, name: &str, rank: usize) -> Result<bool> {
        let error = |problem: String| Error::Model { path: self.path.clone(), problem };
        let output = self.session.outputs().iter().find(|output| output.name() == name);
        let Some(output) = output else { return Ok(false) };
        let expected = vec![-1; rank];
        let shape = session::shape("output", output, name, TensorElementType::Float32, &expected)
            .map_err(error)?;
        if shape.len() != rank {
            return Err(error(format!(
                "its output `{name}` has the shape {shape:?}; expected {rank} axes"
            )));
        }
        Ok(true)
    }

    /// Runs the tower on a batch of numbers whose shape fits the contract, for the embeddings alone.
    pub(crate) fn run<T>(&mut self, shape: &[usize], batch: &[T]) -> Result<Vec<Embedding>>
    where
        T: ort::value::PrimitiveTensorElementType + std::fmt::Debug + Clone + 'static,
    {
        let mut outputs = self.run_for(shape, batch, &[self.contract.output])?;
        self.embeddings(&outputs.swap_remove(0))
    }

    /// Runs the tower for some of its outputs; the graph's parts that only others need are not computed.
    pub(crate) fn run_for<T>(
        &mut self,
        shape: &[usize],
        batch: &[T],
        names: &[&str],
    ) -> Result<Vec<Output>>
    where
        T: ort::value::PrimitiveTensorElementType + std::fmt::Debug + Clone + 'static,
    {
        let error = |problem: String| Error::Model { path: self.path.clone(), problem };
        let view = ArrayViewD::from_shape(IxDyn(shape), batch)
            .map_err(|problem| error(problem.to_string()))?;
        let input =
            TensorRef::from_array_view(view).map_err(|problem| error(problem.to_string()))?;
        let selected =
            names.iter().fold(OutputSelector::no_default(), |selected, name| selected.with(*name));
        let options =
            RunOptions::new().map_err(|problem| error(problem.to_string()))?.with_outputs(selected);
        let outputs = self
            .session
            .run_with_options(ort::inputs![self.contract.input => input], &options)
            .map_err(|problem| error(problem.to_string()))?;
        let output = |name: &&str| {
            let (found, values) = outputs[*name]
                .try_extract_tensor::<f32>()
                .map_err(|problem| error(problem.to_string()))?;
            if found.first() != Some(&(shape[0] as i64)) {
                return Err(error(format!(
                    "a batch of {} gave `{name}` of shape {:?}; expected one for each item",
                    shape[0],
                    &found[..]
                )));
            }
            let axes = found[1..].iter().map(|length| *length as usize).collect();
            Ok(Output { shape: axes, values: values.to_vec() })
        };
        names.iter().map(output).collect()
    }

    /// Cuts the embeddings of a batch apart.
    pub(crate) fn embeddings(&self, output: &Output) -> Result<Vec<Embedding>> {
        if output.shape != [self.contract.dim] {
            let problem = format!(
                "its embeddings have the shape {:?}; expected {:?}",
                output.shape,
                [self.contract.dim]
            );
            return Err(Error::Model { path: self.path.clone(), problem });
        }
        output
            .values
            .chunks_exact(self.contract.dim)
            .map(|vector| Embedding::new(vector.to_vec()))
            .collect()
    }
}

fn check(session: &Session, contract: &Contract) -> std::result::Result<(), String> {
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
