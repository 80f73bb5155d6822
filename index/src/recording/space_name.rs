//! Names of embedding spaces.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// Name of the space that is stored in the collection's own folder.
const MAIN: &str = "main";

/// Maximum length of a name.
const MAX_LENGTH: usize = 64;

/// The name of an embedding space: 1 to 64 of `a` to `z`, `0` to `9`, `-`, `_` and `.`, a letter or digit first.
///
/// It is also the name of a folder; capitals are excluded because some file systems do not distinguish them.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SpaceName(String);

/// A text is not a valid name of a space; the caller's mistake.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{name}` is not a valid name of a space; expected 1 to 64 of `a` to `z`, `0` to `9`, `-`, `_` and `.`, a letter or digit first"
)]
pub struct InvalidSpaceName {
    /// The text.
    pub name: String,
}

impl SpaceName {
    /// Checks a name.
    ///
    /// # Errors
    ///
    /// [`InvalidSpaceName`].
    pub fn new(name: impl Into<String>) -> Result<Self, InvalidSpaceName> {
        let name = name.into();
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let is_valid = name.len() <= MAX_LENGTH
            && name.bytes().next().is_some_and(is_plain)
            && name.bytes().all(|byte| is_plain(byte) || b"-_.".contains(&byte));
        if is_valid { Ok(Self(name)) } else { Err(InvalidSpaceName { name }) }
    }

    /// Returns the name of the space that is stored in the collection's own folder.
    pub fn main() -> Self {
        Self(MAIN.to_owned())
    }

    /// Returns whether it names the space that is stored in the collection's own folder.
    pub fn is_main(&self) -> bool {
        self.0 == MAIN
    }

    /// Returns the name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for SpaceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for SpaceName {
    type Err = InvalidSpaceName;

    fn from_str(name: &str) -> Result<Self, InvalidSpaceName> {
        Self::new(name)
    }
}

impl TryFrom<String> for SpaceName {
    type Error = InvalidSpaceName;

    fn try_from(name: String) -> Result<Self, InvalidSpaceName> {
        Self::new(name)
    }
}

impl From<SpaceName> for String {
    fn from(name: SpaceName) -> Self {
        name.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_never_lead_outside_the_folder_of_spaces() {
        for name in ["main", "v2", "2026-11.base_int8"] {
            assert_eq!(SpaceName::new(name).unwrap().as_str(), name);
        }
        for name in ["", ".", "..", "../v2", "a/b", "V2", "-v", " v2", "é", &"a".repeat(65)] {
            assert!(SpaceName::new(name).is_err(), "{name}");
        }
    }
}
