//! Runs any ONNX graph by the names of its inputs and outputs; for comparing and measuring graphs.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ndarray::{ArrayViewD, IxDyn};
use ort::session::{Session, SessionInputValue};
use ort::value::TensorRef;

use crate::error::{Error, Result};
use crate::runtime::Runtime;

/// A graph in a CPU session, without a check of its inputs and outputs.
///
/// To encode, use [`SignalEncoder`](crate::SignalEncoder) and [`TextEncoder`](crate::TextEncoder), which check their graphs.
#[expect(missing_debug_implementations, reason = "an ONNX Runtime session does not implement it")]
pub struct Graph {
    session: Session,
    path: PathBuf,
}

/// An input tensor in row-major order; an axis may have length 0.
#[derive(Debug, Clone, Copy)]
pub struct GraphInput<'a> {
    /// Name of the input.
    pub name: &'a str,
    /// Lengths of the axes.
    pub shape: &'a [usize],
    /// The values.
    pub values: TensorValues<'a>,
}

/// The values of an input.
#[derive(Debug, Clone, Copy)]
pub enum TensorValues<'a> {
    /// 32-bit floats.
    F32(&'a [f32]),
    /// 64-bit integers, such as tokens.
    I64(&'a [i64]),
}

/// An output tensor in row-major order.
#[derive(Debug, Clone, PartialEq)]
pub struct GraphOutput {
    /// Lengths of the axes.
    pub shape: Vec<usize>,
    /// The values.
    pub values: Vec<f32>,
}

impl Graph {
    /// Loads a graph, to run on `threads` threads.
    ///
    /// # Errors
    ///
    /// [`Error::Runtime`], and [`Error::Model`] if the runtime cannot load the graph.
    pub fn open(runtime: Runtime, path: &Path, threads: usize) -> Result<Self> {
        let mut builder = runtime.cpu_session(threads)?;
        let session =
            builder.commit_from_file(path).map_err(|source| Error::model(path, source))?;
        Ok(Self { session, path: path.to_owned() })
    }

    /// Loads a graph from memory, to run on `threads` threads.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open), with `a graph in memory` in place of the path.
    pub fn from_bytes(runtime: Runtime, bytes: &[u8], threads: usize) -> Result<Self> {
        let path = PathBuf::from("a graph in memory");
        let mut builder = runtime.cpu_session(threads)?;
        let session =
            builder.commit_from_memory(bytes).map_err(|source| Error::model(&path, source))?;
        Ok(Self { session, path })
    }

    /// Returns the names of the outputs in the order of the graph.
    pub fn outputs(&self) -> impl Iterator<Item = &str> {
        self.session.outputs().iter().map(ort::value::Outlet::name)
    }

    /// Runs the graph and returns its outputs by name.
    ///
    /// # Errors
    ///
    /// [`Error::Model`] if the values do not fill a shape, an input is unknown, an output does not consist of 32-bit
    /// floats, or the runtime fails.
    pub fn run(&mut self, inputs: &[GraphInput<'_>]) -> Result<BTreeMap<String, GraphOutput>> {
        let error = |problem: String| Error::model(&self.path, problem);
        let mut values = Vec::with_capacity(inputs.len());
        for input in inputs {
            let value = tensor(input)
                .map_err(|problem| error(format!("input `{}`: {problem}", input.name)))?;
            values.push((input.name, value));
        }
        let outputs =
            self.session.run(values).map_err(|source| Error::model(&self.path, source))?;
        let mut found = BTreeMap::new();
        for (name, output) in &outputs {
            let (shape, values) = output
                .try_extract_tensor::<f32>()
                .map_err(|problem| error(format!("output `{name}`: {problem}")))?;
            let shape = shape.iter().map(|length| *length as usize).collect();
            found.insert(name.to_owned(), GraphOutput { shape, values: values.to_vec() });
        }
        Ok(found)
    }
}

fn tensor<'a>(input: &GraphInput<'a>) -> std::result::Result<SessionInputValue<'a>, String> {
    let shape = IxDyn(input.shape);
    match input.values {
        TensorValues::F32(values) => {
            let view = ArrayViewD::from_shape(shape, values).map_err(|error| error.to_string())?;
            Ok(TensorRef::from_array_view(view).map_err(|error| error.to_string())?.into())
        }
        TensorValues::I64(values) => {
            let view = ArrayViewD::from_shape(shape, values).map_err(|error| error.to_string())?;
            Ok(TensorRef::from_array_view(view).map_err(|error| error.to_string())?.into())
        }
    }
}
