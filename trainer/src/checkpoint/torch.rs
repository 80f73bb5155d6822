//! The two containers that `torch.save` has written.

use std::collections::HashMap;

use super::blob::Blob;
use super::bytes::Bytes;
use super::contents::Contents;
use super::element::{ByteOrder, ElementType};
use super::pickle::{self, Loaded, StorageId, Value};
use super::problem::{Problem, Result, broken, expect, quoted};
use super::sniff::Mistaken;
use super::source::Source;
use super::zip::Archive;

/// Longest pickle in bytes; that of the base model with its optimiser has half a megabyte.
const LONGEST_PICKLE: u64 = 32 << 20;
/// What a legacy file begins with, as an integer of a pickle.
const LEGACY_MAGIC: [u8; 10] = [0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19];
/// The only version of the legacy format.
const LEGACY_VERSION: i64 = 1001;

/// Reads a zip archive: `NAME/data.pkl`, and storages in `NAME/data/KEY`.
pub(super) fn open_zip(source: &Source) -> Result<Contents> {
    let archive = Archive::open(source)?;
    let mut tops = archive.entries.keys().filter_map(|name| name.strip_suffix("data.pkl"));
    let top = match (tops.next(), tops.next()) {
        (Some(top), None) if top.is_empty() || top.ends_with('/') => top,
        (Some(_), Some(_)) => return Err(broken("it holds several `data.pkl`")),
        _ => return Err(Problem::Mistaken(Mistaken::OtherArchive)),
    };
    let entry = |name: &str| archive.entries.get(&format!("{top}{name}"));
    if entry("constants.pkl").is_some() {
        return Err(Problem::Mistaken(Mistaken::TorchScript));
    }
    let order = match entry("byteorder").map(|blob| small(blob, source)).transpose()?.as_deref() {
        None | Some(b"little") => ByteOrder::Little,
        Some(b"big") => ByteOrder::Big,
        Some(other) => {
            let found = quoted(String::from_utf8_lossy(other));
            return Err(broken(format!("its `byteorder` is {found}; expected `little` or `big`")));
        }
    };
    let bytes = entry("data.pkl").expect("`top` is what stands before it");
    expect(bytes.len <= LONGEST_PICKLE, || too_long(bytes.len))?;
    let bytes = bytes.read(source)?;
    let (loaded, root, _) = pickle::load(&bytes)?;
    let mut blobs = Vec::with_capacity(loaded.storages.len());
    for storage in &loaded.storages {
        let key = quoted(storage.key);
        let blob = entry(&format!("data/{}", storage.key));
        let blob = *blob.ok_or_else(|| broken(format!("its storage {key} is missing")))?;
        expect(blob.len == storage.bytes, || {
            format!("its storage {key} has {} bytes; its tensors need {}", blob.len, storage.bytes)
        })?;
        expect(storage.part == (0, storage.bytes), || {
            format!("its storage {key} is cut into parts, as in files before PyTorch 0.4 only")
        })?;
        blobs.push(blob);
    }
    Contents::of_pickle(&loaded, root, order, blobs)
}

/// Reads the format before 1.6: magic number, version, sizes of the machine, weights, the storages' keys, storages.
pub(super) fn open_legacy(source: &Source) -> Result<Contents> {
    let head = source.read(0, source.len().min(LONGEST_PICKLE))?;
    let mut end = 0;
    let magic = next(&head, &mut end)?.1;
    if magic != Value::Long(&LEGACY_MAGIC) {
        return Err(broken("it is a pickle, but not one that `torch.save` has written"));
    }
    let version = next(&head, &mut end)?.1;
    expect(version == Value::Int(LEGACY_VERSION), || {
        format!("its format is not {LEGACY_VERSION}, the only one before PyTorch 1.6")
    })?;
    let (about, machine) = next(&head, &mut end)?;
    let order = byte_order(&about, machine)?;
    let (loaded, root) = next(&head, &mut end)?;
    let (keys, list) = next(&head, &mut end)?;
    let Value::List(list) = list else { return Err(broken("its list of storages is missing")) };
    let blobs = legacy_blobs(&loaded, &keys.lists[list], source, end as u64)?;
    Contents::of_pickle(&loaded, root, order, blobs)
}

/// Runs the next of several pickles.
fn next<'a>(head: &'a [u8], end: &mut usize) -> Result<(Loaded<'a>, Value<'a>)> {
    let (loaded, value, length) = pickle::load(&head[*end..])?;
    *end += length;
    Ok((loaded, value))
}

fn byte_order(about: &Loaded<'_>, machine: Value<'_>) -> Result<ByteOrder> {
    let Value::Dict(index) = machine else {
        return Err(broken("it does not tell of the machine that wrote it"));
    };
    let is_it = |(key, _): &&(Value<'_>, Value<'_>)| *key == Value::Text("little_endian");
    match about.dicts[index].iter().find(is_it) {
        Some((_, Value::Bool(true))) => Ok(ByteOrder::Little),
        Some((_, Value::Bool(false))) => Ok(ByteOrder::Big),
        _ => Err(broken("it does not tell of the machine's byte order")),
    }
}

/// Returns where the storages lie: one behind the other in the order of their keys, each behind its length.
fn legacy_blobs(
    loaded: &Loaded<'_>,
    keys: &[Value<'_>],
    source: &Source,
    mut at: u64,
) -> Result<Vec<Blob>> {
    let known: HashMap<&str, &StorageId<'_>> =
        loaded.storages.iter().map(|storage| (storage.key, storage)).collect();
    let mut blobs = HashMap::new();
    for key in keys {
        let Value::Text(key) = *key else { return Err(broken("the key of a storage is no text")) };
        let Some(storage) = known.get(key) else {
            return Err(broken(format!("no tensor tells how long storage {} is", quoted(key))));
        };
        let size = storage.element.map_or(1, ElementType::size);
        let n = Bytes::new(&source.read(at, 8)?).u64()?;
        expect(n.checked_mul(size) == Some(storage.bytes), || {
            let needed = storage.bytes / size;
            format!("its storage {} has {n} numbers; its tensors need {needed}", quoted(key))
        })?;
        expect(storage.bytes <= source.len() - at - 8, || {
            format!("its storage {} of {} bytes is cut off", quoted(key), storage.bytes)
        })?;
        let before = blobs.insert(key, Blob::stored(at + 8, storage.bytes));
        expect(before.is_none(), || format!("its storage {} is there twice", quoted(key)))?;
        at += 8 + storage.bytes;
    }
    let part = |storage: &StorageId<'_>| {
        let whole = blobs.get(storage.key).filter(|blob| blob.len == storage.bytes);
        let missing = || broken(format!("its storage {} is missing", quoted(storage.key)));
        let (first, len) = storage.part;
        Ok(Blob::stored(whole.ok_or_else(missing)?.offset + first, len))
    };
    loaded.storages.iter().map(part).collect()
}

/// Reads an entry of which a few bytes are expected.
fn small(blob: &Blob, source: &Source) -> Result<Vec<u8>> {
    expect(blob.len <= 64, || "its `byteorder` is overlong".to_owned())?;
    blob.read(source)
}

fn too_long(bytes: u64) -> String {
    format!("its pickle has {bytes} bytes; at most {LONGEST_PICKLE} are read")
}
