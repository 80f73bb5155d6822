//! Writes models in the way of `torch.save`.

use std::collections::BTreeMap;
use std::io::Write;

use nocturne_trainer::HostTensor;

use crate::checkpoint::archive::Archive;
use crate::checkpoint::pickle::Pickle;

/// Shapes by name.
pub(crate) type Shapes = BTreeMap<String, Vec<usize>>;

/// The learned frequencies, which all blocks share.
const SHARED: &str = "biosignals.shared_channel_rope.freqs";

/// Values that a training script saves with the weights.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ExtraValues {
    Nothing,
    /// Both moments of `AdamW`.
    Optimizer,
}

/// Returns the name of the tensor that owns the storage: its own name, except for aliases.
fn owner(name: &str) -> &str {
    if name.ends_with(".channel_attention.rotary_emb.freqs") { SHARED } else { name }
}

/// Writes `{"epoch": 7, "state_dict": {"module.…": …}}`; `values` is called for each storage when it is written.
pub(crate) fn write<W: Write>(
    out: W,
    shapes: &Shapes,
    beside: ExtraValues,
    mut values: impl FnMut(&str) -> Vec<f32>,
) {
    let mut storages: Vec<String> = Vec::new();
    let mut pickle = Pickle::new();
    pickle.raw(b"}").text("epoch").int(7).raw(b"s").text("state_dict");
    pickle.global("collections", "OrderedDict").raw(b")R(");
    for (name, shape) in shapes {
        let owner = owner(name);
        let known = storages.iter().position(|other| other == owner);
        let key = known.unwrap_or_else(|| {
            storages.push(owner.to_owned());
            storages.len() - 1
        });
        add(pickle.text(&format!("module.{name}")), key, shape);
    }
    // The attributes of the dictionary, as `state_dict()` sets them.
    pickle.raw(b"u}").text("_metadata").raw(b"}sbs");
    if beside == ExtraValues::Optimizer {
        pickle.text("optimizer").raw(b"}").text("state").raw(b"}(");
        for (index, (name, shape)) in shapes.iter().enumerate() {
            pickle.int(index as i64).raw(b"}(");
            for moment in ["exp_avg", "exp_avg_sq"] {
                storages.push(format!("{moment} {name}"));
                add(pickle.text(moment), storages.len() - 1, shape);
            }
            pickle.raw(b"u");
        }
        pickle.raw(b"uss");
    }
    let mut archive = Archive::new(out);
    archive.add("model/data.pkl", &pickle.stop());
    archive.add("model/byteorder", b"little");
    for (key, name) in storages.iter().enumerate() {
        let values = values(name);
        let mut bytes = Vec::with_capacity(4 * values.len());
        values.iter().for_each(|value| bytes.extend_from_slice(&value.to_le_bytes()));
        archive.add(&format!("model/data/{key}"), &bytes);
    }
    archive.add("model/version", b"3\n");
    archive.finish();
}

/// Returns the bytes of a checkpoint of tensors in memory.
pub(crate) fn bytes<'a>(tensors: impl Iterator<Item = (&'a str, &'a HostTensor)>) -> Vec<u8> {
    let tensors: BTreeMap<&str, &HostTensor> = tensors.collect();
    let shapes =
        tensors.iter().map(|(name, tensor)| ((*name).to_owned(), tensor.shape.clone())).collect();
    let mut bytes = Vec::new();
    write(&mut bytes, &shapes, ExtraValues::Nothing, |name| tensors[name].values.clone());
    bytes
}

fn add(pickle: &mut Pickle, key: usize, shape: &[usize]) {
    let shape: Vec<i64> = shape.iter().map(|length| *length as i64).collect();
    let strides: Vec<i64> = (1..=shape.len()).map(|axis| shape[axis..].iter().product()).collect();
    let n: i64 = shape.iter().product();
    pickle.tensor((&key.to_string(), n), 0, &shape, &strides);
}
