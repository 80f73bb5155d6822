//! What a pickle can make.

use super::super::element::ElementType;
use super::super::problem::quoted;
use super::super::view::View;
use super::globals::Global;

/// A value; those that hold others are known by their number.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in super::super) enum Value<'a> {
    None,
    Bool(bool),
    Int(i64),
    /// An integer of over 64 bits: its bytes, the lowest first.
    Long(&'a [u8]),
    Float(f64),
    Text(&'a str),
    Bytes(&'a [u8]),
    Global(Global),
    /// What an inert class would have made.
    Object(&'static str),
    Tuple(usize),
    List(usize),
    Dict(usize),
    Storage(usize),
    Tensor(usize),
}

/// A storage that a tensor refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct StorageId<'a> {
    /// Its name in the container.
    pub(in super::super) key: &'a str,
    /// `None` where the storage is of bytes and each tensor says of which type it is.
    pub(in super::super) element: Option<ElementType>,
    /// Bytes of the whole storage.
    pub(in super::super) bytes: u64,
    /// The part that is meant, in bytes; all of it but in files of before `PyTorch` 0.4.
    pub(in super::super) part: (u64, u64),
}

/// Everything that a pickle has made.
#[derive(Debug, Default)]
pub(in super::super) struct Loaded<'a> {
    pub(in super::super) tuples: Vec<Vec<Value<'a>>>,
    pub(in super::super) lists: Vec<Vec<Value<'a>>>,
    pub(in super::super) dicts: Vec<Vec<(Value<'a>, Value<'a>)>>,
    pub(in super::super) storages: Vec<StorageId<'a>>,
    pub(in super::super) tensors: Vec<View>,
}

impl Loaded<'_> {
    /// Returns a few words on a value, for a list of what a checkpoint holds.
    pub(in super::super) fn describe(&self, value: Value<'_>) -> String {
        match value {
            Value::None => "none".to_owned(),
            Value::Bool(value) => value.to_string(),
            Value::Int(value) => value.to_string(),
            Value::Long(bytes) => format!("an integer of {} bytes", bytes.len()),
            Value::Float(value) => value.to_string(),
            Value::Text(text) => quoted(text),
            Value::Bytes(bytes) => format!("{} bytes", bytes.len()),
            Value::Global(global) => format!("the name {}", quoted(global)),
            Value::Object(class) => format!("an object {}", quoted(class)),
            Value::Tuple(index) => format!("a tuple of {}", self.tuples[index].len()),
            Value::List(index) => format!("a list of {}", self.lists[index].len()),
            Value::Dict(index) => format!("a dictionary of {}", self.dicts[index].len()),
            Value::Storage(_) => "a storage".to_owned(),
            Value::Tensor(index) => format!("a tensor {:?}", self.tensors[index].shape),
        }
    }
}
