//! Body position.

use std::fmt;

use serde::{Deserialize, Serialize};

/// A body position, in the order of the codes of SleepLM's input.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Position {
    /// On the right side.
    Right,
    /// On the left side.
    Left,
    /// On the back.
    Supine,
    /// On the stomach.
    Prone,
    /// Sitting or standing.
    Upright,
}

impl Position {
    /// Every position, in the order of the codes.
    pub const ALL: [Self; 5] = [Self::Right, Self::Left, Self::Supine, Self::Prone, Self::Upright];

    /// Code of an unknown position.
    pub const UNKNOWN: f32 = -1.0;

    /// Returns the code in the encoder's input: 0 right, 1 left, 2 supine, 3 prone, 4 upright.
    pub const fn code(self) -> f32 {
        self as u8 as f32
    }

    /// Returns the position with a code, or `None` for [`UNKNOWN`](Self::UNKNOWN) and any other value.
    pub fn from_code(code: f32) -> Option<Self> {
        Self::ALL.into_iter().find(|position| position.code() == code)
    }

    /// Returns the name in lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Right => "right",
            Self::Left => "left",
            Self::Supine => "supine",
            Self::Prone => "prone",
            Self::Upright => "upright",
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}
