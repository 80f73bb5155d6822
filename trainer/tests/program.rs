//! Exit codes and messages of `nocturne-train`.

use std::process::{Command, Output};

fn run(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_nocturne-train")).args(arguments).output().unwrap()
}

fn check_error(arguments: &[&str], code: i32, expected: &str) {
    let output = run(arguments);
    assert_eq!(output.status.code(), Some(code), "{arguments:?}");
    assert!(output.stdout.is_empty());
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.starts_with(expected), "{message}");
}

#[test]
fn wrong_usage_exits_with_2() {
    check_error(
        &["train", "--data", "d", "--out", "o"],
        2,
        "error: the following required arguments were not provided",
    );
    check_error(
        &["train", "--preset", "huge", "--data", "d", "--out", "o"],
        2,
        "error: invalid value 'huge' for '--preset <NAME>': \
         `huge` is not a preset; expected `tiny`, `small` or `base`",
    );
}

#[test]
fn failure_exits_with_1() {
    let folder = tempfile::tempdir().unwrap();
    let data = folder.path().to_str().unwrap();
    let out = folder.path().join("run");
    check_error(
        &["train", "--preset", "tiny", "--data", data, "--out", out.to_str().unwrap()],
        1,
        &format!("error: cannot read `{data}/set.json`: No such file or directory"),
    );
    assert!(!out.exists());
}

#[test]
fn unreadable_recordings_are_reported() {
    let folder = tempfile::tempdir().unwrap();
    let recording = folder.path().join("broken.edf");
    std::fs::write(&recording, "0       ").unwrap();
    let out = folder.path().join("set");
    let output = run(&[
        "prepare",
        recording.to_str().unwrap(),
        "--out",
        out.to_str().unwrap(),
        "--source",
        "a test",
        "--licence",
        "none",
    ]);
    assert_eq!(output.status.code(), Some(1));
    let message = String::from_utf8(output.stderr).unwrap();
    assert!(message.contains("skipped") && message.contains("broken.edf"), "{message}");
}
