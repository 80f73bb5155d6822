//! The exported towers in ONNX Runtime match the trainer's own forward pass.

use burn::backend::Flex;
use burn::tensor::{Device, Tensor, TensorData};
use nocturne_encoder::runtime;
use nocturne_encoder::{BatchOptions, Bundle, SignalEncoder, TextEncoder};
use nocturne_psg::ZScore;
use nocturne_testing::require;
use nocturne_trainer::data::EPOCH_LEN;
use nocturne_trainer::kernels::Dropout;
use nocturne_trainer::model::{SleepLm, normalize};
use nocturne_trainer::{BundleFacts, Preset, TokenBatch, TokenSet, Weights, write_bundle};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use crate::support::runtime;

/// Maximum difference between two components of a unit vector.
const TOLERANCE: f32 = 1e-5;

struct Fixture {
    model: SleepLm<Flex>,
    bundle: Bundle,
    _folder: tempfile::TempDir,
}

/// Exports random weights without default values: no norm is 1 and no bias 0.
fn fixture(trained: Option<&TokenSet>) -> Fixture {
    let mut config = Preset::Tiny.config();
    config.biosignals_cfg.num_temporal_layers = 2;
    let mut random = Pcg64Mcg::seed_from_u64(6);
    let mut weights = Weights::default();
    for (name, tensor) in Weights::initial(&config, 7).iter() {
        let is_moved = tensor.shape.len() == 1 && !name.contains("freqs");
        let values = tensor
            .values
            .iter()
            .map(|value| if is_moved { value + random.random_range(-0.3..0.3f32) } else { *value });
        weights.insert(name, tensor.shape.clone(), values.collect());
    }
    let facts = BundleFacts {
        name: "test".to_owned(),
        z_score: ZScore::Recording,
        data: "nothing".to_owned(),
        licence: "none".to_owned(),
        command: "a test".to_owned(),
    };
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("bundle");
    let bundle = write_bundle(&path, &weights, &config, trained, &facts).unwrap();
    let model = weights.to_model(&config, &Device::<Flex>::default()).unwrap();
    Fixture { model, bundle, _folder: folder }
}

fn check(actual: &[nocturne_encoder::Embedding], expected: Tensor<Flex, 2>) {
    let expected: Vec<f32> = normalize(expected).into_data().into_vec().unwrap();
    let actual: Vec<f32> =
        actual.iter().flat_map(nocturne_encoder::Embedding::as_slice).copied().collect();
    assert_eq!(actual.len(), expected.len());
    for (actual, expected) in actual.iter().zip(expected) {
        assert!((actual - expected).abs() < TOLERANCE, "{actual} {expected}");
    }
}

#[test]
fn exported_signal_tower_matches_the_trainer() {
    let runtime = require!(runtime());
    let fixture = fixture(None);
    let mut encoder = SignalEncoder::open(
        runtime,
        &fixture.bundle,
        runtime::Device::Cpu,
        BatchOptions::default(),
    )
    .unwrap();
    let mut random = Pcg64Mcg::seed_from_u64(8);
    for n in [1, 2, 5] {
        let mut epochs: Vec<f32> =
            (0..n * EPOCH_LEN).map(|_| random.random_range(-2.0..2.0)).collect();
        epochs[3 * 1920..5 * 1920].fill(0.0);
        let input = TensorData::new(epochs.clone(), [n, 10, 1920]);
        let input = Tensor::from_data(input, &Device::<Flex>::default());
        let output = fixture.model.biosignals.forward(input, &mut Dropout::off());
        check(&encoder.encode_inputs(&epochs).unwrap(), output.embedding);
    }
}

fn check_text_tower(trained: Option<&TokenSet>, batches: &[Vec<Vec<i64>>]) {
    let runtime = require!(runtime());
    let fixture = fixture(trained);
    let options = BatchOptions::default();
    let mut encoder =
        TextEncoder::open(runtime, &fixture.bundle, runtime::Device::Cpu, options).unwrap();
    for texts in batches {
        let ids: Vec<Vec<u32>> =
            texts.iter().map(|text| text.iter().map(|id| *id as u32).collect()).collect();
        let rows: Vec<&[u32]> = ids.iter().map(Vec::as_slice).collect();
        let output = fixture.model.text.forward(&TokenBatch::new(texts, 256));
        check(&encoder.encode_tokens(&rows).unwrap(), output.embedding);
    }
}

fn batches() -> Vec<Vec<Vec<i64>>> {
    let mut random = Pcg64Mcg::seed_from_u64(9);
    let mut text =
        |n: usize| -> Vec<i64> { (0..n).map(|_| random.random_range(1..49_408)).collect() };
    let with_inner_pad = vec![49_406, 320, 0, 1000, 49_407];
    vec![
        vec![vec![49_406, 49_407]],
        vec![text(12), text(3), with_inner_pad],
        vec![text(255), text(40)],
        vec![text(256), text(256)],
    ]
}

#[test]
fn exported_text_tower_matches_the_trainer() {
    check_text_tower(None, &batches());
}

#[test]
fn exported_text_tower_is_exact_for_seen_tokens() {
    let mut trained = TokenSet::new(49_408);
    for texts in batches() {
        trained.extend(&TokenBatch::new(&texts, 256));
    }
    check_text_tower(Some(&trained), &batches());
}

#[test]
fn bundle_lists_words_unseen_in_training() {
    let runtime = require!(runtime());
    let tokenizer = nocturne_encoder::Tokenizer::clip();
    let ids: Vec<i64> =
        tokenizer.encode("rem sleep with spindles").ids.into_iter().map(i64::from).collect();
    let mut trained = TokenSet::new(49_408);
    trained.extend(&TokenBatch::new(&[ids], 256));
    let fixture = fixture(Some(&trained));
    let options = BatchOptions::default();
    let mut encoder =
        TextEncoder::open(runtime, &fixture.bundle, runtime::Device::Cpu, options).unwrap();
    let encoded = encoder.encode("REM sleep with elephants").unwrap();
    assert_eq!(encoded.unknown_words, ["elephants"]);
}
