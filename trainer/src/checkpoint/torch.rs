//! The two container formats of `torch.save`.

use std::collections::HashMap;

use super::byte_cursor::ByteCursor;
use super::byte_range::ByteRange;
use super::element::{ByteOrder, ElementType};
use super::error::{CheckpointError, Result, expect, invalid, quoted};
use super::file::CheckpointFile;
use super::pickle::{self, PickleHeap, PickleValue, StorageRef};
use super::state_dict::StateDict;
use super::zip::ZipArchive;
use crate::error::ForeignFile;

/// Maximum length of a pickle in bytes; that of the base model with its optimizer has half a megabyte.
const MAX_PICKLE_LEN: u64 = 32 << 20;
/// Magic number of a legacy file, as the bytes of a pickled integer.
const LEGACY_MAGIC: [u8; 10] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
/// The only version of the legacy format.
const LEGACY_VERSION: i64 = 1001;

/// Reads a zip archive: `NAME/data.pkl`, and storages in `NAME/data/KEY`.
pub(super) fn open_zip(file: &CheckpointFile) -> Result<StateDict> {
    let archive = ZipArchive::open(file)?;
    let mut tops = archive.entries.keys().filter_map(|name| name.strip_suffix("data.pkl"));
    let top = match (tops.next(), tops.next()) {
        (Some(top), None) if top.is_empty() || top.ends_with('/') => top,
        (Some(_), Some(_)) => return Err(invalid("it contains several `data.pkl`")),
        _ => return Err(CheckpointError::ForeignFile(ForeignFile::OtherArchive)),
    };
    let entry = |name: &str| archive.entries.get(&format!("{top}{name}"));
    if entry("constants.pkl").is_some() {
        return Err(CheckpointError::ForeignFile(ForeignFile::TorchScript));
    }
    let order = match entry("byteorder").map(|range| small(range, file)).transpose()?.as_deref() {
        None | Some(b"little") => ByteOrder::Little,
        Some(b"big") => ByteOrder::Big,
        Some(other) => {
            let found = quoted(String::from_utf8_lossy(other));
            return Err(invalid(format!("its `byteorder` is {found}; expected `little` or `big`")));
        }
    };
    let bytes = entry("data.pkl").expect("`top` is its prefix");
    expect(bytes.len <= MAX_PICKLE_LEN, || too_long(bytes.len))?;
    let bytes = bytes.read(file)?;
    let (heap, root, _) = pickle::load(&bytes)?;
    let mut storages = Vec::with_capacity(heap.storages.len());
    for storage in &heap.storages {
        let key = quoted(storage.key);
        let range = entry(&format!("data/{}", storage.key));
        let range = *range.ok_or_else(|| invalid(format!("its storage {key} is missing")))?;
        expect(range.len == storage.bytes, || {
            format!("its storage {key} has {} bytes; its tensors need {}", range.len, storage.bytes)
        })?;
        expect(storage.part == (0, storage.bytes), || {
            format!("its storage {key} has views, which only files before PyTorch 0.4 have")
        })?;
        storages.push(range);
    }
    StateDict::of_pickle(&heap, root, order, storages)
}

/// Reads the format before 1.6: magic number, version, machine description, weights, storage keys, storages.
pub(super) fn open_legacy(file: &CheckpointFile) -> Result<StateDict> {
    let head = file.read(0, file.len().min(MAX_PICKLE_LEN))?;
    let mut end = 0;
    let magic = next(&head, &mut end)?.1;
    if magic != PickleValue::Long(&LEGACY_MAGIC) {
        return Err(invalid("it is a pickle, but not written by `torch.save`"));
    }
    let version = next(&head, &mut end)?.1;
    expect(version == PickleValue::Int(LEGACY_VERSION), || {
        format!("its format version is not {LEGACY_VERSION}, the only one before PyTorch 1.6")
    })?;
    let (heap, machine) = next(&head, &mut end)?;
    let order = byte_order(&heap, machine)?;
    let (heap, root) = next(&head, &mut end)?;
    let (keys, list) = next(&head, &mut end)?;
    let PickleValue::List(list) = list else {
        return Err(invalid("its list of storages is missing"));
    };
    let storages = legacy_storages(&heap, &keys.lists[list], file, end as u64)?;
    StateDict::of_pickle(&heap, root, order, storages)
}

/// Loads the next of several pickles.
fn next<'a>(head: &'a [u8], end: &mut usize) -> Result<(PickleHeap<'a>, PickleValue<'a>)> {
    let (heap, value, length) = pickle::load(&head[*end..])?;
    *end += length;
    Ok((heap, value))
}

fn byte_order(heap: &PickleHeap<'_>, machine: PickleValue<'_>) -> Result<ByteOrder> {
    let PickleValue::Dict(index) = machine else {
        return Err(invalid("the description of the machine that wrote it is missing"));
    };
    let is_it =
        |(key, _): &&(PickleValue<'_>, PickleValue<'_>)| *key == PickleValue::Text("little_endian");
    match heap.dicts[index].iter().find(is_it) {
        Some((_, PickleValue::Bool(true))) => Ok(ByteOrder::Little),
        Some((_, PickleValue::Bool(false))) => Ok(ByteOrder::Big),
        _ => Err(invalid("the byte order is missing")),
    }
}

/// Returns the byte ranges of the storages: one after another in the order of their keys, each preceded by its length.
fn legacy_storages(
    heap: &PickleHeap<'_>,
    keys: &[PickleValue<'_>],
    file: &CheckpointFile,
    mut at: u64,
) -> Result<Vec<ByteRange>> {
    let known: HashMap<&str, &StorageRef<'_>> =
        heap.storages.iter().map(|storage| (storage.key, storage)).collect();
    let mut storages = HashMap::new();
    for key in keys {
        let PickleValue::Text(key) = *key else {
            return Err(invalid("the key of a storage is not text"));
        };
        let Some(storage) = known.get(key) else {
            return Err(invalid(format!("no tensor uses storage {}", quoted(key))));
        };
        let size = storage.element.map_or(1, ElementType::size);
        let n = ByteCursor::new(&file.read(at, 8)?).u64()?;
        expect(n.checked_mul(size) == Some(storage.bytes), || {
            let needed = storage.bytes / size;
            format!("its storage {} has {n} elements; its tensors need {needed}", quoted(key))
        })?;
        expect(storage.bytes <= file.len() - at - 8, || {
            format!("its storage {} of {} bytes is truncated", quoted(key), storage.bytes)
        })?;
        let before = storages.insert(key, ByteRange::stored(at + 8, storage.bytes));
        expect(before.is_none(), || format!("it contains storage {} twice", quoted(key)))?;
        at += 8 + storage.bytes;
    }
    let part = |storage: &StorageRef<'_>| {
        let whole = storages.get(storage.key).filter(|range| range.len == storage.bytes);
        let missing = || invalid(format!("its storage {} is missing", quoted(storage.key)));
        let (first, len) = storage.part;
        Ok(ByteRange::stored(whole.ok_or_else(missing)?.offset + first, len))
    };
    heap.storages.iter().map(part).collect()
}

/// Reads an entry that has only a few bytes.
fn small(range: &ByteRange, file: &CheckpointFile) -> Result<Vec<u8>> {
    expect(range.len <= 64, || "its `byteorder` is longer than 64 bytes".to_owned())?;
    range.read(file)
}

fn too_long(bytes: u64) -> String {
    format!("its pickle has {bytes} bytes; the maximum is {MAX_PICKLE_LEN}")
}
