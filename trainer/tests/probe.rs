//! What the exported graphs compute, inner results included, against what PyTorch has written down of it.

#![expect(clippy::unwrap_used, reason = "a helper of a test may fail it")]
#![expect(clippy::print_stdout, reason = "a test that is skipped says so")]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use nocturne_encoder::runtime::Runtime;
use nocturne_trainer::import::Import;
use nocturne_trainer::onnx::probe::{Inputs, probe};
use nocturne_trainer::{Checkpoint, HostTensor, ModelConfig};
use safetensors::{Dtype, SafeTensors};

/// Returns the folder of numbers that PyTorch has written down, or says that the test is skipped.
fn fixtures() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/goldens/tiny");
    if !folder.is_dir() {
        println!("skipped: no fixtures");
        return None;
    }
    Some(folder)
}

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

/// Returns the numbers at the begin of every axis: fixtures hold the first rows only.
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

/// Returns the first token of the highest logit.
fn likeliest(logits: &[f32]) -> f32 {
    let highest = logits.iter().fold(f32::NEG_INFINITY, |most, logit| most.max(*logit));
    logits.iter().position(|logit| *logit == highest).unwrap() as f32
}

/// What follows from other tensors, and is not put out by a graph.
const DERIVED: [&str; 5] = [
    "caption_argmax",
    "caption_logits_row0_row3_first64",
    "caption_logsumexp",
    "labels",
    "similarity_logits",
];

/// Compares every tensor that both sides have, and returns the names of those that no graph puts out.
///
/// Each may be 2e-5 apart for every unit of its largest number: an epoch of the fixture has a channel fifty times too
/// strong.
fn compare(is_folded: bool) -> Option<Vec<String>> {
    let folder = fixtures()?;
    let Ok(runtime) = Runtime::load(None) else {
        println!("skipped: no ONNX Runtime; `cargo xtask setup` gets it");
        return None;
    };
    let config = ModelConfig::read(&folder.join("config.json")).unwrap();
    let checkpoint = Checkpoint::open(&folder.join("model_checkpoint.pt")).unwrap();
    let weights = Import::new(&checkpoint, Some(&config)).unwrap().read(&mut |_| {}).unwrap();
    let inputs = read(&folder.join("inputs.safetensors"));
    let (texts, conditions) = (rows(&inputs["token_ids"]), rows(&inputs["channel_indices"]));
    let inputs = Inputs { signals: &inputs["signals"], texts: &texts, conditions: &conditions };
    let found = probe(runtime, &weights, &config, inputs, is_folded).unwrap();
    let expected = read(&folder.join("outputs.safetensors"));
    let logits = &found["caption_logits"];
    let [epochs, length, vocabulary] = logits.shape[..] else { panic!("{:?}", logits.shape) };
    let likeliest = logits.values.chunks_exact(vocabulary).map(likeliest);
    assert_eq!(likeliest.collect::<Vec<_>>(), expected["caption_argmax"].values);
    assert_eq!(expected["caption_argmax"].shape, [epochs, length]);
    let mut others = Vec::new();
    for (name, expected) in expected {
        let Some(found) = found.get(&name) else {
            others.push(name);
            continue;
        };
        let found = leading(found, &expected.shape);
        let largest = expected.values.iter().fold(1.0f32, |most, value| most.max(value.abs()));
        for (found, expected) in found.iter().zip(&expected.values) {
            assert!((found - expected).abs() <= 2e-5 * largest, "{name}: {found} {expected}");
        }
    }
    Some(others)
}

#[test]
fn graphs_as_bundles_have_them_compute_what_pytorch_does() {
    let Some(others) = compare(true) else { return };
    let mut expected = [DERIVED.as_slice(), &["sig.embed_projection", "sig.patching"]].concat();
    expected.sort_unstable();
    assert_eq!(others, expected);
}

#[test]
fn graphs_without_foldings_compute_what_pytorch_does() {
    let Some(others) = compare(false) else { return };
    assert_eq!(others, DERIVED);
}
