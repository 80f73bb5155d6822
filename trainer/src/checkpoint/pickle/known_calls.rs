//! Results of a pickle's calls to known functions.

use super::super::element::ElementType;
use super::super::error::{Result, expect, invalid, quoted};
use super::super::strided_tensor::{MAX_AXES, StridedLayout, StridedTensor};
use super::globals::Global;
use super::value::{PickleHeap, PickleValue, StorageRef};

/// Maximum number of arguments of a call; a tensor has eight.
const MAX_ARGUMENTS: usize = 16;

/// Returns the result of calling `callable` with a tuple of arguments.
pub(super) fn call<'a>(
    heap: &mut PickleHeap<'a>,
    callable: PickleValue<'a>,
    arguments: PickleValue<'a>,
) -> Result<PickleValue<'a>> {
    let PickleValue::Global(global) = callable else {
        return Err(invalid(format!("it calls {}", heap.describe(callable))));
    };
    let PickleValue::Tuple(index) = arguments else {
        return Err(invalid(format!("the arguments of {} are not a tuple", quoted(global))));
    };
    // Check the length before copying: a pickle could repeat the call with a long tuple.
    let arguments = &heap.tuples[index];
    expect(arguments.len() <= MAX_ARGUMENTS, || wrong(global, arguments.len()))?;
    let arguments = arguments.clone();
    match global {
        Global::RebuildTensor => match arguments[..] {
            [storage, first, shape, strides] => {
                tensor(heap, [storage, first, shape, strides], None)
            }
            _ => Err(invalid(wrong(global, arguments.len()))),
        },
        Global::RebuildTensorV2 => match arguments[..] {
            [storage, first, shape, strides, _, _] => {
                tensor(heap, [storage, first, shape, strides], None)
            }
            [storage, first, shape, strides, _, _, flags] => {
                reject_flags(heap, flags)?;
                tensor(heap, [storage, first, shape, strides], None)
            }
            _ => Err(invalid(wrong(global, arguments.len()))),
        },
        Global::RebuildTensorV3 => match arguments[..] {
            [storage, first, shape, strides, _, _, PickleValue::Global(Global::Dtype(element))] => {
                tensor(heap, [storage, first, shape, strides], Some(element))
            }
            [.., PickleValue::Global(Global::Inert(name))] => {
                Err(invalid(format!("a tensor has the unsupported type {}", quoted(name))))
            }
            _ => Err(invalid(wrong(global, arguments.len()))),
        },
        Global::RebuildParameter => match arguments[..] {
            [tensor @ PickleValue::Tensor(_), _, _]
            | [tensor @ PickleValue::Tensor(_), _, _, _] => Ok(tensor),
            _ => Err(invalid(wrong(global, arguments.len()))),
        },
        Global::OrderedDict => match arguments[..] {
            [] => {
                heap.dicts.push(Vec::new());
                Ok(PickleValue::Dict(heap.dicts.len() - 1))
            }
            _ => Err(invalid(wrong(global, arguments.len()))),
        },
        Global::Size => match arguments[..] {
            [axes @ PickleValue::Tuple(_)] => Ok(axes),
            _ => Err(invalid(wrong(global, arguments.len()))),
        },
        Global::Inert(name) => Ok(PickleValue::Object(name)),
        Global::Storage(_) | Global::Dtype(_) => Err(invalid(wrong(global, arguments.len()))),
    }
}

/// Returns the storage of a persistent id: `("storage", type, key, device, length)`, and a view in files before 0.4.
pub(super) fn storage<'a>(
    heap: &mut PickleHeap<'a>,
    id: PickleValue<'a>,
) -> Result<PickleValue<'a>> {
    let PickleValue::Tuple(index) = id else {
        return Err(invalid("a persistent id is not a tuple"));
    };
    let [
        PickleValue::Text("storage"),
        PickleValue::Global(Global::Storage(element)),
        PickleValue::Text(key),
        _device,
        PickleValue::Int(n),
        ref part @ ..,
    ] = heap.tuples[index][..]
    else {
        return Err(invalid("a persistent id does not name a storage"));
    };
    let size = element.map_or(1, ElementType::size);
    let in_bytes = |n: i64| u64::try_from(n).ok()?.checked_mul(size);
    let too_long = || invalid(format!("storage {} has {n} numbers", quoted(key)));
    let bytes = in_bytes(n).ok_or_else(too_long)?;
    let part = match *part {
        [] | [PickleValue::None] => (0, bytes),
        [PickleValue::Tuple(index)] => match heap.tuples[index][..] {
            [_, PickleValue::Int(first), PickleValue::Int(n)] => {
                in_bytes(first).zip(in_bytes(n)).ok_or_else(too_long)?
            }
            _ => return Err(invalid(format!("the view of storage {} is invalid", quoted(key)))),
        },
        _ => return Err(invalid(format!("the view of storage {} is invalid", quoted(key)))),
    };
    expect(part.0.checked_add(part.1).is_some_and(|end| end <= bytes), || {
        format!("a view of storage {} exceeds its {bytes} bytes", quoted(key))
    })?;
    heap.storages.push(StorageRef { key, element, bytes, part });
    Ok(PickleValue::Storage(heap.storages.len() - 1))
}

fn tensor<'a>(
    heap: &mut PickleHeap<'a>,
    [storage, first, shape, strides]: [PickleValue<'a>; 4],
    element: Option<ElementType>,
) -> Result<PickleValue<'a>> {
    let (PickleValue::Storage(storage), PickleValue::Int(first)) = (storage, first) else {
        return Err(invalid("a tensor has no storage or no offset"));
    };
    let id = heap.storages[storage];
    let element = element.or(id.element);
    let element = element.ok_or_else(|| invalid("a tensor has no element type"))?;
    let shape = integers(heap, shape)?;
    let strides = integers(heap, strides)?;
    let layout = StridedLayout { first, shape: &shape, strides: &strides };
    let view = StridedTensor::new(storage, element, id.part.1, &layout)?;
    heap.tensors.push(view);
    Ok(PickleValue::Tensor(heap.tensors.len() - 1))
}

fn integers(heap: &PickleHeap<'_>, value: PickleValue<'_>) -> Result<Vec<i64>> {
    let PickleValue::Tuple(index) = value else {
        return Err(invalid("the shape or the strides of a tensor are not a tuple"));
    };
    let values = &heap.tuples[index];
    expect(values.len() <= MAX_AXES, || format!("a tensor has {} axes", values.len()))?;
    let integer = |value: &PickleValue<'_>| {
        if let PickleValue::Int(value) = value {
            return Ok(*value);
        }
        Err(invalid(format!("the length of an axis is {}", heap.describe(*value))))
    };
    values.iter().map(integer).collect()
}

/// Rejects negated and conjugated views, whose numbers differ from those of the storage.
fn reject_flags(heap: &PickleHeap<'_>, flags: PickleValue<'_>) -> Result<()> {
    let is_empty = |index: usize| heap.dicts[index].is_empty();
    let is_plain =
        flags == PickleValue::None || matches!(flags, PickleValue::Dict(index) if is_empty(index));
    expect(is_plain, || "a tensor is a negated or conjugated view".to_owned())
}

fn wrong(global: Global, n_arguments: usize) -> String {
    format!("{} is called with {n_arguments} arguments, or with wrong types", quoted(global))
}
