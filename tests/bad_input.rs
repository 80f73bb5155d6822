//! Bad input gives one error message and the right exit code, and loses nothing.

use std::path::Path;

use nocturne_testing::{onnx_runtime, require};

use crate::cohort::cohort;
use crate::program::{root, run, text};

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let path = entry.unwrap().path();
        let target = to.join(path.file_name().unwrap());
        if path.is_dir() {
            copy(&path, &target);
        } else {
            std::fs::copy(&path, &target).unwrap();
        }
    }
}

#[test]
fn missing_folder_is_named() {
    let run = run(["index", "/nowhere/nights", "-c", "/nowhere/c"]).expect_code(1);
    assert_eq!(
        run.error(),
        "cannot list `/nowhere/nights`: No such file or directory (os error 2)"
    );
}

#[test]
fn folder_without_recordings_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let run =
        run(["index", text(folder.path()), "-c", text(&folder.path().join("c"))]).expect_code(1);
    assert!(
        run.error().contains("no recording in `")
            && run.error().contains("expected files that end in"),
        "{}",
        run.error()
    );
}

#[test]
fn bad_file_is_skipped_and_reported() {
    require!(onnx_runtime());
    let folder = tempfile::tempdir().unwrap();
    let (nights, collection) = (folder.path().join("nights"), folder.path().join("collection"));
    run(["simulate", "--out", text(&nights), "--nights", "2", "--hours", "0.2"]).expect_code(0);
    let whole = std::fs::read(nights.join("night-0001.edf")).unwrap();
    std::fs::write(nights.join("night-0001.edf"), &whole[..700]).unwrap();
    std::fs::write(nights.join("notes.edf"), "these are notes").unwrap();
    let run = run(["index", text(&nights), "-c", text(&collection), "--json"]).expect_code(3);
    let lines = run.json_lines();
    let failed: Vec<_> = lines.iter().filter(|line| line["event"] == "failed").collect();
    assert_eq!(failed.len(), 2);
    assert!(failed[0]["error"].as_str().unwrap().contains("ends after 700 bytes"), "{failed:?}");
    let summary = lines.last().unwrap();
    assert_eq!(summary["acknowledged"], 1);
    assert_eq!(summary["failed"].as_array().unwrap().len(), 2);
}

#[test]
fn folder_without_a_bundle_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let empty = text(folder.path());
    let run = run(["search", "sleep", "-c", empty, "--bundle", empty]).expect_code(1);
    assert_eq!(run.error(), format!("`{empty}` is not a model bundle: it has no `bundle.toml`"));
}

#[test]
fn changed_tower_is_rejected_by_the_command_that_uses_it() {
    let cohort = require!(cohort());
    let (nights, collection) = (text(&cohort.nights), text(&cohort.collection));
    for (tower, arguments) in [
        ("text.onnx", ["search", "sleep", "-c", collection]),
        ("signal.onnx", ["index", nights, "-c", collection]),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let bundle = folder.path().join("bundle");
        copy(&root().join("models/nocturne-tiny"), &bundle);
        let path = bundle.join(tower);
        let mut bytes = std::fs::read(&path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        std::fs::write(&path, bytes).unwrap();
        let run = run(arguments.iter().chain(&["--bundle", text(&bundle)])).expect_code(1);
        assert!(run.error().contains(&format!("{tower}` has the SHA-256")), "{}", run.error());
    }
}

#[test]
fn collection_of_another_bundle_is_rejected_and_not_changed() {
    let cohort = require!(cohort());
    let folder = tempfile::tempdir().unwrap();
    let bundle = folder.path().join("bundle");
    copy(&root().join("models/nocturne-tiny"), &bundle);
    // The same towers on differently scaled signals give different vectors, so this is a different bundle.
    let manifest = bundle.join("bundle.toml");
    let changed = std::fs::read_to_string(&manifest)
        .unwrap()
        .replace("z_score = \"epoch\"", "z_score = \"recording\"");
    std::fs::write(&manifest, changed).unwrap();
    for arguments in [
        &["search", "sleep", "-c", text(&cohort.collection), "--bundle", text(&bundle)][..],
        &["index", text(&cohort.nights), "-c", text(&cohort.collection), "--bundle", text(&bundle)],
    ] {
        let run = run(arguments).expect_code(1);
        assert!(run.error().contains("was filled with the bundle"), "{}", run.error());
    }
    run(["search", "sleep", "-c", text(&cohort.collection)]).expect_code(0);
}

#[test]
fn damaged_segment_is_named_and_its_recording_is_skipped() {
    let cohort = require!(cohort());
    let folder = tempfile::tempdir().unwrap();
    let collection = folder.path().join("collection");
    copy(&cohort.collection, &collection);
    let segment =
        std::fs::read_dir(collection.join("segments")).unwrap().next().unwrap().unwrap().path();
    let mut bytes = std::fs::read(&segment).unwrap();
    // One bit of every page after the header, because a search reads only some of the pages.
    bytes.iter_mut().skip(4096).step_by(4096).for_each(|byte| *byte ^= 0x10);
    std::fs::write(&segment, bytes).unwrap();
    let run = run(["search", "sleep", "-c", text(&collection), "--json"]).expect_code(0);
    assert!(run.stderr.contains(".seg` is damaged at byte"), "{}", run.stderr);
    let answer: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    let missing = answer["missing"].as_array().unwrap();
    assert_eq!(missing.len(), 1);
    let hits = answer["hits"].as_array().unwrap();
    assert!(!hits.is_empty() && hits.iter().all(|hit| hit["recording"] != missing[0]));
}

#[test]
fn indexing_again_repairs_damaged_segments() {
    let cohort = require!(cohort());
    let folder = tempfile::tempdir().unwrap();
    let collection = folder.path().join("collection");
    copy(&cohort.collection, &collection);
    let segments: Vec<_> = std::fs::read_dir(collection.join("segments"))
        .unwrap()
        .map(|s| s.unwrap().path())
        .collect();
    let whole = std::fs::read(&segments[0]).unwrap();
    std::fs::write(&segments[0], &whole[..whole.len() / 2]).unwrap();
    std::fs::remove_file(&segments[1]).unwrap();
    let index = || run(["index", text(&cohort.nights), "-c", text(&collection), "--json"]);
    let lines = index().expect_code(0).json_lines();
    assert_eq!(lines.iter().filter(|line| line["event"] == "damaged").count(), 2);
    assert_eq!(lines.last().unwrap()["acknowledged"], 2);
    assert_eq!(std::fs::read(&segments[0]).unwrap(), whole);
    let lines = index().expect_code(0).json_lines();
    assert_eq!(lines.last().unwrap()["acknowledged"], 0);
    run(["search", "deep sleep", "-c", text(&collection)]).expect_code(0);
}

#[test]
fn folder_without_a_collection_is_named() {
    require!(onnx_runtime());
    let folder = tempfile::tempdir().unwrap();
    let run = run(["search", "sleep", "-c", text(folder.path())]).expect_code(1);
    assert!(run.error().ends_with("is not a collection: it has no manifest"), "{}", run.error());
}

#[test]
fn unknown_recording_and_epoch_are_named() {
    let cohort = require!(cohort());
    let collection = text(&cohort.collection);
    let unknown =
        run(["search", "sleep", "-c", collection, "--recording", "night-9999"]).expect_code(1);
    assert_eq!(unknown.error(), "the collection has no recording `night-9999`");
    let beyond = run(["search", "--like", "night-0001:99999", "-c", collection]).expect_code(1);
    let expected =
        "the collection has no epoch `night-0001:99999`; that recording has 240 epochs, 0 to 239";
    assert_eq!(beyond.error(), expected);
    run(["search", "--like", "night-0001", "-c", collection]).expect_code(2);
}

#[test]
fn missing_runtime_is_named_with_a_hint() {
    let mut command = crate::program::nocturne(["search", "sleep", "-c", "/nowhere"]);
    let output = command.env("ORT_DYLIB_PATH", "/nowhere/libonnxruntime.so").output().unwrap();
    let stderr = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stderr.contains(
            "error: the ONNX Runtime library `/nowhere/libonnxruntime.so` does not exist"
        ),
        "{stderr}"
    );
    assert!(stderr.contains("hint: run `cargo xtask setup`"), "{stderr}");
}

#[test]
fn cuda_fails_if_it_is_not_available() {
    require!(onnx_runtime());
    // The error cannot be tested on a machine with a GPU.
    if Path::new("/dev/nvidia0").exists() {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let nights = folder.path().join("nights");
    run(["simulate", "--out", text(&nights), "--nights", "1", "--hours", "0.1"]).expect_code(0);
    let collection = folder.path().join("c");
    let run =
        run(["index", text(&nights), "-c", text(&collection), "--device", "cuda"]).expect_code(1);
    assert!(run.error().starts_with("cannot use a CUDA device: "), "{}", run.error());
}
