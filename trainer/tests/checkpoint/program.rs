//! `nocturne-train import` and `inspect` on the command line.

use std::path::Path;
use std::process::{Command, Output};

use nocturne_encoder::Bundle;
use nocturne_psg::ZScore;
use nocturne_testing::require;
use nocturne_trainer::{BundleFacts, ModelConfig, Preset, Weights, write_bundle};

use crate::checkpoint::archive::checkpoint;
use crate::checkpoint::pickle::Pickle;
use crate::checkpoint::{shared, torch};

fn import(arguments: &[&Path]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nocturne-train"));
    command.arg("import").args(arguments).output().unwrap()
}

/// Returns the error output of a run that must fail.
fn failure(arguments: &[&Path]) -> String {
    let output = import(arguments);
    assert_eq!(output.status.code(), Some(1));
    assert!(output.stdout.is_empty());
    String::from_utf8(output.stderr).unwrap()
}

fn success(arguments: &[&Path]) -> String {
    let output = import(arguments);
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(0), "{stderr}");
    stderr
}

#[test]
fn a_checkpoint_becomes_the_bundle_of_its_weights() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    let (config, file, out) = (Preset::Tiny.config(), path("x.pt"), path("bundle"));
    let weights = Weights::initial(&config, 5);
    std::fs::write(&file, torch::bytes(weights.iter())).unwrap();
    let stderr = success(&[&file, Path::new("--out"), &out]);
    assert!(stderr.contains("PyTorch's zip archive, "), "{stderr}");
    assert!(
        stderr.contains("under `state_dict`\n  removed the prefix `module.` from the names"),
        "{stderr}"
    );
    assert!(stderr.contains("ignored: epoch, 7"), "{stderr}");
    let facts = BundleFacts {
        name: "bundle".to_owned(),
        z_score: ZScore::Recording,
        data: String::new(),
        licence: String::new(),
        command: String::new(),
    };
    let direct = write_bundle(&path("direct"), &weights, &config, None, &facts).unwrap();
    let fingerprint = |folder: &Path| Bundle::open(folder).unwrap().fingerprint().to_owned();
    assert_eq!(fingerprint(&out), direct.fingerprint());

    let stderr = failure(&[&file, Path::new("--out"), &out]);
    assert!(stderr.contains("bundle` already exists"), "{stderr}");
    // A bundle is replaced without leaving other files beside it; a trailing slash in its path makes no difference.
    let other = Weights::initial(&config, 6);
    std::fs::write(&file, torch::bytes(other.iter())).unwrap();
    let with_slash = format!("{}/", out.display());
    success(&[&file, Path::new("--out"), Path::new(&with_slash), Path::new("--force")]);
    assert_ne!(fingerprint(&out), direct.fingerprint());
    let mut left: Vec<_> =
        folder.path().read_dir().unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["bundle", "direct", "x.pt"]);

    let precious = path("precious");
    std::fs::create_dir(&precious).unwrap();
    let stderr = failure(&[&file, Path::new("--out"), &precious, Path::new("--force")]);
    assert!(
        stderr.contains("precious` is not a bundle; only a bundle can be replaced"),
        "{stderr}"
    );
    assert!(precious.is_dir());
}

#[test]
fn writes_weights_and_configuration() {
    let file = require!(shared("model_checkpoint.pt"));
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("weights.safetensors");
    success(&[&file, Path::new("--weights"), &path]);
    assert_eq!(Weights::read(&path).unwrap().iter().count(), 183);
    let written = ModelConfig::read(&folder.path().join("config.json")).unwrap();
    assert_eq!(written, ModelConfig::read(&shared("config.json").unwrap()).unwrap());
    // The configuration next to the checkpoint may be the published one.
    std::fs::remove_file(&path).unwrap();
    let stderr = failure(&[&file, Path::new("--weights"), &path]);
    assert!(stderr.contains("config.json` already exists"), "{stderr}");
    success(&[&file, Path::new("--weights"), &path, Path::new("--force")]);
}

#[test]
fn rejects_other_vocabularies_before_writing() {
    let file = require!(shared("model_checkpoint.pt"));
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("bundle");
    let stderr = failure(&[&file, Path::new("--out"), &out]);
    assert!(
        stderr.contains(
            "error: the configuration's `text_cfg.vocab_size` is `512`; \
             expected 49408, the size of CLIP's vocabulary, which bundles use"
        ),
        "{stderr}"
    );
    assert_eq!(folder.path().read_dir().unwrap().count(), 0);
}

#[test]
fn rejects_code_in_a_checkpoint_with_a_hint() {
    let folder = tempfile::tempdir().unwrap();
    let (file, out) = (folder.path().join("x.pt"), folder.path().join("bundle"));
    let mut pickle = Pickle::new();
    pickle.global("posix", "system").raw(b"(").text("true").raw(b"tR");
    std::fs::write(&file, checkpoint(&pickle.stop(), &[])).unwrap();
    let stderr = failure(&[&file, Path::new("--out"), &out]);
    assert_eq!(
        stderr,
        format!(
            "error: `{}` refers to `posix.system`, which weights do not need; nothing was executed\n\n\
             hint: do not load it with PyTorch either, unless you trust its author; \
             ask for its `state_dict()` as safetensors\n",
            file.display()
        )
    );
    assert!(!out.exists());
}

#[test]
fn contents_are_listed_with_sums_and_hashes() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("x.pt");
    let weights = Weights::initial(&Preset::Tiny.config(), 5);
    std::fs::write(&file, torch::bytes(weights.iter())).unwrap();
    let inspect = |json: bool| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_nocturne-train"));
        command.arg("inspect").arg(&file).args(json.then_some("--json"));
        String::from_utf8(command.output().unwrap().stdout).unwrap()
    };
    let json: serde_json::Value = serde_json::from_str(&inspect(true)).unwrap();
    assert_eq!((&json["key"], &json["prefix"]), (&"state_dict".into(), &"module.".into()));
    let tensors = json["tensors"].as_array().unwrap();
    assert_eq!(tensors.len(), weights.iter().count());
    for (tensor, (name, expected)) in tensors.iter().zip(weights.iter()) {
        assert_eq!((&tensor["name"], &tensor["element"]), (&name.into(), &"float32".into()));
        assert_eq!(tensor["shape"], serde_json::json!(expected.shape), "{name}");
        let sum: f64 = expected.values.iter().map(|value| f64::from(*value)).sum();
        assert_eq!(tensor["sum"].as_f64(), Some(sum), "{name}");
    }
    let table = inspect(false);
    assert!(table.contains("the weights are under `state_dict`"), "{table}");
    assert!(table.contains("biosignals.patching.conv_patching.weight"), "{table}");
}
