//! Which space of a collection is served: the pointer that a promotion replaces in one step.

use serde::{Deserialize, Serialize};

use super::note;
use crate::error::Result;
use crate::recording::SpaceName;
use crate::storage::Storage;

/// Name of the pointer's file in a collection.
pub(crate) const SERVING: &str = "serving.jsonl";

/// Which space is served, and which was before.
///
/// `serving.jsonl` holds it, as `{"format":1,"number":3,"space":"v2","previous":"main"}` and a line with the checksum
/// of the first, `{"xxh3":"…"}`. Where there is no such file the folder itself is served, as in every collection that
/// has known no other space.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Serving {
    /// How often the pointer was changed. EmbeddingSpace and number together tell one state from all others, even where a space
    /// was dropped and another one made under its name.
    pub number: u64,
    /// The space that is served.
    pub space: SpaceName,
    /// The one that was served before, to which [`roll_back`](crate::Spaces::roll_back) returns.
    pub previous: Option<SpaceName>,
}

impl Serving {
    /// Reads the pointer of a collection.
    ///
    /// # Errors
    ///
    /// [`Error::Damaged`](crate::Error::Damaged), [`Error::Format`](crate::Error::Format) and
    /// [`Error::Io`](crate::Error::Io).
    pub(crate) fn read(root: &dyn Storage) -> Result<Self> {
        Ok(note::read(root, SERVING)?.unwrap_or_else(Self::first))
    }

    /// Returns what is served where nobody has promoted anything.
    pub(crate) fn first() -> Self {
        Self { number: 0, space: SpaceName::main(), previous: None }
    }

    /// Makes this what is served.
    pub(super) fn write(&self, root: &dyn Storage) -> Result<()> {
        note::write(root, SERVING, self)
    }

    /// Returns whether both lead to the same space, with no change between.
    pub fn is_same(&self, other: &Self) -> bool {
        (self.number, &self.space) == (other.number, &other.space)
    }

    /// Returns the state in which another space is served.
    pub(crate) fn followed_by(&self, space: SpaceName) -> Self {
        Self { number: self.number + 1, space, previous: Some(self.space.clone()) }
    }
}
