//! The shipped bundle at reduced precision: file sizes and the error of its embeddings.

use std::path::Path;

use nocturne_encoder::bundle::SIGNAL_TOWER;
use nocturne_encoder::runtime::Runtime;
use nocturne_encoder::{BatchOptions, Bundle, Device, SignalEncoder};
use nocturne_testing::require;
use nocturne_trainer::onnx::GraphPrecision;
use nocturne_trainer::{Error, reduce_bundle};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

use crate::support::runtime;

fn shipped() -> Bundle {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/nocturne-tiny");
    Bundle::open(&folder).unwrap()
}

fn reduced(folder: &Path, precision: GraphPrecision, runtime: Runtime) -> Bundle {
    reduce_bundle(&shipped(), &folder.join("reduced"), precision, runtime).unwrap()
}

fn length(bundle: &Bundle) -> u64 {
    std::fs::metadata(bundle.file(SIGNAL_TOWER)).unwrap().len()
}

/// Checks the minimum cosines to 32-bit floats in the manifest, and the size of the signal tower relative to theirs.
fn check(precision: GraphPrecision, cosine: f32, length_ratio: f64) {
    let folder = tempfile::tempdir().unwrap();
    let runtime = require!(runtime());
    let (shipped, bundle) = (shipped(), reduced(folder.path(), precision, runtime));
    let reported = bundle.manifest().precision.clone().unwrap();
    assert_eq!(reported.name, precision.name());
    for agreement in [reported.signal, reported.text] {
        assert!(agreement.cosine_min >= cosine, "{agreement:?}");
        assert!(agreement.cosine_mean >= agreement.cosine_min, "{agreement:?}");
        assert!(agreement.cosine_mean <= 1.000001, "{agreement:?}");
    }
    assert_ne!(bundle.fingerprint(), shipped.fingerprint());
    let ratio = length(&bundle) as f64 / length(&shipped) as f64;
    assert!(ratio < length_ratio, "{ratio}");
}

#[test]
fn fp16_halves_the_files_and_keeps_the_vectors() {
    check(GraphPrecision::Fp16, 0.999999, 0.55);
}

#[test]
fn bf16_is_less_exact() {
    check(GraphPrecision::Bf16, 0.9999, 0.55);
}

#[test]
fn int8_nearly_keeps_the_vectors() {
    check(GraphPrecision::Int8, 0.9995, 0.4);
}

#[test]
fn int8_vectors_do_not_depend_on_the_batch() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = require!(runtime());
    let bundle = reduced(folder.path(), GraphPrecision::Int8, runtime);
    let options = BatchOptions::default();
    let mut encoder = SignalEncoder::open(runtime, &bundle, Device::Cpu, options).unwrap();
    let mut random = Pcg64Mcg::seed_from_u64(12);
    let quiet: Vec<f32> = (0..19_200).map(|_| random.random_range(-1.0..1.0)).collect();
    let loud: Vec<f32> = quiet.iter().map(|sample| sample * 50.0).collect();
    let alone = encoder.encode_inputs(&quiet).unwrap();
    let both = encoder.encode_inputs(&[quiet, loud].concat()).unwrap();
    assert!(alone[0].cosine(&both[0]) > 0.999999, "{}", alone[0].cosine(&both[0]));
}

#[test]
fn rejects_an_existing_folder() {
    let folder = tempfile::tempdir().unwrap();
    let runtime = require!(runtime());
    let error =
        reduce_bundle(&shipped(), folder.path(), GraphPrecision::Fp16, runtime).unwrap_err();
    assert!(matches!(error, Error::Exists { .. }), "{error}");
}
