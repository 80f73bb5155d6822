//! The folder of a space, and how it was found: by the pointer or by name.

use std::sync::Arc;

use super::read_serving;
use crate::contract::Serving;
use crate::error::{LocationName, Result};
use crate::recording::SpaceName;
use crate::storage::{Storage, Subfolder};

/// Name of the folder of all spaces except `main`.
pub(crate) const SPACES: &str = "spaces";

/// How often opening the served space starts again because another one was promoted meanwhile.
const ATTEMPTS: usize = 10;

/// The folder of a space of a collection.
#[derive(Debug, Clone)]
pub(crate) struct SpaceFolder {
    /// The folder of the collection.
    root: Arc<dyn Storage>,
    /// The folder of the space.
    pub(crate) storage: Arc<dyn Storage>,
    pub(crate) name: SpaceName,
    /// The state of the pointer that was followed, or `None` if the space was opened by name.
    followed: Option<Serving>,
}

impl SpaceFolder {
    /// Follows the pointer of a collection.
    pub(crate) fn served(root: Arc<dyn Storage>) -> Result<Self> {
        let serving = read_serving(root.as_ref())?;
        let folder = Self::named(root, serving.space.clone());
        Ok(Self { followed: Some(serving), ..folder })
    }

    /// Returns the folder of a space, whichever is served; it need not exist.
    pub(crate) fn named(root: Arc<dyn Storage>, name: SpaceName) -> Self {
        let storage: Arc<dyn Storage> = if name.is_main() {
            Arc::clone(&root)
        } else {
            Arc::new(Subfolder::at(Arc::clone(&root), format!("{SPACES}/{name}")))
        };
        Self { root, storage, name, followed: None }
    }

    /// Returns the folder, for messages.
    pub(crate) fn location(&self) -> LocationName {
        LocationName::Path(self.storage.path(""))
    }

    /// Returns whether the pointer still leads here; always `true` if the space was opened by name.
    pub(crate) fn is_served(&self) -> Result<bool> {
        match &self.followed {
            None => Ok(true),
            Some(serving) => Ok(serving.is_same(&read_serving(self.root.as_ref())?)),
        }
    }

    /// Returns whether the pointer that was followed has never been changed.
    pub(crate) fn was_never_promoted(&self) -> bool {
        self.followed.as_ref().is_none_or(|serving| serving.number == 0)
    }

    /// Tries something with the served space. If it fails and the pointer has changed meanwhile, tries again with the space
    /// that is served now.
    pub(crate) fn try_served<T>(
        root: Arc<dyn Storage>,
        attempt: impl Fn(Self) -> Result<T>,
    ) -> Result<T> {
        let mut folder = Self::served(root)?;
        for _ in 1..ATTEMPTS {
            match attempt(folder.clone()) {
                Err(_) if !folder.is_served()? => folder = Self::served(Arc::clone(&folder.root))?,
                other => return other,
            }
        }
        attempt(folder)
    }
}
