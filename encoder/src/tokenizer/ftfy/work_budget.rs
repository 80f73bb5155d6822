//! A bound on the work for text with many layers of mojibake.

/// Number of passes over a long text; real text takes two or three.
const PASSES: usize = 16;

/// Length in bytes up to which a text gets as many passes as it has bytes.
const SHORT: usize = 2048;

/// The remaining work on a text.
pub(super) struct WorkBudget {
    bytes_left: usize,
}

impl WorkBudget {
    pub(super) fn for_text(text: &str) -> Self {
        Self { bytes_left: SHORT * SHORT + PASSES * text.len() }
    }

    /// Subtracts the cost of one more pass; returns whether the budget was sufficient.
    pub(super) fn allows_pass(&mut self, text: &str) -> bool {
        let left = self.bytes_left.checked_sub(text.len());
        self.bytes_left = left.unwrap_or(0);
        left.is_some()
    }
}
