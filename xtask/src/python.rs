//! Python: pip, and the packages that chores and tests install with it.

use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};

use anyhow::{Context, Result, bail};

/// Returns the name of a Python 3 interpreter that runs.
pub(crate) fn interpreter() -> Result<&'static str> {
    let runs = |name: &&str| {
        let status = Command::new(name)
            .arg("--version")
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .status();
        status.is_ok_and(|status| status.success())
    };
    ["python3", "python"].into_iter().find(runs).context("cannot run `python3`; install Python 3")
}

/// Returns a command that runs pip; the caller adds the arguments.
pub(crate) fn pip() -> Result<Command> {
    let interpreter = interpreter()?;
    let has_pip =
        Command::new(interpreter).args(["-m", "pip", "--version"]).output()?.status.success();
    if !has_pip {
        bail!("cannot run `{interpreter} -m pip`; install pip (on Debian: `python3-pip`)");
    }
    let mut command = Command::new(interpreter);
    command.args(["-m", "pip"]);
    Ok(command)
}

/// Installs packages into a folder, unless they are there.
pub(crate) fn install(folder: &Path, packages: &[&str]) -> Result<()> {
    let marker = folder.join("installed.txt");
    let expected = packages.join("\n");
    if std::fs::read_to_string(&marker).is_ok_and(|installed| installed == expected) {
        return Ok(());
    }
    eprintln!("installing {} into `{}` …", packages.join(", "), folder.display());
    let mut pip = pip()?;
    pip.args(["install", "--quiet", "--disable-pip-version-check", "--upgrade", "--target"]);
    check(pip.arg(folder).args(packages).status()?)?;
    std::fs::write(&marker, &expected)
        .with_context(|| format!("cannot write `{}`", marker.display()))
}

/// Turns a failed command into an error.
pub(crate) fn check(status: ExitStatus) -> Result<()> {
    if status.success() { Ok(()) } else { bail!("the command ended with {status}") }
}
