//! Checks format, lints and documentation.

use anyhow::Result;

use crate::workspace::{WORKSPACES, cargo_in, run};

/// Checks both workspaces; warnings are errors.
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
