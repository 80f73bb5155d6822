//! Runs the program and returns its output.

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

/// Environment variables that change the behaviour or the output of the program.
const VARIABLES: [&str; 10] = [
    "NOCTURNE_BUNDLE",
    "NOCTURNE_COLLECTION",
    "NOCTURNE_CONCEPTS",
    "NOCTURNE_DEVICE",
    "NOCTURNE_LOG",
    "NOCTURNE_PROFILE",
    "CLICOLOR",
    "CLICOLOR_FORCE",
    "COLUMNS",
    "NO_COLOR",
];

/// The output of a run of the program.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Returns a command of the program, without the options that the caller's environment may contain.
pub(crate) fn nocturne<I: IntoIterator<Item = S>, S: AsRef<std::ffi::OsStr>>(
    arguments: I,
) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nocturne"));
    command.args(arguments).current_dir(root());
    for variable in VARIABLES {
        command.env_remove(variable);
    }
    command
}

/// Runs the program to its end.
pub(crate) fn run<I: IntoIterator<Item = S>, S: AsRef<std::ffi::OsStr>>(arguments: I) -> Run {
    let Output { status, stdout, stderr } = nocturne(arguments).output().unwrap();
    Run {
        code: status.code().unwrap_or(-1),
        stdout: String::from_utf8(stdout).unwrap(),
        stderr: String::from_utf8(stderr).unwrap(),
    }
}

impl Run {
    /// Returns the run; fails unless it ended with this exit code.
    pub(crate) fn expect_code(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:#?}");
        self
    }

    /// Parses the output as one JSON value.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }

    /// Parses each line of the output as a JSON value.
    pub(crate) fn json_lines(&self) -> Vec<Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Returns the error message; fails if there is none, or if the program panicked.
    pub(crate) fn error(&self) -> &str {
        let text = self.stderr.lines().find_map(|line| line.strip_prefix("error: "));
        assert!(!self.stderr.contains("panicked") && !self.stderr.contains(".rs:"), "{self:#?}");
        text.unwrap_or_else(|| panic!("no error message: {self:#?}"))
    }
}

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns a path as text.
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
