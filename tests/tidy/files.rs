//! What every source file has, and which documents exist.

use super::{packages, root, shown, sources};

/// A file beyond this many lines holds two concepts.
const LONGEST_FILE: usize = 600;

#[test]
fn every_source_file_starts_with_its_purpose() {
    for path in packages().flat_map(sources) {
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("//! "), "{} does not start with `//!`", shown(&path));
    }
}

#[test]
fn no_source_file_is_too_long() {
    for path in packages().flat_map(sources) {
        let lines = std::fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines <= LONGEST_FILE, "{} has {lines} lines", shown(&path));
    }
}

#[test]
fn no_test_is_ignored_or_expected_to_panic() {
    // Put together here, so that this file does not find itself.
    let banned = ["ignore", "should_panic"].map(|attribute| format!("#[{attribute}"));
    for path in packages().flat_map(sources) {
        let text = std::fs::read_to_string(&path).unwrap();
        for attribute in &banned {
            assert!(!text.contains(attribute), "{} has `{attribute}`", shown(&path));
        }
    }
}

#[test]
fn documents_exist() {
    let mut documents = [
        "README.md",
        "ARCHITECTURE.md",
        "CONTRIBUTING.md",
        "CHANGELOG.md",
        "CITATION.cff",
        "LICENSE",
        "SECURITY.md",
        "deny.toml",
        "docs/README.md",
        "docs/glossary.md",
        ".ci/run",
    ]
    .map(str::to_owned)
    .to_vec();
    let libraries =
        packages().filter(|it| ![".", "testing", "xtask", "qdrant-double"].contains(it));
    documents.extend(libraries.map(|package| format!("{package}/README.md")));
    documents.retain(|name| !root().join(name).is_file());
    assert!(documents.is_empty(), "missing: {documents:?}");
}
