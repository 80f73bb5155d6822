//! All results of the exported graphs, intermediate ones included, match what PyTorch computed.

use std::collections::BTreeMap;
use std::path::Path;

use nocturne_testing::{Absent, golden, require};
use nocturne_trainer::import::Import;
use nocturne_trainer::onnx::probe::{ProbeInputs, probe};
use nocturne_trainer::{Checkpoint, HostTensor, ModelConfig};
use safetensors::{Dtype, SafeTensors};

use crate::support::runtime;

fn read(path: &Path) -> BTreeMap<String, HostTensor> {
    let bytes = std::fs::read(path).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let tensor = |view: safetensors::tensor::TensorView<'_>| {
        let values = if view.dtype() == Dtype::F32 {
            view.data().as_chunks::<4>().0.iter().map(|word| f32::from_le_bytes(*word)).collect()
        } else {
            let words = view.data().as_chunks::<8>().0.iter();
            words.map(|word| i64::from_le_bytes(*word) as f32).collect()
        };
        HostTensor { shape: view.shape().to_vec(), values }
    };
    file.iter().map(|(name, view)| (name.to_owned(), tensor(view))).collect()
}

fn rows(tensor: &HostTensor) -> Vec<Vec<i64>> {
    let row = tensor.shape[1];
    let rows = tensor.values.chunks_exact(row);
    rows.map(|row| row.iter().map(|id| *id as i64).collect()).collect()
}

/// Returns the leading values along every axis: fixtures contain the first rows only.
fn leading(tensor: &HostTensor, shape: &[usize]) -> Vec<f32> {
    assert_eq!(tensor.shape.len(), shape.len());
    let mut starts = vec![0];
    for (axis, wanted) in shape.iter().enumerate() {
        assert!(*wanted <= tensor.shape[axis], "{:?} {shape:?}", tensor.shape);
        let step: usize = tensor.shape[axis + 1..].iter().product();
        starts =
            starts.iter().flat_map(|start| (0..*wanted).map(move |i| start + i * step)).collect();
    }
    starts.into_iter().map(|start| tensor.values[start]).collect()
}

/// Returns the first token with the highest logit.
fn argmax(logits: &[f32]) -> f32 {
    let highest = logits.iter().fold(f32::NEG_INFINITY, |most, logit| most.max(*logit));
    logits.iter().position(|logit| *logit == highest).unwrap() as f32
}

/// Tensors that are derived from others and are not outputs of a graph.
const DERIVED: [&str; 5] = [
    "caption_argmax",
    "caption_logits_row0_row3_first64",
    "caption_logsumexp",
    "labels",
    "similarity_logits",
];

/// Compares every tensor that both sides have, and returns the names of those that no graph outputs.
///
/// The tolerance is 2e-5 times the largest value of the tensor: one channel of the fixture has fifty times the usual
/// amplitude.
fn compare(is_folded: bool) -> Result<Vec<String>, Absent> {
    let folder = golden("tiny")?;
    let runtime = runtime()?;
    let config = ModelConfig::read(&folder.join("config.json")).unwrap();
    let checkpoint = Checkpoint::open(&folder.join("model_checkpoint.pt")).unwrap();
    let weights = Import::new(&checkpoint, Some(&config)).unwrap().read(&mut |_| {}).unwrap();
    let inputs = read(&folder.join("inputs.safetensors"));
    let (texts, conditions) = (rows(&inputs["token_ids"]), rows(&inputs["channel_indices"]));
    let inputs =
        ProbeInputs { signals: &inputs["signals"], texts: &texts, conditions: &conditions };
    let actual = probe(runtime, &weights, &config, inputs, is_folded).unwrap();
    let expected = read(&folder.join("outputs.safetensors"));
    let logits = &actual["caption_logits"];
    let [epochs, length, vocabulary] = logits.shape[..] else { panic!("{:?}", logits.shape) };
    let argmax = logits.values.chunks_exact(vocabulary).map(argmax);
    assert_eq!(argmax.collect::<Vec<_>>(), expected["caption_argmax"].values);
    assert_eq!(expected["caption_argmax"].shape, [epochs, length]);
    let mut others = Vec::new();
    for (name, expected) in expected {
        let Some(actual) = actual.get(&name) else {
            others.push(name);
            continue;
        };
        let actual = leading(actual, &expected.shape);
        let largest = expected.values.iter().fold(1.0f32, |most, value| most.max(value.abs()));
        for (actual, expected) in actual.iter().zip(&expected.values) {
            assert!((actual - expected).abs() <= 2e-5 * largest, "{name}: {actual} {expected}");
        }
    }
    Ok(others)
}

#[test]
fn folded_graphs_match_pytorch() {
    let others = require!(compare(true));
    let mut expected = [DERIVED.as_slice(), &["sig.embed_projection", "sig.patching"]].concat();
    expected.sort_unstable();
    assert_eq!(others, expected);
}

#[test]
fn unfolded_graphs_match_pytorch() {
    let others = require!(compare(false));
    assert_eq!(others, DERIVED);
}
