//! Which module of a package may import which: imports go down, and there are no cycles.
//!
//! Tests inside a package are exempt: they may build what they test with anything.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::{find, root, shown};

/// A top-level module, and the modules of the same package that it may import.
type Layer = (&'static str, &'static [&'static str]);

/// For each package, its top-level modules from the ground up. A new import is a design change.
const LAYERS: [(&str, &[Layer]); 14] = [
    (
        "edf",
        &[
            ("quoted", &[]),
            ("format", &[]),
            ("durable", &[]),
            ("annotation", &[]),
            ("error", &["quoted", "format"]),
            ("warning", &["quoted", "format", "error"]),
            ("regular_file", &["error"]),
            ("header", &["format", "error", "warning", "regular_file"]),
            ("tal", &["annotation", "header"]),
            ("timeline", &["error", "warning"]),
            ("annotation_signals", &["annotation", "error", "header", "tal", "timeline"]),
            ("unwritten", &["error", "warning", "header"]),
            (
                "reader",
                &[
                    "annotation",
                    "error",
                    "warning",
                    "regular_file",
                    "header",
                    "timeline",
                    "annotation_signals",
                    "unwritten",
                ],
            ),
            ("writer", &["durable", "annotation", "error", "header", "tal"]),
            ("deidentify", &["durable", "error", "header", "tal", "reader"]),
            ("test_files", &["header"]),
        ],
    ),
    (
        "psg",
        &[
            ("error", &[]),
            ("warning", &[]),
            ("sleep", &[]),
            ("statistics", &["sleep"]),
            ("dsp", &[]),
            ("regular_file", &["error"]),
            ("hash", &["error", "regular_file"]),
            ("compared_name", &[]),
            (
                "annotation",
                &[
                    "error",
                    "warning",
                    "regular_file",
                    "hash",
                    "compared_name",
                    "sleep",
                    "statistics",
                ],
            ),
            ("deidentify", &["error", "annotation"]),
            (
                "montage",
                &["error", "warning", "regular_file", "compared_name", "sleep", "annotation"],
            ),
            ("hypnogram_signal", &["error", "warning", "annotation", "montage"]),
            (
                "recording",
                &["error", "warning", "sleep", "annotation", "montage", "hypnogram_signal"],
            ),
            ("night", &["error", "warning", "sleep", "dsp", "montage", "recording"]),
            ("features", &["sleep", "dsp", "night"]),
            ("signal_rules", &["sleep", "recording", "night", "features"]),
            ("night_statistics", &["sleep", "statistics", "recording", "night", "signal_rules"]),
            ("caption", &["sleep", "features", "night"]),
            ("tables", &["error", "annotation"]),
            (
                "inspection",
                &[
                    "error",
                    "warning",
                    "hash",
                    "sleep",
                    "annotation",
                    "montage",
                    "recording",
                    "night",
                ],
            ),
        ],
    ),
    (
        "testing",
        &[
            ("resource", &[]),
            ("absent", &["resource"]),
            ("locate", &["absent", "resource"]),
            ("skip", &["absent", "locate", "resource"]),
        ],
    ),
    (
        "encoder",
        &[
            ("error", &[]),
            ("attention", &[]),
            ("memory", &[]),
            ("head", &[]),
            ("embedding", &["error"]),
            ("metrics", &["embedding"]),
            ("tokenizer", &["error"]),
            ("bundle", &["error"]),
            ("runtime", &["error"]),
            ("session", &["error", "runtime"]),
            ("graph", &["error", "runtime"]),
            ("tower", &["error", "embedding", "runtime", "session"]),
            (
                "signal",
                &["error", "attention", "memory", "embedding", "bundle", "runtime", "tower"],
            ),
            ("localisation", &["error", "embedding", "signal"]),
            ("text", &["error", "embedding", "tokenizer", "bundle", "runtime", "tower"]),
            ("caption", &["error", "memory", "tokenizer", "bundle", "runtime", "session"]),
            ("prompts", &["error", "embedding", "text"]),
            ("concept", &["error", "head", "prompts"]),
        ],
    ),
    (
        "index",
        &[
            ("vector", &[]),
            ("recording", &[]),
            ("filter", &["recording"]),
            ("error", &["recording", "filter"]),
            ("storage", &["vector", "recording", "filter", "error"]),
            ("contract", &["vector", "recording", "filter", "error", "storage"]),
            ("search", &["vector", "recording", "filter", "error", "storage", "contract"]),
            (
                "folder",
                &["vector", "recording", "filter", "error", "storage", "contract", "search"],
            ),
            ("qdrant", &["vector", "recording", "filter", "error", "storage", "contract"]),
            ("location", &["recording", "error", "contract", "folder", "qdrant"]),
            ("test_collection", &["recording", "storage", "contract", "search", "folder"]),
        ],
    ),
    (
        "concepts",
        &[
            ("error", &[]),
            ("registry", &["error"]),
            ("stages", &[]),
            ("night", &[]),
            ("calibration", &["error", "registry", "night"]),
            ("track", &["error", "registry", "stages", "calibration", "night"]),
        ],
    ),
    (
        "engine",
        &[
            ("grammar", &[]),
            ("error", &["grammar"]),
            ("options", &["error"]),
            ("model", &["error", "options"]),
            ("live", &["error", "options", "model"]),
            ("question", &["grammar", "error", "options", "model", "live"]),
            ("calibration", &["grammar", "error", "live", "question"]),
            ("engine", &["error", "options", "model", "live", "question", "calibration"]),
        ],
    ),
    (
        "indexer",
        &[
            ("error", &[]),
            ("shard", &[]),
            ("captions", &[]),
            ("options", &["captions"]),
            ("discover", &["error", "shard"]),
            ("recording_list", &["error", "discover"]),
            ("report", &["error"]),
            ("identical_files", &[]),
            ("reporter", &["report", "identical_files"]),
            ("read_recording", &["error", "captions", "options"]),
            ("encode", &["error", "captions", "read_recording"]),
            (
                "pipeline",
                &[
                    "error",
                    "options",
                    "discover",
                    "report",
                    "identical_files",
                    "reporter",
                    "read_recording",
                    "encode",
                ],
            ),
            (
                "backfill",
                &[
                    "error",
                    "shard",
                    "captions",
                    "discover",
                    "report",
                    "reporter",
                    "read_recording",
                    "encode",
                ],
            ),
        ],
    ),
    (
        "service",
        &[
            ("error", &[]),
            ("options", &[]),
            ("status", &[]),
            ("messages", &["status"]),
            ("grpc", &["options", "status", "messages"]),
            ("health", &["grpc"]),
            ("server", &["error", "options", "grpc", "health"]),
        ],
    ),
    (
        "eval",
        &[
            ("error", &[]),
            ("intervals", &[]),
            ("encoded_labels", &["error"]),
            ("stage_guesses", &["intervals"]),
            ("sample", &["error"]),
            ("scored_night", &["sample"]),
            ("night_reader", &["error", "sample", "scored_night"]),
            ("resampling", &["scored_night"]),
            ("neighbours", &["scored_night"]),
            (
                "measure",
                &[
                    "error",
                    "intervals",
                    "encoded_labels",
                    "stage_guesses",
                    "sample",
                    "scored_night",
                    "resampling",
                    "neighbours",
                ],
            ),
            ("evaluation", &["intervals", "measure", "resampling"]),
            ("not_judged", &["evaluation", "resampling"]),
            (
                "evaluator",
                &[
                    "error",
                    "intervals",
                    "encoded_labels",
                    "sample",
                    "scored_night",
                    "night_reader",
                    "resampling",
                    "measure",
                    "evaluation",
                    "not_judged",
                ],
            ),
        ],
    ),
    (
        "simulator",
        &[
            ("curve", &[]),
            ("error", &[]),
            ("filter", &[]),
            ("random", &[]),
            ("site", &[]),
            ("night_spec", &["site"]),
            ("subject", &["random"]),
            ("recorder", &["random", "site"]),
            ("plan", &["curve", "filter", "random", "site", "night_spec", "subject", "recorder"]),
            ("truth", &["error", "site", "subject", "recorder", "plan"]),
            ("render", &["curve", "filter", "random", "site", "recorder", "plan"]),
            ("scoring_xml", &["site", "plan", "truth"]),
            ("simulated_night", &["error", "site", "plan", "truth", "render", "scoring_xml"]),
            ("profile_format", &["simulated_night"]),
        ],
    ),
    (
        "qdrant-double",
        &[
            ("point", &[]),
            ("faults", &[]),
            ("filter", &["point"]),
            ("collection", &["point", "filter"]),
            ("store", &["collection"]),
            ("aliases", &["store"]),
            ("engine", &["faults", "store"]),
            ("services", &["engine"]),
            ("server", &["faults", "store", "engine"]),
        ],
    ),
    ("trainer", TRAINER),
    (".", PROGRAM),
];

const TRAINER: &[Layer] = &[
    ("error", &[]),
    ("host_tensor", &[]),
    ("parameters", &[]),
    ("positive_pairs", &[]),
    ("tokens", &[]),
    ("checkpoint", &["error", "host_tensor"]),
    ("kernels", &["parameters"]),
    ("config", &["error"]),
    ("model", &["config", "host_tensor", "kernels", "tokens"]),
    ("data", &["error", "model", "positive_pairs", "tokens"]),
    ("uncached_captioner", &["host_tensor", "kernels", "model", "tokens"]),
    ("weights", &["config", "error", "host_tensor", "model", "parameters"]),
    ("fewshot", &["data", "error"]),
    ("import", &["checkpoint", "config", "error", "weights"]),
    (
        "objective",
        &["host_tensor", "kernels", "model", "parameters", "positive_pairs", "tokens", "weights"],
    ),
    ("onnx", &["config", "error", "host_tensor", "kernels", "model", "tokens", "weights"]),
    ("optimizer", &["error", "host_tensor", "kernels", "parameters", "weights"]),
    ("bundle", &["config", "error", "host_tensor", "onnx", "tokens", "weights"]),
    (
        "parity",
        &[
            "checkpoint",
            "config",
            "error",
            "host_tensor",
            "import",
            "kernels",
            "model",
            "objective",
            "onnx",
            "optimizer",
            "positive_pairs",
            "tokens",
            "uncached_captioner",
            "weights",
        ],
    ),
    (
        "training",
        &[
            "bundle",
            "checkpoint",
            "config",
            "data",
            "error",
            "host_tensor",
            "import",
            "kernels",
            "model",
            "objective",
            "optimizer",
            "parameters",
            "positive_pairs",
            "tokens",
            "weights",
        ],
    ),
];

/// The program.
const PROGRAM: &[Layer] = &[
    ("help", &[]),
    ("hint", &[]),
    ("console", &[]),
    ("table", &[]),
    ("epoch_numbers", &[]),
    ("args", &["help", "epoch_numbers"]),
    ("error", &["hint", "console"]),
    ("bundle", &["args"]),
    ("session", &["console", "args", "bundle"]),
    (
        "commands",
        &["hint", "console", "table", "epoch_numbers", "args", "error", "bundle", "session"],
    ),
];

/// Returns the modules at the root of the package that a source text refers to by `crate::`.
///
/// Comments are skipped: documentation may link to a module that uses the documented one.
fn imports(text: &str) -> BTreeSet<String> {
    let code: String = without_tests(text)
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .flat_map(|line| [line, "\n"])
        .collect();
    let mut names = BTreeSet::new();
    for (at, prefix) in code.match_indices("crate::") {
        let is_suffix = code[..at].ends_with(|c: char| c.is_alphanumeric() || c == '_' || c == '$');
        if !is_suffix {
            names.extend(first_segments(&code[at + prefix.len()..]));
        }
    }
    names
}

/// Returns the first name of each path after `crate::`: one, or those of a group in braces.
fn first_segments(rest: &str) -> Vec<String> {
    let name_at = |text: &str| -> String {
        text.chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect()
    };
    let Some(group) = rest.strip_prefix('{') else { return vec![name_at(rest)] };
    let (mut depth, mut names, mut is_start) = (0, Vec::new(), true);
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => is_start = true,
            _ if depth == 0 && is_start && !c.is_whitespace() => {
                names.push(name_at(&group[at..]));
                is_start = false;
            }
            _ => {}
        }
    }
    names
}

/// Returns a source text up to its test module, which comes last in a file.
fn without_tests(text: &str) -> &str {
    text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default()
}

/// Returns the imports of each top-level module of a package.
fn graph(package: &str) -> BTreeMap<String, BTreeSet<String>> {
    let source = root().join(package).join("src");
    let mut files = Vec::new();
    find(&source, &["rs"], &mut files);
    let mut graph: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for path in files {
        let inner = path.strip_prefix(&source).unwrap();
        let module = inner.components().next().unwrap().as_os_str().to_string_lossy();
        let module = module.trim_end_matches(".rs").to_owned();
        if is_of_tests(inner) || ["lib", "main", "bin"].contains(&module.as_str()) {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let imports = imports(&text);
        let is_at_root =
            inner.components().count() == 1 || inner.ends_with(format!("{module}/mod.rs"));
        assert!(
            !(is_at_root && without_tests(&text).contains("\nuse super::")),
            "{} imports by `super::` what lies beside it; write `crate::`",
            shown(&path),
        );
        let through_root = imports.iter().find(|name| name.starts_with(char::is_uppercase));
        assert!(
            through_root.is_none(),
            "{} imports `{}` through the root of the package; name its module",
            shown(&path),
            through_root.unwrap(),
        );
        graph.entry(module).or_default().extend(imports);
    }
    for (module, imports) in &mut graph {
        imports.remove(module);
    }
    graph
}

/// Returns whether a file only holds tests.
fn is_of_tests(path: &Path) -> bool {
    let names = path.iter().map(|name| name.to_string_lossy());
    names
        .into_iter()
        .any(|name| name == "tests" || name == "tests.rs" || name.ends_with("_tests.rs"))
}

#[test]
fn modules_import_only_what_their_layer_may() {
    for (package, layers) in LAYERS {
        let allowed: BTreeMap<&str, &[&str]> = layers.iter().copied().collect();
        for (module, imports) in graph(package) {
            let Some(allowed) = allowed.get(module.as_str()) else {
                panic!("`{package}::{module}` is not in the table of layers; see ARCHITECTURE.md");
            };
            let wrong: Vec<&String> =
                imports.iter().filter(|it| !allowed.contains(&it.as_str())).collect();
            assert!(
                wrong.is_empty(),
                "`{package}::{module}` must not import {wrong:?}; see ARCHITECTURE.md"
            );
        }
    }
}

#[test]
fn a_module_is_listed_after_those_that_it_imports() {
    for (package, layers) in LAYERS {
        for (at, (module, imports)) in layers.iter().enumerate() {
            let lower: Vec<&str> = layers[..at].iter().map(|(name, _)| *name).collect();
            for import in *imports {
                assert!(lower.contains(import), "`{package}::{module}` is below `{import}`");
            }
        }
    }
}

#[test]
fn imports_are_found_in_paths_and_groups() {
    let text = "use crate::{storage::{Folder, x::Y}, vector};\nuse crate::filter::Filter;\n\
                // crate::skipped\nfn f() { crate::search::run() }\n#[cfg(test)]\nmod tests { use crate::up; }";
    let expected = ["filter", "search", "storage", "vector"].map(str::to_owned);
    assert_eq!(imports(text), BTreeSet::from(expected));
}
