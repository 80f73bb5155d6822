//! The header of a safetensors file.

use std::collections::BTreeMap;

use safetensors::Dtype;
use safetensors::tensor::Metadata;

use super::blob::Blob;
use super::contents::Contents;
use super::element::{ByteOrder, ElementType};
use super::problem::{Result, broken, expect, quoted};
use super::source::Source;
use super::view::View;

/// Longest header in bytes; that of the base model has 70 kB.
const LONGEST_HEADER: u64 = 16 << 20;

/// Reads which tensors the file holds and where.
pub(super) fn open(source: &Source) -> Result<Contents> {
    let length = source.read(0, 8)?;
    let length = u64::from_le_bytes(length.try_into().expect("8 bytes were asked for"));
    expect(length <= LONGEST_HEADER, || {
        format!("its header has {length} bytes; at most {LONGEST_HEADER} are read")
    })?;
    let header = source.read(8, length)?;
    let header: Metadata = serde_json::from_slice(&header)
        .map_err(|error| broken(format!("its header is wrong: {}", quoted(error))))?;
    let begin = 8 + length;
    expect(begin.checked_add(header.data_len() as u64) == Some(source.len()), || {
        format!(
            "its header tells of {} bytes; {} are there",
            header.data_len(),
            source.len() - begin
        )
    })?;
    let (mut tensors, mut blobs) = (BTreeMap::new(), Vec::new());
    for (name, info) in header.tensors() {
        let (from, to) = info.data_offsets;
        let blob = Blob::stored(begin + from as u64, (to - from) as u64);
        let element = element(info.dtype).ok_or_else(|| {
            broken(format!("{} is of type {:?}, which is not read", quoted(&name), info.dtype))
        })?;
        tensors.insert(name, View::rows(blobs.len(), element, blob.len, &info.shape)?);
        blobs.push(blob);
    }
    let told = header.metadata().iter().flatten();
    let others = told.map(|(name, value)| (name.clone(), quoted(value))).collect();
    Ok(Contents { order: ByteOrder::Little, blobs, tensors, place: None, others })
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
