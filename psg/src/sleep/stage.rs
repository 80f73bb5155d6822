//! The five sleep stages of the AASM manual.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// One of the five stages of the AASM manual.
///
/// Stages 3 and 4 of Rechtschaffen and Kales are both [`Stage::N3`].
/// Movement time and unscored epochs are not stages but `None`: they count as neither sleep nor wake.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Stage {
    /// Wakefulness.
    #[serde(rename = "W")]
    Wake,
    /// Non-REM stage 1, the lightest.
    N1,
    /// Non-REM stage 2.
    N2,
    /// Non-REM stage 3, slow-wave sleep.
    N3,
    /// Rapid eye movement sleep.
    #[serde(rename = "R")]
    Rem,
}

impl Stage {
    /// Every stage, in the order wake, N1, N2, N3, REM.
    pub const ALL: [Self; 5] = [Self::Wake, Self::N1, Self::N2, Self::N3, Self::Rem];

    /// Returns the AASM letter code: `W`, `N1`, `N2`, `N3` or `R`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Wake => "W",
            Self::N1 => "N1",
            Self::N2 => "N2",
            Self::N3 => "N3",
            Self::Rem => "R",
        }
    }

    /// Returns the index in [`Stage::ALL`].
    pub const fn index(self) -> usize {
        match self {
            Self::Wake => 0,
            Self::N1 => 1,
            Self::N2 => 2,
            Self::N3 => 3,
            Self::Rem => 4,
        }
    }

    /// Returns whether the stage is sleep.
    pub const fn is_sleep(self) -> bool {
        match self {
            Self::Wake => false,
            Self::N1 | Self::N2 | Self::N3 | Self::Rem => true,
        }
    }
}

impl fmt::Display for Stage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.code())
    }
}

/// A text that is not the code of a stage.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a sleep stage; expected one of `W`, `N1`, `N2`, `N3`, `R`")]
pub struct ParseStageError(pub String);

impl FromStr for Stage {
    type Err = ParseStageError;

    /// Parses a code, `wake` or `rem`, ignoring case.
    fn from_str(text: &str) -> Result<Self, ParseStageError> {
        match text.to_ascii_uppercase().as_str() {
            "W" | "WAKE" => Ok(Self::Wake),
            "N1" => Ok(Self::N1),
            "N2" => Ok(Self::N2),
            "N3" => Ok(Self::N3),
            "R" | "REM" => Ok(Self::Rem),
            _ => Err(ParseStageError(text.to_owned())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_round_trip() {
        for stage in Stage::ALL {
            assert_eq!(stage.code().parse(), Ok(stage));
            assert_eq!(Stage::ALL[stage.index()], stage);
        }
        assert_eq!("rem".parse(), Ok(Stage::Rem));
    }

    #[test]
    fn rejects_unknown_codes() {
        let error = "N4".parse::<Stage>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "`N4` is not a sleep stage; expected one of `W`, `N1`, `N2`, `N3`, `R`"
        );
    }
}
