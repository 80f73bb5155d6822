//! Which package may depend on which.

use std::collections::BTreeSet;

use toml::Table;

use super::root;

/// For each package, those of ours that it may use. A new arrow is a change of the design.
pub(super) const ARROWS: [(&str, &[&str]); 16] = [
    ("edf", &[]),
    ("psg", &["edf"]),
    ("simulator", &["edf", "psg"]),
    ("proto", &[]),
    ("encoder", &["psg"]),
    ("index", &["psg", "encoder"]),
    ("concepts", &["psg", "encoder", "index"]),
    ("engine", &["psg", "encoder", "index", "concepts"]),
    ("indexer", &["psg", "encoder", "index", "concepts"]),
    ("service", &["psg", "encoder", "index", "concepts", "engine", "indexer", "proto"]),
    // Truth files.
    ("eval", &["psg", "simulator", "encoder", "index", "concepts", "engine"]),
    ("trainer", &["psg", "simulator", "encoder"]),
    ("qdrant-double", &[]),
    ("testing", &[]),
    ("xtask", &[]),
    (
        ".",
        &[
            "psg",
            "simulator",
            "encoder",
            "index",
            "concepts",
            "engine",
            "indexer",
            "service",
            "eval",
        ],
    ),
];

/// Packages of ours that every package may use in its tests, and none outside of them.
const TEST_ONLY: [&str; 2] = ["qdrant-double", "testing"];

/// Packages of others that only some of ours may name.
const QUARANTINE: [(&str, &[&str]); 6] = [
    ("ort", &["encoder"]),
    ("hnsw_rs", &["index"]),
    ("qdrant-client", &["index", "qdrant-double"]),
    // The index reads only the codes of Qdrant's errors.
    ("tonic", &["proto", "service", "index", "qdrant-double"]),
    ("burn", &["trainer"]),
    ("clap", &[".", "trainer", "xtask"]),
];

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
        let takes = own.get("workspace").and_then(toml::Value::as_bool) == Some(true);
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
fn every_member_of_the_workspace_has_its_licence() {
    let licence = |package| manifest(package)["package"]["license"].to_string();
    // `workspaces_agree_on_the_compiler_and_on_profiles` compares the licence of the others.
    for (package, _) in ARROWS.iter().filter(|(package, _)| !OUTSIDE.contains(package)) {
        assert_eq!(licence(package), licence("."), "{package}");
    }
}
