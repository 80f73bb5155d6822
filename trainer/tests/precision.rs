//! The shipped bundle in fewer bits: how large it is, and how far its vectors move.

#![expect(clippy::unwrap_used, reason = "a helper of a test may fail it")]
#![expect(clippy::print_stdout, reason = "a test that is skipped says so")]

use std::path::Path;

use nocturne_encoder::bundle::SIGNAL_TOWER;
use nocturne_encoder::runtime::Runtime;
use nocturne_encoder::{BatchOptions, Bundle, Device, SignalEncoder};
use nocturne_trainer::onnx::Precision;
use nocturne_trainer::{Error, reduce_bundle};
use rand::{RngExt, SeedableRng};
use rand_pcg::Pcg64Mcg;

/// Returns the runtime, or says that the test is skipped.
fn runtime() -> Option<Runtime> {
    let loaded = Runtime::load(None).ok();
    if loaded.is_none() {
        println!("skipped: no ONNX Runtime; `cargo xtask setup` gets it");
    }
    loaded
}

fn shipped() -> Bundle {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../models/nocturne-tiny");
    Bundle::open(&folder).unwrap()
}

fn reduced(folder: &Path, precision: Precision, runtime: Runtime) -> Bundle {
    reduce_bundle(&shipped(), &folder.join("reduced"), precision, runtime).unwrap()
}

fn length(bundle: &Bundle) -> u64 {
    std::fs::metadata(bundle.file(SIGNAL_TOWER)).unwrap().len()
}

/// Checks the least cosines to 32-bit floats that the manifest tells, and the length of the signal tower over theirs.
fn check(precision: Precision, cosine: f32, length_ratio: f64) {
    let folder = tempfile::tempdir().unwrap();
    let Some(runtime) = runtime() else { return };
    let (shipped, bundle) = (shipped(), reduced(folder.path(), precision, runtime));
    let told = bundle.manifest().precision.clone().unwrap();
    assert_eq!(told.name, precision.name());
    for agreement in [told.signal, told.text] {
        assert!(agreement.cosine_min >= cosine, "{agreement:?}");
        assert!(agreement.cosine_mean >= agreement.cosine_min, "{agreement:?}");
        assert!(agreement.cosine_mean <= 1.000001, "{agreement:?}");
    }
    assert_ne!(bundle.fingerprint(), shipped.fingerprint());
    assert_eq!(bundle.manifest().calibration, shipped.manifest().calibration);
    let ratio = length(&bundle) as f64 / length(&shipped) as f64;
    assert!(ratio < length_ratio, "{ratio}");
}

#[test]
fn sixteen_bits_keep_the_vectors_and_halve_the_files() {
    check(Precision::Fp16, 0.999999, 0.55);
}

#[test]
fn bf16_keeps_less_of_each_number() {
    check(Precision::Bf16, 0.9999, 0.55);
}

#[test]
fn int8_keeps_the_vectors_nearly() {
    check(Precision::Int8, 0.9995, 0.4);
}

#[test]
fn int8_vectors_do_not_depend_on_the_batch() {
    let folder = tempfile::tempdir().unwrap();
    let Some(runtime) = runtime() else { return };
    let bundle = reduced(folder.path(), Precision::Int8, runtime);
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
fn refuses_a_folder_that_is_there() {
    let folder = tempfile::tempdir().unwrap();
    let Some(runtime) = runtime() else { return };
    let error = reduce_bundle(&shipped(), folder.path(), Precision::Fp16, runtime).unwrap_err();
    assert!(matches!(error, Error::Exists { .. }), "{error}");
}
