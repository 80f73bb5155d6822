//! The whole model reproduces the tensors that the published code computed.

use std::path::{Path, PathBuf};
use std::process::Command;

use burn::backend::Flex;
use burn::tensor::{Device, Tensor, TensorData};
use nocturne_encoder::Runtime;
use nocturne_testing::{Absent, golden, report, require};
use nocturne_trainer::kernels::Dropout;
use nocturne_trainer::model::{SleepLm, normalize};
use nocturne_trainer::parity::{ComparisonOutcome, ParityReport, ParityRuntime, parity};
use nocturne_trainer::{ModelParts, Preset, TokenBatch, Weights};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;
use safetensors::Dtype;
use safetensors::tensor::TensorView;

use crate::support::runtime;

const CHECKPOINT: &str = "model_checkpoint.pt";

/// Returns the folder of fixtures, or why it is absent.
fn fixtures() -> Result<PathBuf, Absent> {
    golden("tiny")
}

/// Returns ONNX Runtime; without it, the exported graphs are not compared, which is recorded as a skip.
fn optional_runtime() -> Option<Runtime> {
    runtime().inspect_err(|absent| report(env!("CARGO_PKG_NAME"), absent)).ok()
}

/// Writes a folder of weights, a configuration, inputs, and the outputs of the towers.
fn another_folder(folder: &Path) -> PathBuf {
    let mut config = Preset::Tiny.config();
    config.embed_dim = 24;
    config.biosignals_cfg.num_temporal_layers = 2;
    config.biosignals_cfg.transformer_layers = 1;
    config.biosignals_cfg.transformer_heads = 4;
    config.biosignals_cfg.decoder_tokens = 5;
    config.text_cfg.vocab_size = 90;
    config.text_cfg.heads = 4;
    config.multimodal_cfg.layers = 3;
    config.multimodal_cfg.heads = 8;
    let weights = Weights::initial_parts(&config, &ModelParts::all(&config.biosignals_cfg), 4);
    config.write(&folder.join("config.json")).unwrap();
    let checkpoint = folder.join("weights.safetensors");
    weights.write(&checkpoint).unwrap();

    let mut random = Pcg64Mcg::seed_from_u64(8);
    let samples: Vec<f32> = (0..2 * 19_200).map(|_| random.random_range(-1.0..1.0)).collect();
    let ids = |text: &[i64]| [text, &[0; 256][text.len()..]].concat();
    let texts = [ids(&[88, 5, 6, 89]), ids(&[88, 0, 7, 8, 89]), ids(&[88; 256])];
    write(
        &folder.join("inputs.safetensors"),
        &[
            ("signals", &[2, 10, 1920], bytes(&samples)),
            (
                "token_ids",
                &[3, 256],
                texts.concat().iter().flat_map(|id| id.to_le_bytes()).collect(),
            ),
            (
                "channel_indices",
                &[2, 2],
                [1i64, -1, 4, 0].iter().flat_map(|id| id.to_le_bytes()).collect(),
            ),
        ],
    );
    let model: SleepLm<Flex> = weights.to_model(&config, &Device::<Flex>::default()).unwrap();
    let input = TensorData::new(samples, [2, 10, 1920]);
    let input = Tensor::from_data(input, &Device::<Flex>::default());
    let signal = model.biosignals.forward(input, &mut Dropout::off());
    let text = model.text.forward(&TokenBatch::new(&texts, 256));
    let map = signal.attention_map(10);
    write(
        &folder.join("outputs.safetensors"),
        &[
            ("attention", &map.dims(), map.into_data().bytes.to_vec()),
            ("signal_embedding", &[2, 24], normalize(signal.embedding).into_data().bytes.to_vec()),
            ("text_embedding", &[3, 24], normalize(text.embedding).into_data().bytes.to_vec()),
        ],
    );
    checkpoint
}

fn bytes(values: &[f32]) -> Vec<u8> {
    values.iter().flat_map(|value| value.to_le_bytes()).collect()
}

fn write(path: &Path, tensors: &[(&str, &[usize], Vec<u8>)]) {
    let views = tensors.iter().map(|(name, shape, bytes)| {
        let kind = if bytes.len() == 8 * shape.iter().product::<usize>() {
            Dtype::I64
        } else {
            Dtype::F32
        };
        (*name, TensorView::new(kind, shape.to_vec(), bytes).unwrap())
    });
    std::fs::write(path, safetensors::serialize(views, None).unwrap()).unwrap();
}

fn failures(report: &ParityReport) -> Vec<(ParityRuntime, &str)> {
    report.failures().collect()
}

#[test]
fn every_tensor_of_the_reference_is_reproduced() {
    let folder = require!(fixtures());
    let report = parity(&folder.join(CHECKPOINT), &folder, optional_runtime()).unwrap();
    assert_eq!(failures(&report), [], "{}", report.summary());
    assert_eq!(report.absent, [""; 0]);
    let count = |file: &str| report.rows.iter().filter(|row| row.file == file).count();
    for (file, rows) in [
        ("outputs.safetensors", 26),
        ("meta.json", 15),
        ("generation_eos.json", 71),
        ("train.safetensors", 142),
        ("train.json", 358),
    ] {
        assert_eq!(count(file), rows, "{file}");
    }
}

#[test]
fn compares_folders_with_another_configuration() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoint = another_folder(folder.path());
    let report = parity(&checkpoint, folder.path(), optional_runtime()).unwrap();
    assert_eq!(failures(&report), [], "{}", report.summary());
    assert_eq!(report.rows.len(), 3);
}

#[test]
fn a_tensor_that_is_not_computed_fails() {
    let folder = require!(fixtures());
    let copy = tempfile::tempdir().unwrap();
    for name in ["config.json", "inputs.safetensors"] {
        std::fs::copy(folder.join(name), copy.path().join(name)).unwrap();
    }
    let tensor = |name: &'static str| (name, [1, 1].as_slice(), bytes(&[100.0]));
    let tensors = [tensor("sig.block0.unknown"), tensor("signal_embedding")];
    write(&copy.path().join("outputs.safetensors"), &tensors);
    let report = parity(&folder.join(CHECKPOINT), copy.path(), None).unwrap();
    let trainer = ParityRuntime::Trainer;
    assert_eq!(failures(&report), [(trainer, "sig.block0.unknown"), (trainer, "signal_embedding")]);
    assert_eq!(report.rows[0].outcomes[&trainer], ComparisonOutcome::NotComputed);
    assert_eq!(
        report.summary(),
        "2 of 2 comparisons of trainer fail, the first `sig.block0.unknown` of trainer"
    );
    let absent = ["meta.json", "generation_eos.json", "train.safetensors", "train.json"];
    assert_eq!(report.absent, absent);
}

#[test]
fn the_program_exits_with_1_if_a_row_fails() {
    let folder = tempfile::tempdir().unwrap();
    let checkpoint = another_folder(folder.path());
    let run = |format: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nocturne-train"));
        command.arg("parity").arg(&checkpoint).arg("--fixtures").arg(folder.path());
        let output = command.arg("--without-onnxruntime").args(format).output().unwrap();
        let text = |bytes| String::from_utf8(bytes).unwrap();
        (output.status.code(), text(output.stdout), text(output.stderr))
    };
    let (code, table, notes) = run(&["--json"]);
    let table: serde_json::Value = serde_json::from_str(&table).unwrap();
    assert_eq!((code, table["rows"].as_array().unwrap().len()), (Some(0), 3), "{notes}");
    assert_eq!(table["rows"][1]["outcomes"]["trainer"]["compared"]["passes"], true);
    assert!(
        notes.ends_with("all 3 comparisons of trainer are within their tolerance\n"),
        "{notes}"
    );

    write(&folder.path().join("outputs.safetensors"), &[("unknown", &[1, 1], bytes(&[1.0]))]);
    let (code, table, notes) = run(&[]);
    assert_eq!(code, Some(1));
    assert!(table.ends_with("not computed FAIL\n"), "{table}");
    let last = notes.lines().last().unwrap();
    assert_eq!(last, "1 of 1 comparisons of trainer fail, the first `unknown` of trainer");
}
