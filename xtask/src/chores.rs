//! What the chores do.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result};

use crate::{python, runtime};

/// Packages for the independent gRPC client of the tests.
const CLIENT_PACKAGES: [&str; 2] = ["grpcio==1.76.0", "grpcio-reflection==1.76.0"];

/// Folders of the workspaces that the stable compiler builds; they share the target folder of `.cargo/config.toml`.
const WORKSPACES: [&str; 2] = [".", "trainer"];

/// Returns the root of the repository.
pub(crate) fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().expect("the package lies in the repository").to_owned()
}

/// Builds the release and runs its demonstration.
pub(crate) fn demo(library: Option<&Path>, folder: Option<&Path>) -> Result<()> {
    let library = runtime::set_up(library)?;
    eprintln!("demo: building the release …");
    run(cargo().args(["build", "--release", "--package", "nocturne"]))?;
    // Cargo knows where it has put the program; a folder is named from where the user stands.
    let folder = folder.map(std::path::absolute).transpose()?;
    let mut demo = cargo();
    demo.args(["run", "--release", "--quiet", "--package", "nocturne", "--", "demo"]);
    run(demo.args(folder).env("ORT_DYLIB_PATH", library))
}

/// Runs every test of both workspaces.
pub(crate) fn test(library: Option<&Path>) -> Result<()> {
    let library = runtime::set_up(library)?;
    let client = client_packages();
    let all_but_documentation = if has_nextest() {
        ["nextest", "run"].as_slice()
    } else {
        &["test", "--lib", "--bins", "--tests"]
    };
    for workspace in WORKSPACES {
        for kind in [all_but_documentation, &["test", "--doc"]] {
            let mut tests = cargo_in(workspace);
            tests.args(kind).arg("--workspace").env("ORT_DYLIB_PATH", &library);
            run(tests.envs(client.as_ref().map(|folder| ("NOCTURNE_TEST_PYTHONPATH", folder))))?;
        }
    }
    Ok(())
}

/// Checks format, lints and documentation of both workspaces.
pub(crate) fn check() -> Result<()> {
    for workspace in WORKSPACES {
        // Formats the members of the workspace; `--all` would follow path dependencies out of it.
        run(cargo_in(workspace).args(["fmt", "--check"]))?;
        let lint = ["clippy", "--workspace", "--all-targets", "--", "-D", "warnings"];
        run(cargo_in(workspace).args(lint))?;
        let document = ["doc", "--workspace", "--no-deps"];
        run(cargo_in(workspace).args(document).env("RUSTDOCFLAGS", "-D warnings"))?;
    }
    Ok(())
}

/// Installs the Python packages of the independent client into `target/python`, or says why its test will be skipped.
fn client_packages() -> Option<PathBuf> {
    let folder = root().join("target/python");
    let marker = folder.join("installed.txt");
    let wanted = CLIENT_PACKAGES.join("\n");
    if std::fs::read_to_string(&marker).is_ok_and(|installed| installed == wanted) {
        return Some(folder);
    }
    eprintln!("test: getting the Python gRPC client …");
    let install = || -> Result<()> {
        let mut pip = python::pip()?;
        pip.args(["install", "--quiet", "--disable-pip-version-check", "--upgrade", "--target"]);
        run(pip.arg(&folder).args(CLIENT_PACKAGES))?;
        std::fs::write(&marker, &wanted)?;
        Ok(())
    };
    match install() {
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

pub(crate) fn cargo() -> Command {
    cargo_in(".")
}

/// Returns a `cargo` that works on the workspace of a folder of the repository.
fn cargo_in(workspace: &str) -> Command {
    let mut command = Command::new(option_env!("CARGO").unwrap_or("cargo"));
    command.current_dir(root().join(workspace));
    command
}

pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("cannot run `{}`", command.get_program().display()))?;
    python::check(status).with_context(|| format!("{command:?}"))
}
