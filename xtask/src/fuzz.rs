//! Feeds the file readers with malformed input, target by target.

use std::path::Path;
use std::process::{Command, Stdio};

use anyhow::{Result, bail};

use crate::workspace::{root, run};

/// Programs in `fuzz/fuzz_targets`.
const TARGETS: [&str; 5] =
    ["edf_header", "edf_body", "annotation_xml", "annotation_text", "profile"];

/// Maximum time per input, in seconds.
const LONGEST_S: u32 = 5;

/// Maximum memory per input in MiB, including that of the sanitizer.
const MOST_MIB: u32 = 512;

/// Maximum length of an input, in bytes.
const LONGEST_INPUT: u32 = 1 << 16;

/// Runs each target for some seconds, starting from the seeds in `fuzz/corpus`.
///
/// New inputs go to `fuzz/target/corpus`, so that the seeds stay as they are.
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
    eprintln!("fuzz: {} targets found no crash", TARGETS.len());
    Ok(())
}

/// Checks that the tools are installed.
fn check_tools() -> Result<()> {
    let answers = |arguments: &[&str]| {
        let mut command = nightly_cargo();
        command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
        command.status().is_ok_and(|status| status.success())
    };
    if !answers(&["--version"]) {
        bail!("fuzzing needs the nightly compiler: `rustup toolchain install nightly`");
    }
    if !answers(&["fuzz", "--version"]) {
        bail!("fuzzing needs cargo-fuzz: `cargo install cargo-fuzz --locked`");
    }
    Ok(())
}

/// Returns `cargo fuzz` for the fuzz package in `folder`.
fn cargo_fuzz(folder: &Path) -> Command {
    let mut command = nightly_cargo();
    command.arg("fuzz").current_dir(folder);
    command
}

/// Returns the `cargo` of the nightly toolchain, without the variables that the stable one has set for this program.
fn nightly_cargo() -> Command {
    let mut command = Command::new("rustup");
    command.args(["run", "nightly", "cargo"]);
    for name in ["CARGO", "RUSTC", "RUSTDOC", "RUSTUP_TOOLCHAIN"] {
        command.env_remove(name);
    }
    command
}
