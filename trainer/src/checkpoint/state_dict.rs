//! The state dict in a container: tensors by name, their bytes, and the other values.

use std::collections::BTreeMap;

use super::byte_range::ByteRange;
use super::element::ByteOrder;
use super::error::{Result, expect, invalid, quoted};
use super::pickle::{PickleHeap, PickleValue};
use super::strided_tensor::StridedTensor;

/// Keys under which training scripts store weights; the first that is present is used.
const WEIGHT_KEYS: [&str; 3] = ["state_dict", "model_state_dict", "model"];
/// Longest name of a tensor, in bytes.
const MAX_NAME_LEN: usize = 512;
/// Maximum number of other values that are listed.
const MAX_OTHERS: usize = 200;

/// The state dict in a container, and the container's other values.
#[derive(Debug)]
pub(super) struct StateDict {
    pub(super) order: ByteOrder,
    /// Storages, indexed by the tensors.
    pub(super) storages: Vec<ByteRange>,
    pub(super) tensors: BTreeMap<String, StridedTensor>,
    /// The key of the weights, or `None` if they are at the top level.
    pub(super) key: Option<&'static str>,
    /// Name and short description of each value that is not a weight.
    pub(super) others: Vec<(String, String)>,
}

impl StateDict {
    /// Finds the weights in an unpickled checkpoint.
    pub(super) fn of_pickle(
        heap: &PickleHeap<'_>,
        root: PickleValue<'_>,
        order: ByteOrder,
        storages: Vec<ByteRange>,
    ) -> Result<Self> {
        let PickleValue::Dict(root) = root else {
            let problem =
                format!("it contains {}; expected a dictionary of weights", heap.describe(root));
            return Err(invalid(problem));
        };
        let mut state_dict =
            Self { order, storages, tensors: BTreeMap::new(), key: None, others: Vec::new() };
        let Some((weights_key, weights)) = find(heap, root) else {
            state_dict.add(heap, root)?;
            return Ok(state_dict);
        };
        state_dict.key = Some(weights_key);
        state_dict.add(heap, weights)?;
        for (key, value) in &heap.dicts[root] {
            if *key != PickleValue::Text(weights_key) {
                state_dict.note(heap, *key, *value);
            }
        }
        Ok(state_dict)
    }

    /// Adds the tensors of a dictionary and lists its other values.
    fn add(&mut self, heap: &PickleHeap<'_>, dict: usize) -> Result<()> {
        for (key, value) in &heap.dicts[dict] {
            let (PickleValue::Text(name), PickleValue::Tensor(index)) = (*key, *value) else {
                self.note(heap, *key, *value);
                continue;
            };
            expect(name.len() <= MAX_NAME_LEN, || {
                format!(
                    "the name {} has {} bytes; the maximum is {MAX_NAME_LEN}",
                    quoted(name),
                    name.len()
                )
            })?;
            let before = self.tensors.insert(name.to_owned(), heap.tensors[index].clone());
            expect(before.is_none(), || format!("it contains {} twice", quoted(name)))?;
        }
        Ok(())
    }

    fn note(&mut self, heap: &PickleHeap<'_>, key: PickleValue<'_>, value: PickleValue<'_>) {
        if self.others.len() < MAX_OTHERS {
            self.others.push((key_name(heap, key), heap.describe(value)));
        }
    }
}

/// Returns the key of the weights and the index of their dictionary.
fn find(heap: &PickleHeap<'_>, root: usize) -> Option<(&'static str, usize)> {
    WEIGHT_KEYS.into_iter().find_map(|name| {
        let is_it =
            |(key, _): &&(PickleValue<'_>, PickleValue<'_>)| *key == PickleValue::Text(name);
        match heap.dicts[root].iter().rev().find(is_it)? {
            (_, PickleValue::Dict(index)) => Some((name, *index)),
            _ => None,
        }
    })
}

fn key_name(heap: &PickleHeap<'_>, key: PickleValue<'_>) -> String {
    if let PickleValue::Text(text) = key {
        text.chars().take(100).flat_map(char::escape_debug).collect()
    } else {
        heap.describe(key)
    }
}
