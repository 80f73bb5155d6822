//! The whole model against what the published code computed.

#![expect(clippy::print_stdout, reason = "a test that is skipped says so")]

use std::path::{Path, PathBuf};

use nocturne_trainer::parity::{Outcome, Report, Runtime, parity};

const CHECKPOINT: &str = "model_checkpoint.pt";

/// Returns the folder of fixtures, or says that the test is skipped.
fn fixtures() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared/goldens/tiny");
    if folder.join(CHECKPOINT).exists() {
        return Some(folder);
    }
    println!("skipped: no `{}`", folder.join(CHECKPOINT).display());
    None
}

fn failures(report: &Report) -> Vec<(Runtime, &str)> {
    report.failures().collect()
}

#[test]
fn everything_that_the_reference_has_written_down_is_computed_here() {
    let Some(folder) = fixtures() else { return };
    let runtime = nocturne_encoder::Runtime::load(None).ok();
    if runtime.is_none() {
        println!("skipped in part: no ONNX Runtime; `cargo xtask setup` gets it");
    }
    let report = parity(&folder.join(CHECKPOINT), &folder, runtime).unwrap();
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
fn a_tensor_that_nothing_computes_fails() {
    let Some(folder) = fixtures() else { return };
    let copy = tempfile::tempdir().unwrap();
    for name in ["config.json", "inputs.safetensors"] {
        std::fs::copy(folder.join(name), copy.path().join(name)).unwrap();
    }
    let value = 1f32.to_le_bytes();
    let tensor = |name: &'static str| {
        let view =
            safetensors::tensor::TensorView::new(safetensors::Dtype::F32, vec![1, 1], &value);
        (name, view.unwrap())
    };
    let bytes =
        safetensors::serialize([tensor("sig.block0.unheard_of"), tensor("signal_embedding")], None);
    std::fs::write(copy.path().join("outputs.safetensors"), bytes.unwrap()).unwrap();
    let report = parity(&folder.join(CHECKPOINT), copy.path(), None).unwrap();
    let trainer = Runtime::Trainer;
    assert_eq!(
        failures(&report),
        [(trainer, "sig.block0.unheard_of"), (trainer, "signal_embedding")]
    );
    assert_eq!(report.rows[0].outcomes[&trainer], Outcome::NotComputed);
    assert_eq!(
        report.summary(),
        "2 of 2 comparisons fail, the first `sig.block0.unheard_of` of the trainer"
    );
    let absent = ["meta.json", "generation_eos.json", "train.safetensors", "train.json"];
    assert_eq!(report.absent, absent);
}
