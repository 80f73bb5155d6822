//! The repository's folders, and commands that run in them.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::python;

/// Folders of the workspaces that the stable compiler builds; they share the target folder set in `.cargo/config.toml`.
pub(crate) const WORKSPACES: [&str; 2] = [".", "trainer"];

/// Returns the root of the repository.
pub(crate) fn root() -> PathBuf {
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    package.parent().expect("the package is in a folder of the root").to_owned()
}

/// Returns a `cargo` that works on the root workspace.
pub(crate) fn cargo() -> Command {
    cargo_in(".")
}

/// Returns a `cargo` that works on the workspace in a folder of the repository.
pub(crate) fn cargo_in(workspace: &str) -> Command {
    let mut command = Command::new(option_env!("CARGO").unwrap_or("cargo"));
    command.current_dir(root().join(workspace));
    command
}

/// Runs a command to its end.
///
/// # Errors
///
/// If it cannot be started or fails.
pub(crate) fn run(command: &mut Command) -> Result<()> {
    let status = command
        .status()
        .with_context(|| format!("cannot run `{}`", command.get_program().display()))?;
    python::check(status).with_context(|| format!("{command:?}"))
}
