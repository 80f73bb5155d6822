//! Resident memory of a benchmark, from `/proc/self/status`.

use anyhow::{Context, Result};

/// Resident memory of this process in bytes: anonymous, and of mapped files.
pub(crate) struct Memory {
    own: f64,
    of_files: f64,
}

impl Memory {
    pub(crate) fn now() -> Result<Self> {
        let status = std::fs::read_to_string("/proc/self/status")?;
        let kib = |name: &str| -> Result<f64> {
            let line = status.lines().find_map(|line| line.strip_prefix(name));
            let number = line
                .and_then(|line| line.split_whitespace().next())
                .with_context(|| format!("`{name}` is not in `/proc/self/status`"))?;
            Ok(1024.0 * number.parse::<f64>()?)
        };
        Ok(Self { own: kib("RssAnon:")?, of_files: kib("RssFile:")? })
    }

    /// Returns the growth of anonymous memory and of mapped files since then, in bytes per row.
    pub(crate) fn growth(&self, n_rows: usize) -> Result<[f64; 2]> {
        let now = Self::now()?;
        Ok([now.own - self.own, now.of_files - self.of_files].map(|bytes| bytes / n_rows as f64))
    }
}
