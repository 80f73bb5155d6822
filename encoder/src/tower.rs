//! One tower of the model in an ONNX Runtime session.

use std::path::{Path, PathBuf};

use ndarray::{ArrayViewD, IxDyn};
use ort::session::Session;
use ort::value::{TensorElementType, TensorRef, ValueType};

use crate::runtime::{Device, Provider, Runtime};
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

impl Tower {
    /// Loads a graph and checks it.
    ///
    /// On [`Device::Auto`] a CUDA device that registers but cannot run the graph gives way to the CPU.
    pub(crate) fn open(
        runtime: Runtime,
        path: &Path,
        contract: Contract,
        device: Device,
        threads: usize,
    ) -> Result<Self> {
        let error = |problem: String| Error::Model { path: path.to_owned(), problem };
        let (mut builder, mut provider) = runtime.session(device, threads)?;
        let session = match builder.commit_from_file(path) {
            Ok(session) => session,
            Err(problem) if device == Device::Auto && provider.name == "cuda" => {
                provider = Provider { name: "cpu", fallback_reason: Some(problem.to_string()) };
                let mut builder = runtime.cpu_session(threads)?;
                builder.commit_from_file(path).map_err(|problem| error(problem.to_string()))?
            }
            Err(problem) => return Err(error(problem.to_string())),
        };
        check(&session, &contract).map_err(error)?;
        Ok(Self { session, path: path.to_owned(), contract, provider })
    }

    pub(crate) fn provider(&self) -> &Provider {
        &self.provider
    }

    /// Runs the tower on a batch of numbers whose shape fits the contract.
    pub(crate) fn run<T>(&mut self, shape: &[usize], batch: &[T]) -> Result<Vec<Embedding>>
    where
        T: ort::value::PrimitiveTensorElementType + std::fmt::Debug + Clone + 'static,
    {
        let error = |problem: String| Error::Model { path: self.path.clone(), problem };
        let view = ArrayViewD::from_shape(IxDyn(shape), batch)
            .map_err(|problem| error(problem.to_string()))?;
        let input =
            TensorRef::from_array_view(view).map_err(|problem| error(problem.to_string()))?;
        let outputs = self
            .session
            .run(ort::inputs![self.contract.input => input])
            .map_err(|problem| error(problem.to_string()))?;
        let (_, numbers) = outputs[self.contract.output]
            .try_extract_tensor::<f32>()
            .map_err(|problem| error(problem.to_string()))?;
        if numbers.len() != shape[0] * self.contract.dim {
            let expected = shape[0] * self.contract.dim;
            return Err(error(format!(
                "a batch of {} gave {} numbers; expected {expected}",
                shape[0],
                numbers.len()
            )));
        }
        numbers
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
    check_outlet("input", input, contract.input, contract.element, contract.shape)?;
    let output = session.outputs().iter().find(|output| output.name() == contract.output);
    let output = output.ok_or_else(|| format!("it has no output `{}`", contract.output))?;
    check_outlet(
        "output",
        output,
        contract.output,
        TensorElementType::Float32,
        &[-1, contract.dim as i64],
    )
}

fn check_outlet(
    role: &str,
    outlet: &ort::value::Outlet,
    name: &str,
    element: TensorElementType,
    expected: &[i64],
) -> std::result::Result<(), String> {
    let found = match outlet.dtype() {
        ValueType::Tensor { ty, shape, .. } if outlet.name() == name && *ty == element => {
            Some(shape)
        }
        ValueType::Tensor { .. }
        | ValueType::Sequence(_)
        | ValueType::Map { .. }
        | ValueType::Optional(_) => None,
    };
    let found = found.ok_or_else(|| {
        let (found_name, found_type) = (outlet.name(), outlet.dtype());
        format!("its {role} is `{found_name}`, {found_type}; expected `{name}`, {element} of shape {expected:?}")
    })?;
    if found.len() != expected.len()
        || found.iter().zip(expected).any(|(found, expected)| found != expected)
    {
        return Err(format!(
            "its {role} `{name}` has the shape {:?}; expected {expected:?}",
            &found[..]
        ));
    }
    Ok(())
}
