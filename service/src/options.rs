//! How the server behaves.

use std::time::Duration;

/// How the server behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ServeOptions {
    /// Maximum number of questions in progress; another one is refused with `RESOURCE_EXHAUSTED`.
    pub max_concurrent: usize,
    /// Maximum time for an answer.
    pub deadline: Duration,
    /// Maximum time that a shutdown waits for answers in progress.
    pub drain: Duration,
    /// Pause between two checks that the collection can be reached, which the health of the service follows.
    pub health_interval: Duration,
}

impl Default for ServeOptions {
    fn default() -> Self {
        Self {
            max_concurrent: 64,
            deadline: Duration::from_secs(30),
            drain: Duration::from_secs(8),
            health_interval: Duration::from_secs(5),
        }
    }
}
