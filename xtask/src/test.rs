//! Runs every test of both workspaces, and counts the tests that were skipped.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::workspace::{WORKSPACES, cargo, cargo_in, root, run};
use crate::{python, runtime};

/// Packages for the independent gRPC client of the tests.
const CLIENT_PACKAGES: &[&str] = &["grpcio==1.76.0", "grpcio-reflection==1.76.0"];

/// Folders beside the repository, each with the resources that it gives to tests (see the package `nocturne-testing`).
const SHARED: [(&str, &str); 4] =
    [("data", "data"), ("goldens", "goldens"), ("cases", "cases"), ("reference/tables", "tables")];

/// Runs every test; resources that this command installs, or that are beside the repository, are required.
pub(crate) fn test(library: Option<&Path>) -> Result<()> {
    let library = runtime::set_up(library)?;
    let client = client_packages();
    let record = root().join("target/skipped-tests.tsv");
    if record.exists() {
        std::fs::remove_file(&record)?;
    }
    let environment = Environment { library, client, record };
    let all_but_documentation = if has_nextest() {
        ["nextest", "run"].as_slice()
    } else {
        &["test", "--lib", "--bins", "--tests", "--examples"]
    };
    let mut outcome = Ok(());
    for workspace in WORKSPACES {
        for kind in [all_but_documentation, &["test", "--doc"]] {
            let mut tests = cargo_in(workspace);
            tests.args(kind).arg("--workspace");
            // Skips are printed even if a test fails: they may explain it.
            outcome = outcome.and_then(|()| run(environment.set(&mut tests)));
        }
    }
    print_skipped(&environment.record)?;
    outcome
}

/// The environment of the tests.
struct Environment {
    library: PathBuf,
    client: Option<PathBuf>,
    /// File to which each skipped test appends a line.
    record: PathBuf,
}

impl Environment {
    fn set<'a>(&self, command: &'a mut Command) -> &'a mut Command {
        let shared = |(folder, _): &&(&str, &str)| root().join("../shared").join(folder).is_dir();
        let mut required = vec!["encoder"];
        required.extend(self.client.as_ref().map(|_| "client"));
        required.extend(SHARED.iter().filter(shared).map(|(_, resource)| *resource));
        command
            .env("ORT_DYLIB_PATH", &self.library)
            .env("NOCTURNE_SKIPPED", &self.record)
            .env("NOCTURNE_REQUIRE", required.join(","))
            .envs(self.client.as_ref().map(|folder| ("NOCTURNE_TEST_PYTHONPATH", folder)))
    }
}

/// Prints the skipped tests by reason.
fn print_skipped(record: &Path) -> Result<()> {
    let text = match std::fs::read_to_string(record) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => String::new(),
        text => text.with_context(|| format!("cannot read `{}`", record.display()))?,
    };
    let skipped = by_reason(&text);
    let count: usize = skipped.values().map(BTreeSet::len).sum();
    println!(
        "test: {count} tests skipped, whole or in part; the test runner counts them as passed"
    );
    for (reason, tests) in skipped {
        println!("  {} for {reason}", tests.len());
        for test in tests {
            println!("    {test}");
        }
    }
    Ok(())
}

/// Sorts the lines `package, test, reason` of a record by reason. A test that is skipped for several back ends counts once.
fn by_reason(record: &str) -> BTreeMap<&str, BTreeSet<String>> {
    let mut reasons: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for line in record.lines() {
        let mut cells = line.splitn(3, '\t');
        if let (Some(package), Some(test), Some(reason)) =
            (cells.next(), cells.next(), cells.next())
        {
            reasons.entry(reason).or_default().insert(format!("{package} {test}"));
        }
    }
    reasons
}

/// Installs the Python packages of the independent client into `target/python`, or reports why its test is skipped.
fn client_packages() -> Option<PathBuf> {
    let folder = root().join("target/python");
    match python::install(&folder, CLIENT_PACKAGES) {
        Ok(()) => Some(folder),
        Err(error) => {
            eprintln!("test: the independent client will be skipped: {error:#}");
            None
        }
    }
}

fn has_nextest() -> bool {
    let version =
        cargo().args(["nextest", "--version"]).stdout(Stdio::null()).stderr(Stdio::null()).status();
    version.is_ok_and(|status| status.success())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn skipped_tests_are_sorted_by_reason() {
        let record = "nocturne-psg\treads_b\tdata: absent\nnocturne-psg\treads_a\tdata: absent\n\
                      nocturne-index\tlive\tqdrant: absent\nnocturne-index\tlive\tqdrant: absent\n";
        let psg = ["nocturne-psg reads_a", "nocturne-psg reads_b"].map(str::to_owned);
        let expected = BTreeMap::from([
            ("data: absent", BTreeSet::from(psg)),
            ("qdrant: absent", BTreeSet::from(["nocturne-index live".to_owned()])),
        ]);
        assert_eq!(by_reason(record), expected);
    }
}
