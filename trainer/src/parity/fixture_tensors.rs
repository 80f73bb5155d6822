//! Tensors of a fixture: floats and ids.

use std::collections::BTreeMap;
use std::path::Path;

use safetensors::tensor::TensorView;
use safetensors::{Dtype, SafeTensors};

use crate::error::{Error, Result};
use crate::host_tensor::HostTensor;

/// Tensors by name.
pub(super) type FixtureTensors = BTreeMap<String, HostTensor>;

/// Reads a safetensors file of 32-bit floats and 64-bit integers.
///
/// Integers become floats: ids are below 2²⁴, where the conversion is exact.
pub(super) fn read(path: &Path) -> Result<FixtureTensors> {
    let bytes = std::fs::read(path).map_err(Error::io(path, "read"))?;
    let file = SafeTensors::deserialize(&bytes).map_err(Error::parse(path))?;
    let mut tensors = FixtureTensors::new();
    for (name, view) in file.iter() {
        let tensor =
            tensor(&view).map_err(|problem| Error::format(path, format!("`{name}` {problem}")))?;
        tensors.insert(name.to_owned(), tensor);
    }
    Ok(tensors)
}

/// Returns ids as a tensor with one axis.
pub(super) fn of_ids<T: Copy + Into<f64>>(ids: &[T]) -> HostTensor {
    HostTensor {
        shape: vec![ids.len()],
        values: ids.iter().map(|id| (*id).into() as f32).collect(),
    }
}

/// Returns a number as a tensor without axes.
pub(super) fn of_number(value: f32) -> HostTensor {
    HostTensor { shape: Vec::new(), values: vec![value] }
}

#[expect(clippy::wildcard_enum_match_arm, reason = "fixtures have no other types")]
fn tensor(view: &TensorView<'_>) -> std::result::Result<HostTensor, String> {
    let values = match view.dtype() {
        Dtype::F32 => {
            let words = view.data().as_chunks::<4>().0;
            words.iter().map(|word| f32::from_le_bytes(*word)).collect()
        }
        Dtype::I64 => {
            let words = view.data().as_chunks::<8>().0;
            let numbers: Vec<i64> = words.iter().map(|word| i64::from_le_bytes(*word)).collect();
            if let Some(large) = numbers.iter().find(|number| number.unsigned_abs() > 1 << 24) {
                return Err(format!("contains {large}; expected ids of at most 2²⁴"));
            }
            numbers.into_iter().map(|number| number as f32).collect()
        }
        other => return Err(format!("is of type {other:?}; expected F32 or I64")),
    };
    Ok(HostTensor { shape: view.shape().to_vec(), values })
}
