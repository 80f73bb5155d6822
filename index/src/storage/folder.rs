//! A folder of the file system.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, Write};
use std::path::{Path, PathBuf};

use super::{FileContent, Item, Lock, LockResult, Storage, StorageFile};
use crate::error::LockHolder;

/// A folder of the file system.
#[derive(Debug, Clone)]
pub struct Folder {
    root: PathBuf,
}

impl Folder {
    /// Returns the folder at a path; it need not exist yet.
    pub fn at(root: impl Into<PathBuf>) -> Self {
        Self { root: root.into() }
    }
}

impl Storage for Folder {
    fn path(&self, name: &str) -> PathBuf {
        if name.is_empty() { self.root.clone() } else { self.root.join(name) }
    }

    fn create_folder(&self, name: &str) -> io::Result<()> {
        create_durably(&self.path(name))
    }

    fn remove_folder(&self, name: &str) -> io::Result<()> {
        fs::remove_dir(self.path(name))
    }

    fn list(&self, folder: &str) -> io::Result<Vec<Item>> {
        fs::read_dir(self.path(folder))?
            .map(|item| {
                let item = item?;
                let name = item.file_name().to_string_lossy().into_owned();
                Ok(Item { name, is_file: item.file_type()?.is_file() })
            })
            .collect()
    }

    fn read(&self, name: &str) -> io::Result<Vec<u8>> {
        fs::read(self.path(name))
    }

    fn map(&self, name: &str) -> io::Result<FileContent> {
        FileContent::map(self.path(name))
    }

    fn create(&self, name: &str) -> io::Result<Box<dyn StorageFile>> {
        Ok(Box::new(File::create(self.path(name))?))
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        fs::rename(self.path(from), self.path(to))
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        fs::remove_file(self.path(name))
    }

    fn sync_folder(&self, name: &str) -> io::Result<()> {
        File::open(self.path(name))?.sync_all()
    }

    /// The system releases the lock when the process ends, also after `kill -9`; the file with the process id remains and
    /// then has no meaning.
    fn lock(&self, name: &str) -> io::Result<LockResult> {
        let path = self.path(name);
        let mut file =
            OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)?;
        match file.try_lock() {
            Ok(()) => {
                write_pid(&mut file)?;
                Ok(LockResult::Acquired(Lock::new(file)))
            }
            Err(TryLockError::WouldBlock) => {
                Ok(LockResult::HeldBy(LockHolder { pid: read_pid(&file) }))
            }
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

impl StorageFile for File {
    fn sync(&mut self) -> io::Result<()> {
        self.sync_all()
    }
}

/// Creates a folder and its parents, and makes each new name durable in its parent.
///
/// The name of an existing folder is made durable too: the process that created it may have been killed before doing so.
fn create_durably(path: &Path) -> io::Result<()> {
    let parent = match path.parent() {
        None => return Ok(()),
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
    };
    if path.is_dir() {
        return match File::open(parent) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied => Ok(()),
            folder => folder?.sync_all(),
        };
    }
    create_durably(parent)?;
    match fs::create_dir(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => {}
        other => other?,
    }
    File::open(parent)?.sync_all()
}

fn write_pid(file: &mut File) -> io::Result<()> {
    file.set_len(0)?;
    file.rewind()?;
    write!(file, "{}", std::process::id())
}

fn read_pid(file: &File) -> Option<u32> {
    const MAX_DIGITS: u64 = 10;
    let mut text = String::new();
    file.take(MAX_DIGITS).read_to_string(&mut text).ok()?;
    text.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn creates_folders_with_their_parents() {
        let folder = tempfile::tempdir().unwrap();
        let storage = Folder::at(folder.path().join("a/b"));
        storage.create_folder("c").unwrap();
        storage.create_folder("c").unwrap();
        assert_eq!(storage.list("").unwrap(), [Item { name: "c".to_owned(), is_file: false }]);
    }

    #[test]
    fn lock_names_its_holder_until_it_is_dropped() {
        let folder = tempfile::tempdir().unwrap();
        let storage = Folder::at(folder.path());
        let first = storage.lock("lock").unwrap();
        let holder = LockHolder { pid: Some(std::process::id()) };
        assert!(
            matches!(storage.lock("lock").unwrap(), LockResult::HeldBy(held) if held == holder)
        );
        drop(first);
        assert!(matches!(storage.lock("lock").unwrap(), LockResult::Acquired(_)));
    }
}
