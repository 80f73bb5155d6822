//! Standard output for data, standard error for everything else.

use std::fmt;
use std::io::{self, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};
use serde::Serialize;
use tracing_subscriber::EnvFilter;

/// Writes a line of data to standard output.
///
/// # Errors
///
/// Any error of the operating system, such as a broken pipe.
pub(crate) fn print(line: impl fmt::Display) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")
}

/// Writes a value as one line of JSON to standard output.
///
/// # Errors
///
/// Any error of the operating system, such as a broken pipe.
pub(crate) fn print_json(value: &impl Serialize) -> io::Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer(&mut out, value)?;
    writeln!(out)
}

/// Writes a value as indented JSON to standard output.
///
/// # Errors
///
/// Any error of the operating system, such as a broken pipe.
pub(crate) fn print_pretty_json(value: &impl Serialize) -> io::Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, value)?;
    writeln!(out)
}

/// Writes a message to standard error, ignoring failures: there is no other place to report them.
pub(crate) fn note(line: impl fmt::Display) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Shows a progress bar on standard error if it is a terminal.
pub(crate) fn progress(what: &str, total: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix} [{bar:30}] {pos}/{len} {msg} {eta}")
        .expect("the template is constant")
        .progress_chars("=> ");
    let bar = ProgressBar::new(total as u64).with_style(style).with_prefix(what.to_owned());
    bar.enable_steady_tick(Duration::from_millis(250));
    bar
}

/// Sends the log to standard error; `filter` is a level or a filter directive of `tracing`.
pub(crate) fn start_logging(filter: &str) {
    // ONNX Runtime logs internals at the info level.
    let filter = EnvFilter::new(format!("{filter},ort=error"));
    let logging = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_target(false);
    // Fails if logging has started already, as in tests; the first one stays.
    let _ = logging.try_init();
}
