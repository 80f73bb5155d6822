//! The hash that names files by their content.

use std::fmt;

use serde::{Deserialize, Serialize};

/// XXH3-128 of a file's content, written as 32 hexadecimal digits.
///
/// Why not SHA-256? It guards against damage and not against attackers, at the speed of memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ContentHash(pub u128);

impl fmt::Display for ContentHash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:032x}", self.0)
    }
}

impl From<ContentHash> for String {
    fn from(hash: ContentHash) -> Self {
        hash.to_string()
    }
}

impl TryFrom<String> for ContentHash {
    type Error = String;

    /// Reads exactly what [`Display`](fmt::Display) writes, so that a hash can never be part of a path elsewhere.
    fn try_from(text: String) -> Result<Self, String> {
        u128::from_str_radix(&text, 16)
            .map(Self)
            .ok()
            .filter(|hash| hash.to_string() == text)
            .ok_or_else(|| format!("{text:?} is not a hash; expected 32 digits of 0-9 and a-f"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_hashes_are_read() {
        let hash = ContentHash(0x2a);
        assert_eq!(ContentHash::try_from(hash.to_string()), Ok(hash));
        for text in
            ["", "2a", "../../../../../etc/passwd0000000", "+000000000000000000000000000002a"]
        {
            assert!(ContentHash::try_from(text.to_owned()).is_err(), "{text}");
        }
    }
}
