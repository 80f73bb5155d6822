//! Where a space's files are, and how one came to it.

use std::sync::Arc;

use super::serving::Serving;
use crate::error::Result;
use crate::recording::SpaceName;
use crate::storage::{Storage, Subfolder};

/// Name of the folder of all spaces but `main`.
pub(crate) const SPACES: &str = "spaces";

/// A space of a collection.
#[derive(Debug, Clone)]
pub(crate) struct Place {
    /// The collection's folder.
    root: Arc<dyn Storage>,
    /// The space's folder.
    pub(crate) storage: Arc<dyn Storage>,
    pub(crate) name: SpaceName,
    /// The pointer that was followed; nothing where the space was asked for by name.
    serving: Option<Serving>,
}

impl Place {
    /// Follows the pointer of a collection.
    pub(crate) fn served(root: Arc<dyn Storage>) -> Result<Self> {
        let serving = Serving::read(root.as_ref())?;
        let place = Self::named(root, serving.space.clone());
        Ok(Self { serving: Some(serving), ..place })
    }

    /// Names a space, whatever is served.
    pub(crate) fn named(root: Arc<dyn Storage>, name: SpaceName) -> Self {
        let storage: Arc<dyn Storage> = if name.is_main() {
            Arc::clone(&root)
        } else {
            Arc::new(Subfolder::at(Arc::clone(&root), format!("{SPACES}/{name}")))
        };
        Self { root, storage, name, serving: None }
    }

    /// Returns whether the pointer still leads here; always where none was followed.
    pub(crate) fn is_served(&self) -> Result<bool> {
        match &self.serving {
            None => Ok(true),
            Some(serving) => Ok(serving.is_same(&Serving::read(self.root.as_ref())?)),
        }
    }

    /// Returns whether no pointer was ever written.
    pub(crate) fn is_first(&self) -> bool {
        self.serving.as_ref().is_none_or(|serving| serving.number == 0)
    }

    /// Does something with the space that is served; where it fails and the pointer has changed meanwhile, with the one
    /// that is served now.
    pub(crate) fn try_served<T>(
        root: Arc<dyn Storage>,
        attempt: impl Fn(Self) -> Result<T>,
    ) -> Result<T> {
        /// Nobody promotes faster than this looks.
        const ATTEMPTS: usize = 10;
        let mut place = Self::served(root)?;
        for _ in 1..ATTEMPTS {
            match attempt(place.clone()) {
                Err(_) if !place.is_served()? => place = Self::served(Arc::clone(&place.root))?,
                other => return other,
            }
        }
        attempt(place)
    }

    /// Does something with the space that is served now, where this was found by the pointer, or else with this one.
    pub(crate) fn again_with<T>(&self, attempt: impl Fn(Self) -> Result<T>) -> Result<T> {
        match &self.serving {
            None => attempt(self.clone()),
            Some(_) => Self::try_served(Arc::clone(&self.root), attempt),
        }
    }
}
