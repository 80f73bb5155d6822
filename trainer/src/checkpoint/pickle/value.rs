//! The values that a pickle can create.

use super::super::element::ElementType;
use super::super::error::quoted;
use super::super::strided_tensor::StridedTensor;
use super::globals::Global;

/// A value; containers are indices into the [`PickleHeap`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub(in super::super) enum PickleValue<'a> {
    None,
    Bool(bool),
    Int(i64),
    /// An integer of more than 64 bits: its bytes, the lowest first.
    Long(&'a [u8]),
    Float(f64),
    Text(&'a str),
    Bytes(&'a [u8]),
    Global(Global),
    /// The result of an inert class.
    Object(&'static str),
    Tuple(usize),
    List(usize),
    Dict(usize),
    Storage(usize),
    Tensor(usize),
}

/// A storage that a tensor refers to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) struct StorageRef<'a> {
    /// Its name in the container.
    pub(in super::super) key: &'a str,
    /// `None` if the storage has bytes and each tensor states its element type.
    pub(in super::super) element: Option<ElementType>,
    /// Length of the whole storage in bytes.
    pub(in super::super) bytes: u64,
    /// Offset and length of the view in bytes; the whole storage except in files before PyTorch 0.4.
    pub(in super::super) part: (u64, u64),
}

/// All values that a pickle created.
#[derive(Debug, Default)]
pub(in super::super) struct PickleHeap<'a> {
    pub(in super::super) tuples: Vec<Vec<PickleValue<'a>>>,
    pub(in super::super) lists: Vec<Vec<PickleValue<'a>>>,
    pub(in super::super) dicts: Vec<Vec<(PickleValue<'a>, PickleValue<'a>)>>,
    pub(in super::super) storages: Vec<StorageRef<'a>>,
    pub(in super::super) tensors: Vec<StridedTensor>,
}

impl PickleHeap<'_> {
    /// Returns a short description of a value, for the list of a checkpoint's contents.
    pub(in super::super) fn describe(&self, value: PickleValue<'_>) -> String {
        match value {
            PickleValue::None => "none".to_owned(),
            PickleValue::Bool(value) => value.to_string(),
            PickleValue::Int(value) => value.to_string(),
            PickleValue::Long(bytes) => format!("an integer of {} bytes", bytes.len()),
            PickleValue::Float(value) => value.to_string(),
            PickleValue::Text(text) => quoted(text),
            PickleValue::Bytes(bytes) => format!("{} bytes", bytes.len()),
            PickleValue::Global(global) => format!("the name {}", quoted(global)),
            PickleValue::Object(class) => format!("an object {}", quoted(class)),
            PickleValue::Tuple(index) => format!("a tuple of {}", self.tuples[index].len()),
            PickleValue::List(index) => format!("a list of {}", self.lists[index].len()),
            PickleValue::Dict(index) => format!("a dictionary of {}", self.dicts[index].len()),
            PickleValue::Storage(_) => "a storage".to_owned(),
            PickleValue::Tensor(index) => format!("a tensor {:?}", self.tensors[index].shape),
        }
    }
}
