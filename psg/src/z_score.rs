//! The span over which a channel is scaled.

use serde::{Deserialize, Serialize};

/// Over what a channel is brought to mean 0 and standard deviation 1.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ZScore {
    /// Over the whole recording: amplitude between epochs stays information.
    #[default]
    Recording,
    /// Over each epoch on its own.
    Epoch,
}
