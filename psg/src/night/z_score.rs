//! The scope over which channels are z-scored.

use serde::{Deserialize, Serialize};

/// Scope over which a channel is scaled to mean 0 and standard deviation 1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ZScore {
    /// The whole recording, which preserves differences in amplitude between epochs.
    #[default]
    Recording,
    /// Each epoch separately.
    Epoch,
}
