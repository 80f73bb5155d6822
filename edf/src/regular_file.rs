//! Opens regular files only, and reads them at an offset.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom};
use std::path::Path;

use crate::error::{Error, Result};

/// Opens a regular file and returns it with its length in bytes.
///
/// Folders, pipes, sockets and devices are refused before they are opened: opening a pipe blocks.
///
/// # Errors
///
/// [`Error::NotAFile`] and [`Error::Io`].
pub(crate) fn open(path: &Path) -> Result<(File, u64)> {
    let metadata = std::fs::metadata(path).map_err(Error::io(path, "read"))?;
    if !metadata.is_file() {
        let found = if metadata.is_dir() { "a folder" } else { "a pipe, socket or device" };
        return Err(Error::NotAFile { path: path.to_owned(), found });
    }
    Ok((File::open(path).map_err(Error::io(path, "read"))?, metadata.len()))
}

/// Fills the buffer with the bytes at an offset.
pub(crate) fn read_at(mut file: &File, offset: u64, buffer: &mut [u8]) -> io::Result<()> {
    file.seek(SeekFrom::Start(offset))?;
    file.read_exact(buffer)
}
