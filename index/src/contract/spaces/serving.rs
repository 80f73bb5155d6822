//! Which embedding space of a collection is served, and the pointer that says so.

use serde::{Deserialize, Serialize};

use crate::error::Result;
use crate::recording::SpaceName;
use crate::storage::Lock;

/// The state of the pointer: which space is served, and which was before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Serving {
    /// Number of changes of the pointer. Number and space together identify a state, even if a space was dropped and
    /// another one created under its name.
    pub number: u64,
    /// The space that is served.
    pub space: SpaceName,
    /// The space that was served before, to which a rollback returns.
    pub previous: Option<SpaceName>,
}

impl Serving {
    /// Returns the state of a collection in which no space was ever promoted: `main` is served.
    pub(crate) fn first() -> Self {
        Self { number: 0, space: SpaceName::main(), previous: None }
    }

    /// Returns whether both are the same state, with no change in between.
    pub fn is_same(&self, other: &Self) -> bool {
        (self.number, &self.space) == (other.number, &other.space)
    }

    /// Returns the next state, in which another space is served.
    pub(crate) fn followed_by(&self, space: SpaceName) -> Self {
        Self { number: self.number + 1, space, previous: Some(self.space.clone()) }
    }
}

/// The pointer to the served space, which one write changes: a file in a folder, an alias on a server.
pub trait ServingPointer {
    /// Returns which space is served.
    ///
    /// # Errors
    ///
    /// Those of the store.
    fn serving(&self) -> Result<Serving>;

    /// Changes the pointer in one step, durably.
    ///
    /// # Errors
    ///
    /// Those of the store.
    fn set_serving(&self, serving: &Serving) -> Result<()>;

    /// Keeps others from changing the pointer until the lock is dropped. A server has no such lock: of two changes at
    /// once, the later one counts.
    ///
    /// # Errors
    ///
    /// [`Error::Locked`](crate::Error::Locked), and those of the store.
    fn lock(&self) -> Result<Option<Lock>>;

    /// Keeps writers out of a space until the lock is dropped. A server has no such lock.
    ///
    /// # Errors
    ///
    /// [`Error::Locked`](crate::Error::Locked) if the space is being written, and those of the store.
    fn lock_writers(&self, space: &SpaceName) -> Result<Option<Lock>>;
}
