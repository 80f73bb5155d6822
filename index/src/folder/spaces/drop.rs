//! Takes a space away.

use std::sync::Arc;

use super::Spaces;
use super::place::Place;
use super::record::RECORD;
use super::serving::Serving;
use crate::error::{Error, Result};
use crate::folder::CollectionWriter;
use crate::folder::SEGMENTS;
use crate::folder::writer::{LOCK, take_lock};
use crate::recording::SpaceName;
use crate::storage::Storage;
use crate::storage::cache_files::CacheFiles;

impl Spaces {
    /// Removes a space and its files; `main` is emptied instead, since its folder is the collection's.
    ///
    /// A reader that still holds a snapshot of it may find that files are gone.
    ///
    /// # Errors
    ///
    /// [`Error::ServedSpace`], [`Error::UnknownSpace`], [`Error::Locked`] where somebody writes to it, and
    /// [`Error::Io`]; calling again goes on, or `create` does.
    pub fn drop(&self, name: &SpaceName) -> Result<()> {
        let _lock = self.lock()?;
        let serving = self.serving()?;
        let place = self.place(name)?;
        if serving.space == *name {
            return Err(Error::ServedSpace { path: self.path(), name: name.clone() });
        }
        if serving.previous.as_ref() == Some(name) {
            // The number stays: what is served does.
            Serving { previous: None, ..serving }.write(self.root.as_ref())?;
        }
        if name.is_main() {
            let mut writer = self.writer(name)?;
            return empty(&mut writer);
        }
        let lock = take_lock(place.storage.as_ref())?;
        remove_durably(place.storage.as_ref(), &[RECORD.to_owned()])?;
        drop(lock);
        clear(place.storage.as_ref())?;
        remove_folder(&place);
        Ok(())
    }
}

/// Takes every recording out, in one step, and then their files away.
fn empty(writer: &mut CollectionWriter) -> Result<()> {
    writer.remove_all()?;
    writer.purge().map(|_| ())
}

/// Removes every file of ours from a space's folder; what others have put there stays.
pub(super) fn clear(storage: &dyn Storage) -> Result<()> {
    for folder in ["", SEGMENTS, CacheFiles::IVF.folder, CacheFiles::HNSW.folder] {
        let items = match storage.list(folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            items => items.map_err(Error::io(&storage.path(folder), "read"))?,
        };
        let files = items.into_iter().filter(|item| item.is_file && item.name != LOCK);
        let in_folder = |name: String| {
            if folder.is_empty() { name } else { format!("{folder}/{name}") }
        };
        let files: Vec<String> = files.map(|item| in_folder(item.name)).collect();
        remove_durably(storage, &files)?;
    }
    Ok(())
}

fn remove_durably(storage: &dyn Storage, files: &[String]) -> Result<()> {
    for name in files {
        storage.remove(name).map_err(Error::io(&storage.path(name), "remove"))?;
    }
    match files.first() {
        None => Ok(()),
        Some(name) => {
            let folder = name.rsplit_once('/').map_or("", |(folder, _)| folder);
            storage.sync_folder(folder).map_err(Error::io(&storage.path(folder), "synchronise"))
        }
    }
}

/// Removes the folder itself, if nobody has put anything else there: it is no space any more in any case.
fn remove_folder(place: &Place) {
    let storage = Arc::clone(&place.storage);
    // Best effort: an empty folder does no harm.
    let _ = storage.remove(LOCK);
    for folder in [SEGMENTS, CacheFiles::IVF.folder, CacheFiles::HNSW.folder, ""] {
        let _ = storage.remove_folder(folder);
    }
}
