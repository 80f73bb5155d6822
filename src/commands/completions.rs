//! `nocturne completions` and `nocturne man`

use std::io::Write;

use anyhow::{Context, Result};

use crate::args::{self, Completions, Man};
use crate::console;
use crate::error::CommandOutcome;

/// Writes the completion script of a shell to standard output.
pub(super) fn completions(arguments: &Completions) -> Result<CommandOutcome> {
    let mut script = Vec::new();
    clap_complete::generate(arguments.shell, &mut args::command(), "nocturne", &mut script);
    std::io::stdout().write_all(&script)?;
    Ok(CommandOutcome::Done)
}

/// Writes a manual page for each command into a folder.
pub(super) fn manual(arguments: &Man) -> Result<CommandOutcome> {
    let Man { out } = arguments;
    let cannot_write = || format!("cannot write manual pages to `{}`", out.display());
    std::fs::create_dir_all(out).with_context(cannot_write)?;
    clap_mangen::generate_to(args::command(), out).with_context(cannot_write)?;
    console::print(format_args!("manual pages written to {}", out.display()))?;
    Ok(CommandOutcome::Done)
}
