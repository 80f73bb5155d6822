//! What a pickle's calls of known functions make.

use super::super::element::ElementType;
use super::super::problem::{Result, broken, expect, quoted};
use super::super::view::{MOST_AXES, Places, View};
use super::globals::Global;
use super::value::{Loaded, StorageId, Value};

/// Most arguments of a call; a tensor has eight.
const MOST_ARGUMENTS: usize = 16;

/// Returns what calling `callable` with a tuple of arguments makes.
pub(super) fn call<'a>(
    loaded: &mut Loaded<'a>,
    callable: Value<'a>,
    arguments: Value<'a>,
) -> Result<Value<'a>> {
    let Value::Global(global) = callable else {
        return Err(broken(format!("it wants to call {}", loaded.describe(callable))));
    };
    let Value::Tuple(index) = arguments else {
        return Err(broken(format!("the arguments of {} are no tuple", quoted(global))));
    };
    // A long tuple is not copied: calls could be repeated.
    let arguments = &loaded.tuples[index];
    expect(arguments.len() <= MOST_ARGUMENTS, || wrong(global, arguments.len()))?;
    let arguments = arguments.clone();
    match global {
        Global::RebuildTensor => match arguments[..] {
            [storage, first, shape, strides] => {
                tensor(loaded, [storage, first, shape, strides], None)
            }
            _ => Err(broken(wrong(global, arguments.len()))),
        },
        Global::RebuildTensorV2 => match arguments[..] {
            [storage, first, shape, strides, _, _] => {
                tensor(loaded, [storage, first, shape, strides], None)
            }
            [storage, first, shape, strides, _, _, flags] => {
                refuse_flags(loaded, flags)?;
                tensor(loaded, [storage, first, shape, strides], None)
            }
            _ => Err(broken(wrong(global, arguments.len()))),
        },
        Global::RebuildTensorV3 => match arguments[..] {
            [storage, first, shape, strides, _, _, Value::Global(Global::Dtype(element))] => {
                tensor(loaded, [storage, first, shape, strides], Some(element))
            }
            [.., Value::Global(Global::Inert(name))] => {
                Err(broken(format!("a tensor is of type {}, which is not read", quoted(name))))
            }
            _ => Err(broken(wrong(global, arguments.len()))),
        },
        Global::RebuildParameter => match arguments[..] {
            [tensor @ Value::Tensor(_), _, _] | [tensor @ Value::Tensor(_), _, _, _] => Ok(tensor),
            _ => Err(broken(wrong(global, arguments.len()))),
        },
        Global::OrderedDict => match arguments[..] {
            [] => {
                loaded.dicts.push(Vec::new());
                Ok(Value::Dict(loaded.dicts.len() - 1))
            }
            _ => Err(broken(wrong(global, arguments.len()))),
        },
        Global::Size => match arguments[..] {
            [axes @ Value::Tuple(_)] => Ok(axes),
            _ => Err(broken(wrong(global, arguments.len()))),
        },
        Global::Inert(name) => Ok(Value::Object(name)),
        Global::Storage(_) | Global::Dtype(_) => Err(broken(wrong(global, arguments.len()))),
    }
}

/// Returns the storage that a persistent id names: `("storage", type, key, device, length)`, and a part in old files.
pub(super) fn storage<'a>(loaded: &mut Loaded<'a>, id: Value<'a>) -> Result<Value<'a>> {
    let Value::Tuple(index) = id else {
        return Err(broken("a persistent id in it is no tuple"));
    };
    let [
        Value::Text("storage"),
        Value::Global(Global::Storage(element)),
        Value::Text(key),
        _device,
        Value::Int(n),
        ref part @ ..,
    ] = loaded.tuples[index][..]
    else {
        return Err(broken("a persistent id in it names no storage"));
    };
    let size = element.map_or(1, ElementType::size);
    let in_bytes = |n: i64| u64::try_from(n).ok()?.checked_mul(size);
    let too_long = || broken(format!("storage {} has {n} numbers", quoted(key)));
    let bytes = in_bytes(n).ok_or_else(too_long)?;
    let part = match *part {
        [] | [Value::None] => (0, bytes),
        [Value::Tuple(index)] => match loaded.tuples[index][..] {
            [_, Value::Int(first), Value::Int(n)] => {
                in_bytes(first).zip(in_bytes(n)).ok_or_else(too_long)?
            }
            _ => return Err(broken(format!("the part of storage {} is wrong", quoted(key)))),
        },
        _ => return Err(broken(format!("the part of storage {} is wrong", quoted(key)))),
    };
    expect(part.0.checked_add(part.1).is_some_and(|end| end <= bytes), || {
        format!("a part of storage {} is beyond its {bytes} bytes", quoted(key))
    })?;
    loaded.storages.push(StorageId { key, element, bytes, part });
    Ok(Value::Storage(loaded.storages.len() - 1))
}

fn tensor<'a>(
    loaded: &mut Loaded<'a>,
    [storage, first, shape, strides]: [Value<'a>; 4],
    element: Option<ElementType>,
) -> Result<Value<'a>> {
    let (Value::Storage(storage), Value::Int(first)) = (storage, first) else {
        return Err(broken("a tensor in it has no storage, or no place in it"));
    };
    let id = loaded.storages[storage];
    let element = element.or(id.element);
    let element =
        element.ok_or_else(|| broken("a tensor in it does not say of which type it is"))?;
    let shape = integers(loaded, shape)?;
    let strides = integers(loaded, strides)?;
    let places = Places { first, shape: &shape, strides: &strides };
    let view = View::new(storage, element, id.part.1, &places)?;
    loaded.tensors.push(view);
    Ok(Value::Tensor(loaded.tensors.len() - 1))
}

fn integers(loaded: &Loaded<'_>, value: Value<'_>) -> Result<Vec<i64>> {
    let Value::Tuple(index) = value else {
        return Err(broken("the shape or the strides of a tensor are no tuple"));
    };
    let values = &loaded.tuples[index];
    expect(values.len() <= MOST_AXES, || format!("a tensor has {} axes", values.len()))?;
    let integer = |value: &Value<'_>| {
        if let Value::Int(value) = value {
            return Ok(*value);
        }
        Err(broken(format!("the length of an axis is {}", loaded.describe(*value))))
    };
    values.iter().map(integer).collect()
}

/// Refuses views whose numbers are not those of the storage: negated and conjugated ones.
fn refuse_flags(loaded: &Loaded<'_>, flags: Value<'_>) -> Result<()> {
    let is_empty = |index: usize| loaded.dicts[index].is_empty();
    let is_plain = flags == Value::None || matches!(flags, Value::Dict(index) if is_empty(index));
    expect(is_plain, || "a tensor in it is a negated or conjugated view".to_owned())
}

fn wrong(global: Global, n_arguments: usize) -> String {
    format!(
        "{} is called with {n_arguments} arguments of types that it does not take",
        quoted(global)
    )
}
