//! Opens ONNX Runtime sessions and checks the inputs and outputs of their graphs.

use std::path::Path;

use ort::session::Session;
use ort::value::{Outlet, TensorElementType, ValueType};

use crate::error::{Error, Result};
use crate::runtime::{Device, Provider, Runtime};

/// Loads a graph.
///
/// With [`Device::Auto`], a CUDA device that registers but cannot run the graph is replaced by the CPU.
pub(crate) fn open(
    runtime: Runtime,
    path: &Path,
    device: Device,
    threads: usize,
) -> Result<(Session, Provider)> {
    let (mut builder, mut provider) = runtime.session(device, threads)?;
    let session = match builder.commit_from_file(path) {
        Ok(session) => session,
        Err(error) if device == Device::Auto && provider.name == "cuda" => {
            provider = Provider { name: "cpu", fallback_reason: Some(error.to_string()) };
            let mut builder = runtime.cpu_session(threads)?;
            builder.commit_from_file(path).map_err(|source| Error::model(path, source))?
        }
        Err(source) => return Err(Error::model(path, source)),
    };
    Ok((session, provider))
}

/// Returns the input or output of that name, or a sentence that names it as missing.
pub(crate) fn find<'a>(
    role: &str,
    outlets: &'a [Outlet],
    name: &str,
) -> std::result::Result<&'a Outlet, String> {
    let found = outlets.iter().find(|outlet| outlet.name() == name);
    found.ok_or_else(|| format!("it has no {role} `{name}`"))
}

/// Returns the shape of an input or output, which must be a tensor of this name and element type; -1 for a dynamic axis.
pub(crate) fn shape<'a>(
    role: &str,
    outlet: &'a Outlet,
    name: &str,
    element: TensorElementType,
    expected: &[i64],
) -> std::result::Result<&'a [i64], String> {
    match outlet.dtype() {
        ValueType::Tensor { ty, shape, .. } if outlet.name() == name && *ty == element => Ok(shape),
        ValueType::Tensor { .. }
        | ValueType::Sequence(_)
        | ValueType::Map { .. }
        | ValueType::Optional(_) => {
            let (found_name, found_type) = (outlet.name(), outlet.dtype());
            Err(format!(
                "its {role} is `{found_name}`, {found_type}; expected `{name}`, {element} of shape {expected:?}"
            ))
        }
    }
}

/// Checks the name, element type and shape of an input or output; -1 for a dynamic axis.
pub(crate) fn check(
    role: &str,
    outlet: &Outlet,
    name: &str,
    element: TensorElementType,
    expected: &[i64],
) -> std::result::Result<(), String> {
    let found = shape(role, outlet, name, element, expected)?;
    if found != expected {
        return Err(format!("its {role} `{name}` has the shape {found:?}; expected {expected:?}"));
    }
    Ok(())
}
