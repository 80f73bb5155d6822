//! Arguments of the commands that set up a shell.

use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;

/// `nocturne completions`
#[derive(Debug, Args)]
pub(crate) struct Completions {
    /// Shell to write the completion script for.
    pub(crate) shell: Shell,
}

/// `nocturne man`
#[derive(Debug, Args)]
pub(crate) struct Man {
    /// Folder for the manual pages; created if it does not exist.
    #[arg(long, short, value_name = "DIR")]
    pub(crate) out: PathBuf,
}
