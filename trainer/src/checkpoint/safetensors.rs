//! The header of a safetensors file.

use std::collections::BTreeMap;

use safetensors::Dtype;
use safetensors::tensor::Metadata;

use super::byte_range::ByteRange;
use super::element::{ByteOrder, ElementType};
use super::error::{Result, expect, invalid, quoted};
use super::file::CheckpointFile;
use super::state_dict::StateDict;
use super::strided_tensor::StridedTensor;

/// Maximum length of the header in bytes; that of the base model has 70 kB.
const MAX_HEADER_LEN: u64 = 16 << 20;

/// Reads the names, shapes and offsets of the tensors.
pub(super) fn open(file: &CheckpointFile) -> Result<StateDict> {
    let length = file.read(0, 8)?;
    let length = u64::from_le_bytes(length.try_into().expect("8 bytes were requested"));
    expect(length <= MAX_HEADER_LEN, || {
        format!("its header has {length} bytes; the maximum is {MAX_HEADER_LEN}")
    })?;
    let header = file.read(8, length)?;
    let header: Metadata = serde_json::from_slice(&header)
        .map_err(|error| invalid(format!("its header is invalid: {}", quoted(error))))?;
    let start = 8 + length;
    expect(start.checked_add(header.data_len() as u64) == Some(file.len()), || {
        format!("its header states {} bytes; {} follow", header.data_len(), file.len() - start)
    })?;
    let (mut tensors, mut storages) = (BTreeMap::new(), Vec::new());
    for (name, info) in header.tensors() {
        let (from, to) = info.data_offsets;
        let range = ByteRange::stored(start + from as u64, (to - from) as u64);
        let element = element(info.dtype).ok_or_else(|| {
            invalid(format!("{} has the unsupported type {:?}", quoted(&name), info.dtype))
        })?;
        tensors.insert(name, StridedTensor::rows(storages.len(), element, range.len, &info.shape)?);
        storages.push(range);
    }
    let metadata = header.metadata().iter().flatten();
    let others = metadata.map(|(name, value)| (name.clone(), quoted(value))).collect();
    Ok(StateDict { order: ByteOrder::Little, storages, tensors, key: None, others })
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the crate may add types")]
fn element(dtype: Dtype) -> Option<ElementType> {
    Some(match dtype {
        Dtype::F64 => ElementType::F64,
        Dtype::F32 => ElementType::F32,
        Dtype::F16 => ElementType::F16,
        Dtype::BF16 => ElementType::Bf16,
        Dtype::I64 => ElementType::I64,
        Dtype::I32 => ElementType::I32,
        Dtype::I16 => ElementType::I16,
        Dtype::I8 => ElementType::I8,
        Dtype::U64 => ElementType::U64,
        Dtype::U32 => ElementType::U32,
        Dtype::U16 => ElementType::U16,
        Dtype::U8 => ElementType::U8,
        Dtype::BOOL => ElementType::Bool,
        _ => return None,
    })
}
