//! A folder in a folder, as a storage of its own.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;

use super::{FileContent, Item, Locking, Storage, StorageFile};

/// A folder of another storage.
#[derive(Debug, Clone)]
pub struct Below {
    above: Arc<dyn Storage>,
    folder: String,
}

impl Below {
    /// Names a folder of a storage, which need not exist yet.
    pub fn at(above: Arc<dyn Storage>, folder: impl Into<String>) -> Self {
        Self { above, folder: folder.into() }
    }

    fn full(&self, name: &str) -> String {
        if name.is_empty() { self.folder.clone() } else { format!("{}/{name}", self.folder) }
    }
}

impl Storage for Below {
    fn path(&self, name: &str) -> PathBuf {
        self.above.path(&self.full(name))
    }

    fn create_folder(&self, name: &str) -> io::Result<()> {
        self.above.create_folder(&self.full(name))
    }

    fn remove_folder(&self, name: &str) -> io::Result<()> {
        self.above.remove_folder(&self.full(name))
    }

    fn list(&self, folder: &str) -> io::Result<Vec<Item>> {
        self.above.list(&self.full(folder))
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        self.above.read(&self.full(name))
    }

    fn map(&self, name: &str) -> io::Result<FileContent> {
        self.above.map(&self.full(name))
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn StorageFile>> {
        self.above.create(&self.full(name))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        self.above.rename(&self.full(from), &self.full(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        self.above.remove(&self.full(name))
    }

    fn sync_folder(&self, name: &str) -> io::Result<()> {
        self.above.sync_folder(&self.full(name))
    }

    fn lock(&self, name: &str) -> io::Result<Locking> {
        self.above.lock(&self.full(name))
    }
}
