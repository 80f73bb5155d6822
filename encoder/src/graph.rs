//! Any ONNX graph in a session, run by the names of its inputs and outputs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ndarray::{ArrayViewD, IxDyn};
use ort::session::{Session, SessionInputValue};
use ort::value::TensorRef;

use crate::runtime::Runtime;
use crate::{Error, Result};

/// A graph in a session on the CPU.
///
/// The encoders check their graphs against a contract and are what programs use;
/// this is for whoever compares or measures graphs.
#[expect(missing_debug_implementations, reason = "a session of the runtime has none")]
pub struct Graph {
    session: Session,
    path: PathBuf,
}

/// What an input is given: its shape, and its numbers with the last axis first. An axis may have no length.
#[derive(Debug, Clone, Copy)]
pub struct Input<'a> {
    /// Name of the input.
    pub name: &'a str,
    /// Lengths of the axes.
    pub shape: &'a [usize],
    /// The numbers.
    pub numbers: Numbers<'a>,
}

/// The numbers of an input.
#[derive(Debug, Clone, Copy)]
pub enum Numbers<'a> {
    /// 32-bit floats.
    F32(&'a [f32]),
    /// 64-bit integers, as tokens are.
    I64(&'a [i64]),
}

/// What an output holds.
#[derive(Debug, Clone, PartialEq)]
pub struct Output {
    /// Lengths of the axes.
    pub shape: Vec<usize>,
    /// The numbers, the last axis first.
    pub values: Vec<f32>,
}

impl Graph {
    /// Loads a graph that computes on `threads` threads.
    ///
    /// # Errors
    ///
    /// [`Error::Runtime`], and [`Error::Model`] where the file is no graph that the runtime can run.
    pub fn open(runtime: Runtime, path: &Path, threads: usize) -> Result<Self> {
        let error = |problem: String| Error::Model { path: path.to_owned(), problem };
        let mut builder = runtime.cpu_session(threads)?;
        let session =
            builder.commit_from_file(path).map_err(|problem| error(problem.to_string()))?;
        Ok(Self { session, path: path.to_owned() })
    }

    /// Loads a graph that is not in a file, as [`open`](Self::open) does.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open), with `a graph in memory` in place of the file.
    pub fn of_bytes(runtime: Runtime, bytes: &[u8], threads: usize) -> Result<Self> {
        let path = PathBuf::from("a graph in memory");
        let mut builder = runtime.cpu_session(threads)?;
        let session = builder
            .commit_from_memory(bytes)
            .map_err(|problem| Error::Model { path: path.clone(), problem: problem.to_string() })?;
        Ok(Self { session, path })
    }

    /// Returns the names of the outputs, in the graph's order.
    pub fn outputs(&self) -> impl Iterator<Item = &str> {
        self.session.outputs().iter().map(ort::value::Outlet::name)
    }

    /// Runs the graph and returns its outputs by name.
    ///
    /// # Errors
    ///
    /// [`Error::Model`] where the numbers do not fill a shape, an input is not one of the graph,
    /// an output does not hold 32-bit floats, or the runtime fails.
    pub fn run(&mut self, inputs: &[Input<'_>]) -> Result<BTreeMap<String, Output>> {
        let error = |problem: String| Error::Model { path: self.path.clone(), problem };
        let mut values = Vec::with_capacity(inputs.len());
        for input in inputs {
            let value = value(input).map_err(|problem| {
                error(format!("its input `{}` cannot be given: {problem}", input.name))
            })?;
            values.push((input.name, value));
        }
        let outputs = self.session.run(values).map_err(|problem| error(problem.to_string()))?;
        let mut found = BTreeMap::new();
        for (name, output) in &outputs {
            let (shape, values) = output
                .try_extract_tensor::<f32>()
                .map_err(|problem| error(format!("its output `{name}`: {problem}")))?;
            let shape = shape.iter().map(|length| *length as usize).collect();
            found.insert(name.to_owned(), Output { shape, values: values.to_vec() });
        }
        Ok(found)
    }
}

fn value<'a>(input: &Input<'a>) -> std::result::Result<SessionInputValue<'a>, String> {
    let shape = IxDyn(input.shape);
    match input.numbers {
        Numbers::F32(numbers) => {
            let view = ArrayViewD::from_shape(shape, numbers).map_err(|error| error.to_string())?;
            Ok(TensorRef::from_array_view(view).map_err(|error| error.to_string())?.into())
        }
        Numbers::I64(numbers) => {
            let view = ArrayViewD::from_shape(shape, numbers).map_err(|error| error.to_string())?;
            Ok(TensorRef::from_array_view(view).map_err(|error| error.to_string())?.into())
        }
    }
}
