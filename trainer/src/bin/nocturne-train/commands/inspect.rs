//! `nocturne-train inspect`

use anyhow::Result;
use nocturne_psg::hash::sha256;
use nocturne_trainer::{Checkpoint, HostTensor};
use serde_json::{Value, json};

use crate::args::InspectArgs;
use crate::console;
use crate::error::CommandOutcome;

pub(super) fn run(arguments: &InspectArgs) -> Result<CommandOutcome> {
    let checkpoint = Checkpoint::open(&arguments.checkpoint)?;
    if arguments.json {
        console::print(serde_json::to_string_pretty(&describe(&checkpoint)?)?)?;
    } else {
        print(&checkpoint)?;
    }
    Ok(CommandOutcome::Done)
}

fn print(checkpoint: &Checkpoint) -> Result<()> {
    let tensors: Vec<_> = checkpoint.tensors().collect();
    let numbers: usize = tensors.iter().map(|it| it.shape.iter().product::<usize>()).sum();
    console::print(format_args!(
        "{}, {} tensors with {numbers} elements",
        checkpoint.container().name(),
        tensors.len()
    ))?;
    if let Some(key) = checkpoint.key() {
        console::print(format_args!("the weights are under `{key}`"))?;
    }
    if !checkpoint.prefix().is_empty() {
        console::print(format_args!(
            "removed the prefix `{}` from the names",
            checkpoint.prefix()
        ))?;
    }
    for (name, what) in checkpoint.others() {
        console::print(format_args!("other value: {name}, {what}"))?;
    }
    let width = tensors.iter().map(|tensor| tensor.name.len()).max().unwrap_or(0);
    for tensor in tensors {
        console::print(format_args!(
            "{:width$}  {:5}  {:?}",
            tensor.name,
            tensor.element.name(),
            tensor.shape
        ))?;
    }
    Ok(())
}

/// Returns a description with the sum and the hash of each tensor's elements as 32-bit floats.
fn describe(checkpoint: &Checkpoint) -> Result<Value> {
    let mut tensors = Vec::new();
    for tensor in checkpoint.tensors() {
        let HostTensor { shape, values } = checkpoint.read(tensor.name)?;
        let bytes: Vec<u8> = values.iter().flat_map(|value| value.to_le_bytes()).collect();
        tensors.push(json!({
            "name": tensor.name,
            "element": tensor.element.name(),
            "shape": shape,
            "sum": values.iter().map(|value| f64::from(*value)).sum::<f64>(),
            "sha256_f32_le": sha256(&bytes),
        }));
    }
    let others = checkpoint.others().iter();
    Ok(json!({
        "container": checkpoint.container().name(),
        "key": checkpoint.key(),
        "prefix": checkpoint.prefix(),
        "others": others.map(|(name, what)| json!({"name": name, "what": what})).collect::<Vec<_>>(),
        "tensors": tensors,
    }))
}
