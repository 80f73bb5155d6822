//! Where an engine finds its collection.

use std::path::{Path, PathBuf};

use nocturne_index::qdrant::{QdrantSettings, QdrantSpaces};
use nocturne_index::{Result, SpaceKeeper, Spaces};

/// Where a collection is.
#[derive(Debug, Clone, PartialEq)]
pub enum Source {
    /// In a folder of this machine.
    Folder(PathBuf),
    /// In a server of Qdrant.
    Qdrant(Box<QdrantSettings>),
}

impl Source {
    /// Returns the spaces of the collection.
    pub(crate) fn spaces(&self) -> Result<Box<dyn SpaceKeeper>> {
        Ok(match self {
            Self::Folder(folder) => Box::new(Spaces::of(folder)),
            Self::Qdrant(settings) => {
                let url = settings.url.of_collection();
                Box::new(QdrantSpaces::of(QdrantSettings { url, ..(**settings).clone() })?)
            }
        })
    }
}

impl<P: AsRef<Path> + ?Sized> From<&P> for Source {
    fn from(folder: &P) -> Self {
        Self::Folder(folder.as_ref().to_owned())
    }
}

impl From<QdrantSettings> for Source {
    fn from(settings: QdrantSettings) -> Self {
        Self::Qdrant(Box::new(settings))
    }
}
