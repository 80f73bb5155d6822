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
/// What the system says, such as a broken pipe.
pub(crate) fn print(line: impl fmt::Display) -> io::Result<()> {
    let mut out = io::stdout().lock();
    writeln!(out, "{line}")
}

/// Writes a value as one line of JSON to standard output.
///
/// # Errors
///
/// What the system says, such as a broken pipe.
pub(crate) fn print_json(value: &impl Serialize) -> io::Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer(&mut out, value)?;
    writeln!(out)
}

/// Writes a value as indented JSON to standard output.
///
/// # Errors
///
/// What the system says, such as a broken pipe.
pub(crate) fn print_pretty_json(value: &impl Serialize) -> io::Result<()> {
    let mut out = io::stdout().lock();
    serde_json::to_writer_pretty(&mut out, value)?;
    writeln!(out)
}

/// Writes a line for people to standard error. Nobody can be told where that fails.
pub(crate) fn note(line: impl fmt::Display) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Shows progress on standard error where that is a terminal.
pub(crate) fn progress(what: &str, total: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{prefix} [{bar:30}] {pos}/{len} {msg} {eta}")
        .expect("the template is constant")
        .progress_chars("=> ");
    let bar = ProgressBar::new(total as u64).with_style(style).with_prefix(what.to_owned());
    bar.enable_steady_tick(Duration::from_millis(250));
    bar
}

/// Sends the log to standard error; `filter` is a level or a list as of `tracing`.
pub(crate) fn start_logging(filter: &str) {
    // The runtime tells at the level of information what nobody needs to know.
    let filter = EnvFilter::new(format!("{filter},ort=error"));
    let logging = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_target(false);
    // A second start, as in tests, keeps the first.
    let _ = logging.try_init();
}
