//! What any container gives: tensors by name, where their bytes are, and what else there is.

use std::collections::BTreeMap;

use super::blob::Blob;
use super::element::ByteOrder;
use super::pickle::{Loaded, Value};
use super::problem::{Result, broken, expect, quoted};
use super::view::View;

/// Keys under which training scripts keep weights, the first that is there being taken.
const PLACES: [&str; 3] = ["state_dict", "model_state_dict", "model"];
/// Longest name of a tensor, in bytes.
const LONGEST_NAME: usize = 512;
/// Most values beside weights that are told of.
const MOST_OTHERS: usize = 200;

/// What a container holds.
#[derive(Debug)]
pub(super) struct Contents {
    pub(super) order: ByteOrder,
    /// Storages, by the numbers that tensors have.
    pub(super) blobs: Vec<Blob>,
    pub(super) tensors: BTreeMap<String, View>,
    /// The key under which the weights were found; `None` where they are the whole.
    pub(super) place: Option<&'static str>,
    /// What is there beside the weights: name, and a few words.
    pub(super) others: Vec<(String, String)>,
}

impl Contents {
    /// Finds the weights in what a pickle has made.
    pub(super) fn of_pickle(
        loaded: &Loaded<'_>,
        root: Value<'_>,
        order: ByteOrder,
        blobs: Vec<Blob>,
    ) -> Result<Self> {
        let Value::Dict(root) = root else {
            let problem =
                format!("it holds {}; expected a dictionary of weights", loaded.describe(root));
            return Err(broken(problem));
        };
        let mut contents =
            Self { order, blobs, tensors: BTreeMap::new(), place: None, others: Vec::new() };
        let Some((place, weights)) = find(loaded, root) else {
            contents.add(loaded, root)?;
            return Ok(contents);
        };
        contents.place = Some(place);
        contents.add(loaded, weights)?;
        for (key, value) in &loaded.dicts[root] {
            if *key != Value::Text(place) {
                contents.note(loaded, *key, *value);
            }
        }
        Ok(contents)
    }

    /// Adds the tensors of a dictionary, and tells of its other values.
    fn add(&mut self, loaded: &Loaded<'_>, dict: usize) -> Result<()> {
        for (key, value) in &loaded.dicts[dict] {
            let (Value::Text(name), Value::Tensor(index)) = (*key, *value) else {
                self.note(loaded, *key, *value);
                continue;
            };
            expect(name.len() <= LONGEST_NAME, || {
                format!(
                    "the name {} has {} bytes; at most {LONGEST_NAME} are read",
                    quoted(name),
                    name.len()
                )
            })?;
            let before = self.tensors.insert(name.to_owned(), loaded.tensors[index].clone());
            expect(before.is_none(), || format!("it has {} twice", quoted(name)))?;
        }
        Ok(())
    }

    fn note(&mut self, loaded: &Loaded<'_>, key: Value<'_>, value: Value<'_>) {
        if self.others.len() < MOST_OTHERS {
            self.others.push((key_name(loaded, key), loaded.describe(value)));
        }
    }
}

/// Returns the key of the weights and the number of their dictionary.
fn find(loaded: &Loaded<'_>, root: usize) -> Option<(&'static str, usize)> {
    PLACES.into_iter().find_map(|place| {
        let is_it = |(key, _): &&(Value<'_>, Value<'_>)| *key == Value::Text(place);
        match loaded.dicts[root].iter().rev().find(is_it)? {
            (_, Value::Dict(index)) => Some((place, *index)),
            _ => None,
        }
    })
}

fn key_name(loaded: &Loaded<'_>, key: Value<'_>) -> String {
    if let Value::Text(text) = key {
        text.chars().take(100).flat_map(char::escape_debug).collect()
    } else {
        loaded.describe(key)
    }
}
