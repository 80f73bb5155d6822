//! Files beside a collection that can be made anew at any time, each named by its content.

use crate::error::{Error, Result};
use crate::recording::SegmentHash;
use crate::storage::{PublishError, Storage, publish};

/// Where the files of one kind are.
#[derive(Debug, Clone, Copy)]
pub(crate) struct CacheFiles {
    /// Their folder in a collection.
    pub(crate) folder: &'static str,
    /// How their names end, after the hash.
    pub(crate) suffix: &'static str,
}

impl CacheFiles {
    /// Returns the files that are there, and the hash of what their names say that they hold.
    pub(crate) fn list(self, storage: &dyn Storage) -> Result<Vec<(String, SegmentHash)>> {
        let items = match storage.list(self.folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
            other => other.map_err(Error::io(&storage.path(self.folder), "read"))?,
        };
        let hash =
            |name: &str| SegmentHash::try_from(name.strip_suffix(self.suffix)?.to_owned()).ok();
        let files = items.into_iter().filter(|item| item.is_file);
        Ok(files
            .filter_map(|item| Some((format!("{}/{}", self.folder, item.name), hash(&item.name)?)))
            .collect())
    }

    /// Writes a file in place of the others.
    pub(crate) fn publish(
        self,
        storage: &dyn Storage,
        hash: SegmentHash,
        bytes: &[u8],
    ) -> Result<()> {
        let Self { folder, suffix } = self;
        storage.create_folder(folder).map_err(Error::io(&storage.path(folder), "create"))?;
        publish(storage, folder, &format!("{hash}{suffix}"), bytes).map_err(|failed| {
            let PublishError { name, action, source, .. } = failed;
            Error::Io { path: storage.path(&name), action, source }
        })?;
        for (name, other) in self.list(storage)? {
            if other != hash {
                // Best effort: another one does no harm but take room.
                let _ = storage.remove(&name);
            }
        }
        Ok(())
    }
}
