//! Files of a collection: the one way to the disk, and the sealed formats that are read and written through it.
//!
//! All access goes through the trait [`Storage`], so that tests can fail any operation and replay what a power cut leaves
//! ([`Simulated`]). Above it: `atomic_write` publishes whole files, `envelope` and `checksummed_lines` protect binary and
//! text files by checksums, `segment` is the file of a recording, `track_file` that of its
//! concept track, and `cache_files` manages other files that can be rebuilt.
//!
//! Names are relative to the collection's folder and use `/`; the empty name is the folder itself.

mod atomic_write;
pub(crate) mod cache_files;
pub(crate) mod checksummed_lines;
pub(crate) mod envelope;
mod file_content;
mod folder;
pub(crate) mod segment;
mod simulated;
mod subfolder;
pub(crate) mod track_file;

use std::fmt::Debug;
use std::io;
use std::path::PathBuf;

pub(crate) use atomic_write::{UNFINISHED, write_atomically};
pub use file_content::FileContent;
pub use folder::Folder;
pub use simulated::{CrashImage, Fault, Simulated};
pub use subfolder::Subfolder;

use crate::error::LockHolder;

/// The operations on a folder that a collection needs.
///
/// Nothing is durable before it is synchronised: the bytes of a file by [`StorageFile::sync`],
/// names (new, changed or removed) by [`sync_folder`](Self::sync_folder).
pub trait Storage: Debug + Send + Sync {
    /// Returns the full path of a name, for messages.
    fn path(&self, name: &str) -> PathBuf;

    /// Creates a folder and its parents, durably; succeeds if it exists.
    fn create_folder(&self, name: &str) -> io::Result<()>;

    /// Removes an empty folder.
    fn remove_folder(&self, name: &str) -> io::Result<()>;

    /// Returns the items of a folder, in no particular order.
    fn list(&self, folder: &str) -> io::Result<Vec<Item>>;

    /// Returns the content of a file.
    fn read(&self, name: &str) -> io::Result<Vec<u8>>;

    /// Returns the content of a file that is never changed again, without reading it if possible.
    fn map(&self, name: &str) -> io::Result<FileContent> {
        self.read(name).map(FileContent::from)
    }

    /// Creates a file, or truncates the existing one.
    fn create(&self, name: &str) -> io::Result<Box<dyn StorageFile>>;

    /// Renames a file in one step and replaces a file of the new name.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Makes the names in a folder durable.
    fn sync_folder(&self, name: &str) -> io::Result<()>;

    /// Takes the lock of that file name, or returns its holder; never waits.
    fn lock(&self, name: &str) -> io::Result<LockResult>;
}

/// A file that is being written.
pub trait StorageFile: io::Write {
    /// Makes everything written so far durable.
    fn sync(&mut self) -> io::Result<()>;
}

/// An item of a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its name, without that of the folder.
    pub name: String,
    /// Whether it is a regular file, and not a folder, link or device.
    pub is_file: bool,
}

/// The result of [`Storage::lock`].
#[derive(Debug)]
pub enum LockResult {
    /// The lock is held until this is dropped or the process ends.
    Acquired(Lock),
    /// Another writer holds the lock.
    HeldBy(LockHolder),
}

/// A lock that is held; dropping it releases the lock.
#[derive(Debug)]
pub struct Lock {
    _guard: Box<dyn Debug + Send + Sync>,
}

impl Lock {
    /// Wraps a value that releases the lock when it is dropped.
    pub fn new(guard: impl Debug + Send + Sync + 'static) -> Self {
        Self { _guard: Box::new(guard) }
    }
}
