//! `nocturne caption` without a captioner; the trainer tests generated captions, because it writes bundles with a
//! captioner.

use std::collections::BTreeSet;

use nocturne_simulator::{NightSpec, Site};
use nocturne_testing::{onnx_runtime, require};

use crate::program::{root, run, text};

#[test]
fn bundle_without_a_captioner_is_named() {
    require!(onnx_runtime());
    let bundle = root().join("models/nocturne-tiny");
    assert!(!bundle.join("caption.onnx").is_file(), "this test needs a bundle without a captioner");
    let bundle = text(&bundle);
    let generated = ["caption", "/nowhere.edf", "--epoch", "0", "--source", "generated"];
    let run = run(generated.iter().chain(&["--bundle", bundle])).expect_code(1);
    let expected = format!("`{bundle}` has no captioner: its files do not include `caption.onnx`");
    assert_eq!(run.error(), expected);
    assert!(run.stderr.contains("`--source rules`"), "{}", run.stderr);
}

#[test]
fn measured_and_scored_captions_need_no_captioner_and_no_runtime() {
    let folder = tempfile::tempdir().unwrap();
    let spec = NightSpec { seed: 5, night: 1, hours: 0.3, site: Some(Site::Plain) };
    let night = nocturne_simulator::simulate(&spec).write(folder.path()).unwrap();
    let path = text(&night.recording);
    let lines = run(["caption", path, "--epoch", "20", "--source", "rules", "--json"])
        .expect_code(0)
        .json_lines();
    let sources: BTreeSet<&str> =
        lines.iter().map(|line| line["source"].as_str().unwrap()).collect();
    assert_eq!(sources, BTreeSet::from(["measured", "scored"]));
    assert_eq!(lines.len(), 5, "{lines:?}");
    for line in &lines {
        assert_eq!(line["epoch"], 20);
        assert!(!line["text"].as_str().unwrap().is_empty(), "{line}");
        let is_scored = line["about"] == "stage_event";
        assert_eq!(line["source"] == "scored", is_scored, "{line}");
        assert!(line["finish_reason"].is_null(), "{line}");
    }
    // Without annotations there is nothing scored.
    std::fs::remove_file(&night.scoring).unwrap();
    let run = run(["caption", path, "--epoch", "20", "--source", "rules"]).expect_code(0);
    assert!(
        run.stdout.contains("(measured)") && !run.stdout.contains("(scored)"),
        "{}",
        run.stdout
    );
}

#[test]
fn decoding_options_out_of_range_are_rejected_before_the_recording_is_read() {
    require!(onnx_runtime());
    let check = |arguments: &[&str], code, expected: &str| {
        let base = ["caption", "/nowhere.edf", "--epoch", "3"];
        let run = run(base.iter().chain(arguments)).expect_code(code);
        assert!(run.error().contains(expected), "{}", run.error());
    };
    check(&["--beams", "99"], 1, "`beams` is 99; expected 1 to 32");
    check(&["--top-p", "1.5"], 1, "`top_p` is 1.5; expected a number above 0, at most 1");
    check(&["--max-length", "1000"], 1, "`max_length` is 1000; expected 2 to 256");
    check(&["--beams", "2", "--top-k", "4"], 2, "cannot be used with");
    check(&["--about", "none"], 2, "expected `all` or a list of kinds");
    check(&["--about", "mood"], 2, "`mood` is not a kind of caption");
    check(&["--epoch", "7-2"], 2, "cannot be used multiple times");
}
