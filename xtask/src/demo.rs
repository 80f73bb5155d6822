//! Builds the release and runs its demonstration.

use std::path::Path;

use anyhow::Result;

use crate::runtime;
use crate::workspace::{cargo, run};

/// Runs `nocturne demo` on simulated nights, or on the recordings of a folder.
pub(crate) fn demo(library: Option<&Path>, folder: Option<&Path>) -> Result<()> {
    let library = runtime::set_up(library)?;
    eprintln!("demo: building the release …");
    run(cargo().args(["build", "--release", "--package", "nocturne"]))?;
    // Cargo knows where it has put the program; the folder is relative to the user's working folder.
    let folder = folder.map(std::path::absolute).transpose()?;
    let mut demo = cargo();
    demo.args(["run", "--release", "--quiet", "--package", "nocturne", "--", "demo"]);
    run(demo.args(folder).env("ORT_DYLIB_PATH", library))
}
