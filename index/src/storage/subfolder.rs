//! A folder of another storage, as a storage of its own.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::{FileContent, Item, LockResult, Storage, StorageFile};

/// A folder of another storage.
#[derive(Debug, Clone)]
pub struct Subfolder {
    parent: Arc<dyn Storage>,
    folder: String,
}

impl Subfolder {
    /// Returns a folder of a storage; it need not exist yet.
    pub fn at(parent: Arc<dyn Storage>, folder: impl Into<String>) -> Self {
        Self { parent, folder: folder.into() }
    }

    fn full(&self, name: &str) -> String {
        if name.is_empty() { self.folder.clone() } else { format!("{}/{name}", self.folder) }
    }
}

impl Storage for Subfolder {
    fn path(&self, name: &str) -> PathBuf {
        self.parent.path(&self.full(name))
    }

    fn create_folder(&self, name: &str) -> io::Result<()> {
        self.parent.create_folder(&self.full(name))
    }

    fn remove_folder(&self, name: &str) -> io::Result<()> {
        self.parent.remove_folder(&self.full(name))
    }

    fn list(&self, folder: &str) -> io::Result<Vec<Item>> {
        self.parent.list(&self.full(folder))
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        self.parent.read(&self.full(name))
    }

    fn map(&self, name: &str) -> io::Result<FileContent> {
        self.parent.map(&self.full(name))
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn StorageFile>> {
        self.parent.create(&self.full(name))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.parent.rename(&self.full(from), &self.full(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.parent.remove(&self.full(name))
    }

    fn sync_folder(&self, name: &str) -> io::Result<()> {
        self.parent.sync_folder(&self.full(name))
    }

    fn lock(&self, name: &str) -> io::Result<LockResult> {
        self.parent.lock(&self.full(name))
    }
}
