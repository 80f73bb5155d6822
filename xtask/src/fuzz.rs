//! Feeds the readers with files that no recorder has written, target by target.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Result, bail};

use crate::chores::{root, run};

/// What is fed, each a program in `fuzz/fuzz_targets`.
const TARGETS: [&str; 5] =
    ["edf_header", "edf_body", "annotation_xml", "annotation_text", "profile"];

/// Longest time in seconds that one input may take.
const LONGEST_S: u32 = 5;

/// Greatest memory in MiB that one input may take; the checks of memory themselves take a part of it.
const MOST_MIB: u32 = 512;

/// Greatest length of an input in bytes.
const LONGEST_INPUT: u32 = 1 << 16;

/// Runs each target for some seconds from its seeds.
///
/// What is found on the way is kept in `fuzz/target/corpus`, apart from the seeds in `fuzz/corpus`.
pub(crate) fn fuzz(seconds: u32) -> Result<()> {
    check_tools()?;
    let folder = root().join("fuzz");
    run(cargo_fuzz(&folder).arg("build"))?;
    for target in TARGETS {
        eprintln!("fuzz: {target} for {seconds} s …");
        let found = folder.join("target/corpus").join(target);
        std::fs::create_dir_all(&found)?;
        run(cargo_fuzz(&folder)
            .args(["run", target])
            .args([&found, &folder.join("corpus").join(target)])
            .arg("--")
            .arg(format!("-max_total_time={seconds}"))
            .arg(format!("-timeout={LONGEST_S}"))
            .arg(format!("-rss_limit_mb={MOST_MIB}"))
            .arg(format!("-max_len={LONGEST_INPUT}"))
            .arg("-print_final_stats=1"))?;
    }
    eprintln!("fuzz: no input of {} targets stopped a reader", TARGETS.len());
    Ok(())
}

/// Says what to install where something is missing.
fn check_tools() -> Result<()> {
    let answers = |arguments: &[&str]| {
        let mut command = nightly_cargo();
        command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    if !answers(&["--version"]) {
        bail!(
            "fuzzing needs the nightly compiler; install it by `rustup toolchain install nightly`"
        );
    }
    if !answers(&["fuzz", "--version"]) {
        bail!("fuzzing needs cargo-fuzz; install it by `cargo install cargo-fuzz --locked`");
    }
    Ok(())
}

/// Returns `cargo fuzz`, to be run in its folder.
fn cargo_fuzz(folder: &Path) -> Command {
    let mut command = nightly_cargo();
    command.arg("fuzz").current_dir(folder);
    command
}

/// Returns the `cargo` of the nightly toolchain; what the one that runs this program has set is not handed on.
fn nightly_cargo() -> Command {
    let mut command = Command::new("rustup");
    command.args(["run", "nightly", "cargo"]);
    for name in ["CARGO", "RUSTC", "RUSTDOC", "RUSTUP_TOOLCHAIN"] {
        command.env_remove(name);
    }
    command
}
