//! Deletes a space in a folder.

use super::{RECORD, SpaceFolder};
use crate::contract::CollectionWriter;
use crate::error::Result;
use crate::folder::cleanup::{files_in, remove_durably};
use crate::folder::manifest::Manifest;
use crate::folder::writer::{WRITER_LOCK, take_lock};
use crate::folder::{FolderWriter, SEGMENTS};
use crate::storage::Storage;
use crate::storage::cache_files::CacheFiles;
use crate::storage::track_file::TRACKS;

/// Removes every recording in one step, and then their files.
pub(super) fn empty(folder: SpaceFolder) -> Result<()> {
    let space = Manifest::read_newest(folder.storage.as_ref())?.space;
    let mut writer = FolderWriter::open_at(folder, &space)?;
    writer.remove_all()?;
    writer.purge().map(|_| ())
}

/// Removes a space with its folder.
pub(super) fn remove(folder: &SpaceFolder) -> Result<()> {
    let storage = folder.storage.as_ref();
    let lock = take_lock(storage)?;
    // Without its record it is not a space any more, whatever else is left.
    remove_durably(storage, &[RECORD.to_owned()])?;
    drop(lock);
    remove_files(storage)?;
    // Best effort: an empty folder does no harm, and a folder with other files stays.
    let _ = storage.remove(WRITER_LOCK);
    for name in subfolders().into_iter().chain([""]) {
        let _ = storage.remove_folder(name);
    }
    Ok(())
}

/// Removes all our files from the folder of a space; other files stay.
pub(super) fn remove_files(storage: &dyn Storage) -> Result<()> {
    for folder in std::iter::once("").chain(subfolders()) {
        let files = files_in(storage, folder)?.into_iter();
        let files: Vec<String> = files.filter(|name| name != WRITER_LOCK).collect();
        remove_durably(storage, &files)?;
    }
    Ok(())
}

fn subfolders() -> [&'static str; 4] {
    let [ivf, hnsw] = CacheFiles::ALL.map(|kind| kind.folder);
    [SEGMENTS, ivf, hnsw, TRACKS]
}
