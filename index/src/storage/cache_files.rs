//! Files beside a collection that can be rebuilt from its segments at any time, each named by its content.

use super::{Storage, write_atomically};
use crate::error::{Error, Result};
use crate::recording::ContentHash;

/// One kind of cache file.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CacheFiles {
    /// Their folder in a collection.
    pub(crate) folder: &'static str,
    /// Suffix of their names, after the hash.
    pub(crate) suffix: &'static str,
}

impl CacheFiles {
    /// Inverted lists, see `search::ivf`.
    pub(crate) const IVF: Self = Self { folder: "ivf", suffix: ".ivf" };

    /// Frozen graphs, see `search::hnsw`.
    pub(crate) const HNSW: Self = Self { folder: "hnsw", suffix: ".hnsw" };

    /// Every kind.
    pub(crate) const ALL: [Self; 2] = [Self::IVF, Self::HNSW];

    /// Returns the names of the files, and the content hash that each name claims.
    pub(crate) fn list(self, storage: &dyn Storage) -> Result<Vec<(String, ContentHash)>> {
        let items = match storage.list(self.folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other.map_err(Error::io(&storage.path(self.folder), "read"))?,
        };
        let hash =
            |name: &str| ContentHash::try_from(name.strip_suffix(self.suffix)?.to_owned()).ok();
        let files = items.into_iter().filter(|item| item.is_file);
        Ok(files
            .filter_map(|item| Some((format!("{}/{}", self.folder, item.name), hash(&item.name)?)))
            .collect())
    }

    /// Writes a file and removes the others of its kind.
    pub(crate) fn replace(
        self,
        storage: &dyn Storage,
        hash: ContentHash,
        bytes: &[u8],
    ) -> Result<()> {
        let Self { folder, suffix } = self;
        storage.create_folder(folder).map_err(Error::io(&storage.path(folder), "create"))?;
        write_atomically(storage, folder, &format!("{hash}{suffix}"), bytes)
            .map_err(|error| error.into_error(storage))?;
        for (name, other) in self.list(storage)? {
            if other != hash {
                // Best effort: another file only takes space.
                let _ = storage.remove(&name);
            }
        }
        Ok(())
    }
}
