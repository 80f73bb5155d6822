//! The embedding spaces of a collection in a folder.
//!
//! # Why is a promotion one step?
//!
//! Readers and writers find their space by `serving.jsonl`, once, when they are opened. The file is written under a
//! temporary name, made durable and then renamed, so that there is the previous one or the new one. The lock of the
//! writer of the served space is held meanwhile: nothing is added to it that the promotion would hide.

mod delete;
mod note;
mod space_folder;

use std::io::ErrorKind;
use std::path::Path;
use std::sync::Arc;

pub(super) use space_folder::{SPACES, SpaceFolder};

use super::manifest::Manifest;
use super::writer::{refuse_other_files, take_lock};
use super::{FolderReader, FolderWriter};
use crate::contract::{
    CollectionReader, CollectionWriter, Serving, ServingPointer, SpaceRecord, Spaces,
};
use crate::error::{Error, FoundInstead, LocationName, Result};
use crate::recording::{EmbeddingSpace, SpaceName};
use crate::storage::{Folder, Lock, LockResult, Storage};

/// Name of the file of the pointer in a collection: a [`Serving`] as a [`note`]. Without the file, `main` is served.
pub(super) const SERVING: &str = "serving.jsonl";

/// Name of the file of the record in the folder of a space: a [`SpaceRecord`] as a [`note`].
pub(super) const RECORD: &str = "space.jsonl";

/// Name of the file that is locked while the pointer is changed, or a space created or dropped.
const SPACES_LOCK: &str = "spaces.lock";

/// The embedding spaces of a collection in a folder.
#[derive(Debug, Clone)]
pub struct FolderSpaces {
    root: Arc<dyn Storage>,
}

impl FolderSpaces {
    /// Names the collection in a folder.
    pub fn of(folder: &Path) -> Self {
        Self::of_storage(Arc::new(Folder::at(folder)))
    }

    /// Names a collection in any kind of storage.
    pub fn of_storage(root: Arc<dyn Storage>) -> Self {
        Self { root }
    }

    /// Returns the folder of a space that exists.
    fn known(&self, name: &SpaceName) -> Result<SpaceFolder> {
        if !name.is_main() && !self.exists(name)? {
            let known: Vec<String> = self.names()?.iter().map(ToString::to_string).collect();
            let (location, known) = (self.location(), known.join("`, `"));
            return Err(Error::UnknownSpace { location, name: name.clone(), known });
        }
        Ok(self.folder_of(name))
    }

    fn folder_of(&self, name: &SpaceName) -> SpaceFolder {
        SpaceFolder::named(Arc::clone(&self.root), name.clone())
    }

    /// Returns whether a space other than `main` has both its record and a manifest: it is created and dropped by one of
    /// them.
    fn exists(&self, name: &SpaceName) -> Result<bool> {
        let folder = format!("{SPACES}/{name}");
        match self.root.list(&folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
            Err(error) => Err(Error::io(&self.root.path(&folder), "read")(error)),
            Ok(items) => {
                let has = |is_it: fn(&str) -> bool| items.iter().any(|item| is_it(&item.name));
                Ok(has(|name| name == RECORD)
                    && has(|name| Manifest::generation_of(name).is_some()))
            }
        }
    }
}

impl ServingPointer for FolderSpaces {
    fn serving(&self) -> Result<Serving> {
        read_serving(self.root.as_ref())
    }

    fn set_serving(&self, serving: &Serving) -> Result<()> {
        // What a killed process has renamed in the space is visible but perhaps not durable yet. It must not be served
        // before it is.
        let storage = self.folder_of(&serving.space).storage;
        storage.sync_folder("").map_err(Error::io(&storage.path(""), "synchronise"))?;
        note::write(self.root.as_ref(), SERVING, serving)
    }

    fn lock(&self) -> Result<Option<Lock>> {
        // Before the lock, so that no lock file appears in a folder that is not a collection.
        self.names()?;
        let path = self.root.path(SPACES_LOCK);
        match self.root.lock(SPACES_LOCK).map_err(Error::io(&path, "lock"))? {
            LockResult::Acquired(lock) => Ok(Some(lock)),
            LockResult::HeldBy(holder) => Err(Error::Locked { path: self.root.path(""), holder }),
        }
    }

    fn lock_writers(&self, space: &SpaceName) -> Result<Option<Lock>> {
        take_lock(self.folder_of(space).storage.as_ref()).map(Some)
    }
}

impl Spaces for FolderSpaces {
    fn location(&self) -> LocationName {
        LocationName::Path(self.root.path(""))
    }

    fn names(&self) -> Result<Vec<SpaceName>> {
        let mut names = Vec::new();
        let has_main = !Manifest::generations(self.root.as_ref())?.is_empty();
        names.extend(has_main.then(SpaceName::main));
        let items = match self.root.list(SPACES) {
            Err(error) if error.kind() == ErrorKind::NotFound => Vec::new(),
            items => items.map_err(Error::io(&self.root.path(SPACES), "read"))?,
        };
        let folders = items.into_iter().filter(|item| !item.is_file);
        let mut others: Vec<SpaceName> =
            folders.filter_map(|item| SpaceName::new(item.name).ok()).collect();
        others.sort();
        for name in others {
            if !name.is_main() && self.exists(&name)? {
                names.push(name);
            }
        }
        if names.is_empty() {
            let found = FoundInstead::OtherFolder;
            return Err(Error::NotACollection { location: self.location(), found });
        }
        Ok(names)
    }

    fn reader(&self, name: &SpaceName) -> Result<Box<dyn CollectionReader>> {
        Ok(Box::new(FolderReader::open_at(self.known(name)?)?))
    }

    fn writer(&self, name: &SpaceName) -> Result<Box<dyn CollectionWriter>> {
        let folder = self.known(name)?;
        let space = Manifest::read_newest(folder.storage.as_ref())?.space;
        Ok(Box::new(FolderWriter::open_at(folder, &space)?))
    }

    fn copy_writer(
        &self,
        name: &SpaceName,
        space: &EmbeddingSpace,
    ) -> Result<Box<dyn CollectionWriter>> {
        Ok(Box::new(FolderWriter::open_for_copy(self.folder_of(name), space)?))
    }

    fn start_copy(&self, serving: &Serving) -> Result<()> {
        let is_unfinished_copy = self.serving()?.number > 0;
        if !is_unfinished_copy {
            refuse_other_files(self.root.as_ref())?;
        }
        if serving.number == 0 {
            // `main` is served, and comes last.
            return Ok(());
        }
        // The pointer leads to a space that does not exist yet, which keeps readers out.
        self.root.create_folder("").map_err(Error::io(&self.root.path(""), "create"))?;
        note::write(self.root.as_ref(), SERVING, serving)
    }

    fn record(&self, name: &SpaceName) -> Result<Option<SpaceRecord>> {
        read_record(self.known(name)?.storage.as_ref())
    }

    fn create(&self, record: &SpaceRecord) -> Result<()> {
        let _lock = self.lock()?;
        if self.names()?.contains(&record.name) || record.name.is_main() {
            let (location, name) = (self.location(), record.name.clone());
            return Err(Error::SpaceExists { location, name });
        }
        let folder = self.folder_of(&record.name);
        delete::remove_files(folder.storage.as_ref())?;
        let writer = FolderWriter::create_at(&folder, &record.space)?;
        // Without its record it is not a space, so this comes last.
        write_record(folder.storage.as_ref(), record)?;
        drop(writer);
        Ok(())
    }

    /// `main` is emptied, because its folder is the collection's.
    fn delete(&self, name: &SpaceName) -> Result<()> {
        let folder = self.known(name)?;
        if name.is_main() { delete::empty(folder) } else { delete::remove(&folder) }
    }
}

/// Reads the pointer of a collection.
fn read_serving(root: &dyn Storage) -> Result<Serving> {
    Ok(note::read(root, SERVING)?.unwrap_or_else(Serving::first))
}

/// Reads the record of a space, if there is one.
pub(super) fn read_record(storage: &dyn Storage) -> Result<Option<SpaceRecord>> {
    note::read(storage, RECORD)
}

/// Writes the record of a space.
pub(super) fn write_record(storage: &dyn Storage, record: &SpaceRecord) -> Result<()> {
    note::write(storage, RECORD, record)
}
