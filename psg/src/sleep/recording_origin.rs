//! Whether a recording is of a person.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Where the signals of a recording come from.
///
/// What was calibrated on nights of one origin does not hold for the other.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum RecordingOrigin {
    /// A recorder; also if the header does not say.
    #[default]
    Recorded,
    /// Nocturne's simulator, which marks its files in the header.
    Simulated,
}

impl RecordingOrigin {
    /// Both origins.
    pub const ALL: [Self; 2] = [Self::Recorded, Self::Simulated];

    /// Returns the name in lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Recorded => "recorded",
            Self::Simulated => "simulated",
        }
    }
}

impl fmt::Display for RecordingOrigin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
