//! Names of spaces.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// Name of the space that the collection's folder itself is.
const MAIN: &str = "main";

/// Most characters of a name.
const LONGEST: usize = 64;

/// The name of a space: 1 to 64 of `a` to `z`, `0` to `9`, `-`, `_` and `.`, a letter or digit first.
///
/// It is the name of a folder too; capitals are left out because not every file system tells them apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct SpaceName(String);

impl SpaceName {
    /// Reads a name.
    ///
    /// # Errors
    ///
    /// [`Error::SpaceName`].
    pub fn new(name: impl Into<String>) -> Result<Self, Error> {
        let name = name.into();
        let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
        let is_sound = name.len() <= LONGEST
            && name.bytes().next().is_some_and(is_plain)
            && name.bytes().all(|byte| is_plain(byte) || b"-_.".contains(&byte));
        if is_sound { Ok(Self(name)) } else { Err(Error::SpaceName { name }) }
    }

    /// Returns the name of the space that the collection's folder itself is.
    pub fn main() -> Self {
        Self(MAIN.to_owned())
    }

    /// Returns whether it names the space that the collection's folder itself is.
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
    type Err = Error;

    fn from_str(name: &str) -> Result<Self, Error> {
        Self::new(name)
    }
}

impl TryFrom<String> for SpaceName {
    type Error = Error;

    fn try_from(name: String) -> Result<Self, Error> {
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
    fn names_lead_to_no_other_folder() {
        for name in ["main", "v2", "2026-11.base_int8"] {
            assert_eq!(SpaceName::new(name).unwrap().as_str(), name);
        }
        for name in ["", ".", "..", "../v2", "a/b", "V2", "-v", " v2", "é", &"a".repeat(65)] {
            assert!(SpaceName::new(name).is_err(), "{name}");
        }
    }
}
