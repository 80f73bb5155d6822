//! Runs the program and looks at what it gives.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// What a run of the program gave.
#[derive(Debug)]
pub(crate) struct Run {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

/// Returns a command of the program, without what the caller's environment says about it.
pub(crate) fn nocturne<I: IntoIterator<Item = S>, S: AsRef<std::ffi::OsStr>>(
    arguments: I,
) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_nocturne"));
    command.args(arguments).current_dir(root());
    for variable in ["NOCTURNE_BUNDLE", "NOCTURNE_COLLECTION", "NOCTURNE_DEVICE", "NOCTURNE_LOG"] {
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
    /// Returns the run, which must have ended with this exit code.
    pub(crate) fn expect_code(self, code: i32) -> Self {
        assert_eq!(self.code, code, "{self:#?}");
        self
    }

    /// Returns the output, which must be one JSON value.
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:#?}"))
    }

    /// Returns the lines of the output, which must each be a JSON value.
    pub(crate) fn json_lines(&self) -> Vec<Value> {
        self.stdout.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// Returns the error, which must be one sentence with one hint at most and no sign of a crash.
    pub(crate) fn error(&self) -> &str {
        let text = self.stderr.lines().find_map(|line| line.strip_prefix("error: "));
        assert!(!self.stderr.contains("panicked") && !self.stderr.contains(".rs:"), "{self:#?}");
        text.unwrap_or_else(|| panic!("no error is told: {self:#?}"))
    }
}

pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Returns the folder of real recordings; if there is none, records the skip.
pub(crate) fn shared_data() -> Option<PathBuf> {
    nocturne_testing::available!(nocturne_testing::shared_data())
}

/// Returns whether the program can run its encoder here; if not, records the skip.
pub(crate) fn has_encoder() -> bool {
    nocturne_testing::available!(nocturne_testing::onnx_runtime()).is_some()
}

/// Returns a path as text.
pub(crate) fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
