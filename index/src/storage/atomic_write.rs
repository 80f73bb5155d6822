//! Writes a whole file in one step: after a crash there is the new file, the previous one, or none, but never a part.
//!
//! The steps are those of `edf::durable`. They are written again here because they must go through [`Storage`], so that
//! tests can fail each of them and cut the power between them.

use std::io;

use super::Storage;
use crate::error::Error;

/// Suffix of a file that is not complete.
pub(crate) const UNFINISHED: &str = ".tmp";

/// Why a file could not be written.
#[derive(Debug)]
pub(crate) struct WriteError {
    pub(crate) name: String,
    pub(crate) action: &'static str,
    pub(crate) source: io::Error,
    /// Whether the new name may or may not survive a power cut.
    pub(crate) is_in_doubt: bool,
}

impl WriteError {
    /// Returns the error for the caller, with the full path.
    pub(crate) fn into_error(self, storage: &dyn Storage) -> Error {
        let Self { name, action, source, .. } = self;
        Error::Io { path: storage.path(&name), action, source }
    }
}

/// Writes a file; when this returns, it is durable and visible whole. A file of that name is replaced.
///
/// If writing fails before the file is renamed, nothing of it is left.
pub(crate) fn write_atomically(
    storage: &dyn Storage,
    folder: &str,
    file_name: &str,
    bytes: &[u8],
) -> Result<(), WriteError> {
    let name =
        if folder.is_empty() { file_name.to_owned() } else { format!("{folder}/{file_name}") };
    let unfinished = format!("{name}{UNFINISHED}");
    let failed = |name: &str, action, is_in_doubt| {
        let name = name.to_owned();
        move |source| WriteError { name, action, source, is_in_doubt }
    };
    // The order matters: the bytes must be durable before the name is, or a power cut could leave the name of an empty
    // file.
    write_durably(storage, &unfinished, bytes)
        .map_err(failed(&unfinished, "write", false))
        .and_then(|()| {
            storage.rename(&unfinished, &name).map_err(failed(&name, "rename a file to", false))
        })
        .inspect_err(|_| {
            // Best effort: on a full disk this frees the space, and the next writer clears up as well.
            let _ = storage.remove(&unfinished);
        })?;
    // After a failed `fsync` the kernel may have dropped the change, so that a second one would succeed without it.
    storage.sync_folder(folder).map_err(failed(folder, "synchronise", true))
}

fn write_durably(storage: &dyn Storage, name: &str, bytes: &[u8]) -> io::Result<()> {
    let mut file = storage.create(name)?;
    file.write_all(bytes)?;
    file.sync()
}
