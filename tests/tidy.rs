//! The shape of the repository: who may use whom, and what every file has.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use toml::Table;

/// For each package, those of ours that it may use. A new arrow is a change of the design.
const ARROWS: [(&str, &[&str]); 10] = [
    ("psg", &[]),
    ("proto", &[]),
    ("encoder", &["psg"]),
    ("index", &["psg", "encoder"]),
    ("engine", &["psg", "encoder", "index", "proto"]),
    ("indexer", &["psg", "encoder", "index"]),
    ("trainer", &["psg", "encoder"]),
    ("testing", &[]),
    ("xtask", &[]),
    (".", &["psg", "encoder", "index", "engine", "indexer"]),
];

/// Packages of ours that every package may use in its tests, and none outside of them.
const TEST_ONLY: [&str; 1] = ["testing"];

/// Packages of others that only some of ours may name.
const QUARANTINE: [(&str, &[&str]); 6] = [
    ("ort", &["encoder"]),
    ("hnsw_rs", &["index"]),
    ("qdrant-client", &["index"]),
    // The index knows only the codes of Qdrant's errors; its tests put a double on a socket.
    ("tonic", &["proto", "engine", "index"]),
    ("burn", &["trainer"]),
    ("clap", &[".", "trainer", "xtask"]),
];

/// A file beyond this many lines holds two concepts.
const LONGEST_FILE: usize = 600;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn manifest(package: &str) -> Table {
    let path = root().join(package).join("Cargo.toml");
    std::fs::read_to_string(&path).unwrap().parse().unwrap()
}

/// Returns the names of all dependencies of a package, including those of its tests and its build script.
fn dependencies(package: &str) -> BTreeSet<String> {
    let kinds = ["dependencies", "dev-dependencies", "build-dependencies"];
    kinds.iter().flat_map(|kind| dependencies_of_kind(package, kind)).collect()
}

fn dependencies_of_kind(package: &str, kind: &str) -> BTreeSet<String> {
    let manifest = manifest(package);
    let table = manifest.get(kind).and_then(|table| table.as_table());
    table.into_iter().flat_map(|table| table.keys().cloned()).collect()
}

fn sources() -> Vec<PathBuf> {
    let mut files = Vec::new();
    let folders = ARROWS.iter().flat_map(|(package, _)| {
        ["src", "tests", "benches"].map(|it| root().join(package).join(it))
    });
    folders.filter(|folder| folder.is_dir()).for_each(|folder| walk(&folder, &mut files));
    assert!(files.len() > 50, "the sources are not where they are looked for");
    files
}

fn walk(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            walk(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// Packages that are workspaces of their own.
const OUTSIDE: [&str; 1] = ["trainer"];

#[test]
fn every_member_of_the_workspace_has_its_arrows() {
    let workspace = manifest(".");
    let members = workspace["workspace"]["members"].as_array().unwrap();
    let members: BTreeSet<&str> = members.iter().map(|member| member.as_str().unwrap()).collect();
    let known: BTreeSet<&str> =
        ARROWS.iter().map(|(package, _)| *package).filter(|package| *package != ".").collect();
    let members: BTreeSet<&str> = members.into_iter().chain(OUTSIDE).collect();
    assert_eq!(members, known);
}

#[test]
fn packages_depend_only_along_the_arrows() {
    for (package, allowed) in ARROWS {
        for dependency in dependencies(package) {
            let Some(ours) = dependency.strip_prefix("nocturne-") else { continue };
            // Tests of a package may ask for a feature of it.
            if ours == package || TEST_ONLY.contains(&ours) {
                continue;
            }
            assert!(
                allowed.contains(&ours),
                "`{package}` must not depend on `{ours}`; see ARCHITECTURE.md"
            );
        }
    }
}

#[test]
fn packages_for_tests_are_used_in_tests_only() {
    for (package, _) in ARROWS {
        for kind in ["dependencies", "build-dependencies"] {
            let mut used = dependencies_of_kind(package, kind);
            used.retain(|name| TEST_ONLY.iter().any(|ours| *name == format!("nocturne-{ours}")));
            assert!(used.is_empty(), "`{package}` uses {used:?} outside of its tests");
        }
    }
}

#[test]
fn quarantined_packages_stay_where_they_are_tamed() {
    for (package, _) in ARROWS {
        for (foreign, homes) in QUARANTINE {
            let uses = dependencies(package).contains(foreign);
            assert!(
                !uses || homes.contains(&package),
                "`{package}` must not name `{foreign}`; see ARCHITECTURE.md"
            );
        }
    }
}

#[test]
fn training_framework_is_not_in_the_root_lock_file() {
    let names = |lock: &str| -> BTreeSet<String> {
        let text = std::fs::read_to_string(root().join(lock)).unwrap();
        let lock: Table = text.parse().unwrap();
        let packages = lock["package"].as_array().unwrap().iter();
        packages.map(|package| package["name"].as_str().unwrap().to_owned()).collect()
    };
    let framework = |name: &String| ["burn", "cubecl"].iter().any(|it| name.starts_with(it));
    assert!(!names("Cargo.lock").iter().any(framework));
    assert!(names("trainer/Cargo.lock").iter().any(framework));
}

#[test]
fn every_package_takes_the_lints_of_the_workspace() {
    let lints = &manifest(".")["workspace"]["lints"];
    for (package, _) in ARROWS {
        let manifest = manifest(package);
        let own = &manifest["lints"];
        let takes = own.get("workspace").and_then(|it| it.as_bool()) == Some(true);
        assert!(takes || OUTSIDE.contains(&package) && own == lints, "{package}");
    }
}

#[test]
fn workspaces_agree_on_the_compiler_and_on_profiles() {
    let root = manifest(".");
    for package in OUTSIDE {
        let outside = manifest(package);
        for (field, value) in root["workspace"]["package"].as_table().unwrap() {
            assert_eq!(&outside["package"][field], value, "`{field}` of {package}");
        }
        for (profile, settings) in outside["profile"].as_table().unwrap() {
            for (field, value) in
                settings.as_table().unwrap().iter().filter(|(it, _)| *it != "package")
            {
                assert_eq!(&root["profile"][profile][field], value, "`{field}` of {package}");
            }
        }
    }
}

#[test]
fn every_file_says_first_what_it_is_for() {
    for path in sources() {
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("//! "), "{} does not begin with `//!`", path.display());
    }
}

#[test]
fn no_file_is_too_long() {
    for path in sources() {
        let lines = std::fs::read_to_string(&path).unwrap().lines().count();
        assert!(lines <= LONGEST_FILE, "{} has {lines} lines", path.display());
    }
}

#[test]
fn no_test_is_switched_off_or_made_to_panic() {
    // Put together here, so that this file does not find itself.
    let banned = ["ignore", "should_panic"].map(|attribute| format!("#[{attribute}"));
    for path in sources() {
        let text = std::fs::read_to_string(&path).unwrap();
        for attribute in &banned {
            assert!(!text.contains(attribute), "{} has `{attribute}`", path.display());
        }
    }
}

#[test]
fn license_and_documents_are_there() {
    let documents =
        ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "LICENSE", ".ci/run"];
    let missing: Vec<_> =
        documents.into_iter().filter(|name| !root().join(name).is_file()).collect();
    assert!(missing.is_empty(), "missing: {missing:?}");
    // `workspaces_agree_on_the_compiler_and_on_profiles` compares the license of the others.
    let members = ARROWS.iter().filter(|(package, _)| !OUTSIDE.contains(package));
    let versions: BTreeMap<&str, String> = members
        .map(|(package, _)| (*package, manifest(package)["package"]["license"].to_string()))
        .collect();
    assert!(versions.values().all(|license| license == versions["."].as_str()), "{versions:?}");
}
