//! Opens regular files only: opening a pipe would block.

use std::fs::File;
use std::path::Path;

use crate::error::{Error, Result};

/// Opens a regular file and returns it with its length in bytes.
///
/// # Errors
///
/// [`Error::NotAFile`] for folders, pipes, sockets and devices, which are not opened, and [`Error::Io`].
pub(crate) fn open(path: &Path) -> Result<(File, u64)> {
    let metadata = std::fs::metadata(path).map_err(Error::io(path, "read"))?;
    if !metadata.is_file() {
        let found = if metadata.is_dir() { "a folder" } else { "a pipe, socket or device" };
        return Err(Error::NotAFile { path: path.to_owned(), found });
    }
    Ok((File::open(path).map_err(Error::io(path, "read"))?, metadata.len()))
}
