//! Resources that a machine may not have.

use nocturne_encoder::Runtime;
use nocturne_testing::{Absent, onnx_runtime};

/// Loads ONNX Runtime, or returns why it is absent.
pub(crate) fn runtime() -> Result<Runtime, Absent> {
    onnx_runtime().map(|library| Runtime::load(Some(&library)).unwrap())
}
