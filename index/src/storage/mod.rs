//! The one way to the disk, so that tests can fail any operation and replay what a power cut leaves.
//!
//! Names are relative to the collection's folder and use `/`; the folder itself is the empty name.

mod below;
mod cache_files;
pub(crate) mod checksummed_lines;
pub(crate) mod envelope;
mod file_content;
mod folder;
mod missing;
mod open_segment;
pub(crate) mod segment;
mod simulated;

use std::fmt::Debug;
use std::io;
use std::path::PathBuf;

pub use below::Below;
pub(crate) use cache_files::CacheFiles;
pub use file_content::FileContent;
pub use folder::Folder;
pub use missing::MissingRecording;
pub(crate) use open_segment::Handle;
pub use simulated::{CrashImage, Fault, Simulated};

use crate::error::Holder;

/// What a collection asks of a folder.
///
/// Nothing is durable before it is synchronised: the bytes of a file by [`StorageFile::sync`],
/// names (new, changed or removed) by [`sync_folder`](Self::sync_folder).
pub trait Storage: Debug + Send + Sync {
    /// Returns the full path of a name, for messages.
    fn path(&self, name: &str) -> PathBuf;

    /// Creates a folder and those above it, durably; one that is there is left as it is.
    fn create_folder(&self, name: &str) -> io::Result<()>;

    /// Removes an empty folder.
    fn remove_folder(&self, name: &str) -> io::Result<()>;

    /// Returns what is in a folder, in no particular order.
    fn list(&self, folder: &str) -> io::Result<Vec<Item>>;

    /// Returns the content of a file.
    fn read(&self, name: &str) -> io::Result<Vec<u8>>;

    /// Returns the content of a file that nobody changes any more, without reading it where that is possible.
    fn map(&self, name: &str) -> io::Result<FileContent> {
        self.read(name).map(FileContent::from)
    }

    /// Creates a file, or empties the one that is there.
    fn create(&self, name: &str) -> io::Result<Box<dyn StorageFile>>;

    /// Gives a file another name in one step; a file of that name is replaced.
    fn rename(&self, from: &str, to: &str) -> io::Result<()>;

    /// Removes a file.
    fn remove(&self, name: &str) -> io::Result<()>;

    /// Makes the names in a folder durable.
    fn sync_folder(&self, name: &str) -> io::Result<()>;

    /// Takes the lock of that file name, or says who has it; never waits.
    fn lock(&self, name: &str) -> io::Result<Locking>;
}

/// A file that is being written.
pub trait StorageFile: io::Write {
    /// Makes all that was written durable.
    fn sync(&mut self) -> io::Result<()>;
}

/// One thing in a folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// Its name, without the folder's.
    pub name: String,
    /// Whether it is a regular file, no folder, link or device.
    pub is_file: bool,
}

/// The answer to [`Storage::lock`].
#[derive(Debug)]
pub enum Locking {
    /// The lock is ours until this is dropped, or the process ends however it may.
    Ours(Lock),
    /// Another writer has it.
    HeldBy(Holder),
}

/// A lock that is held; dropping it gives it back.
#[derive(Debug)]
pub struct Lock {
    _held: Box<dyn Debug + Send + Sync>,
}

impl Lock {
    /// Wraps whatever gives the lock back when it is dropped.
    pub fn new(held: impl Debug + Send + Sync + 'static) -> Self {
        Self { _held: Box::new(held) }
    }
}

/// How a file that is not finished ends.
pub(crate) const UNFINISHED: &str = ".tmp";

/// Why a file could not be published.
#[derive(Debug)]
pub(crate) struct PublishError {
    pub(crate) name: String,
    pub(crate) action: &'static str,
    pub(crate) source: io::Error,
    /// Whether the file may or may not be there, and stay or not.
    pub(crate) in_doubt: bool,
}

/// Writes a file that is there durably and whole when this returns, and not at all before its last step but one.
///
/// Where it fails before the name was changed, nothing of it stays.
pub(crate) fn publish(
    storage: &dyn Storage,
    folder: &str,
    file_name: &str,
    bytes: &[u8],
) -> Result<(), PublishError> {
    let name =
        if folder.is_empty() { file_name.to_owned() } else { format!("{folder}/{file_name}") };
    let unfinished = format!("{name}{UNFINISHED}");
    let failed = |name: &str, action, in_doubt| {
        let name = name.to_owned();
        move |source| PublishError { name, action, source, in_doubt }
    };
    write_whole(storage, &unfinished, bytes)
        .map_err(failed(&unfinished, "write", false))
        .and_then(|()| {
            storage.rename(&unfinished, &name).map_err(failed(&name, "rename a file to", false))
        })
        .inspect_err(|_| {
            // Best effort: on a full disk this gives the space back, and the next writer clears up as well.
            let _ = storage.remove(&unfinished);
        })?;
    // A second attempt could succeed although the first one's names are lost, so failure here is final.
    storage.sync_folder(folder).map_err(failed(folder, "synchronise", true))
}

fn write_whole(storage: &dyn Storage, name: &str, bytes: &[u8]) -> io::Result<()> {
    let mut file = storage.create(name)?;
    file.write_all(bytes)?;
    file.sync()
}
