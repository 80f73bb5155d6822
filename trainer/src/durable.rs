//! Writes files and folders so that they are whole or not there.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::error::{Error, Result};

/// Writes a file under a temporary name, flushes it to disk and renames it.
///
/// After a crash the file is the old one or the new one.
pub(crate) fn write(path: &Path, bytes: &[u8]) -> Result<()> {
    let temporary = temporary(path);
    write_flushed(&temporary, bytes)?;
    rename(&temporary, path)
}

/// Writes a file and flushes it to the disk.
pub(crate) fn write_flushed(path: &Path, bytes: &[u8]) -> Result<()> {
    let mut file = File::create(path).map_err(Error::io(path, "create"))?;
    file.write_all(bytes).map_err(Error::io(path, "write"))?;
    file.sync_all().map_err(Error::io(path, "flush"))
}

/// Renames a flushed file or folder to its final name, and flushes the parent folder.
pub(crate) fn rename(temporary: &Path, path: &Path) -> Result<()> {
    std::fs::rename(temporary, path).map_err(Error::io(path, "rename a temporary file to"))?;
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        Some(_) | None => Path::new("."),
    };
    flush_folder(folder)
}

/// Flushes the names in a folder to the disk.
pub(crate) fn flush_folder(folder: &Path) -> Result<()> {
    let handle = File::open(folder).map_err(Error::io(folder, "open"))?;
    handle.sync_all().map_err(Error::io(folder, "flush"))
}

/// Returns the name under which a file is written before it is moved to its place.
pub(crate) fn temporary(path: &Path) -> PathBuf {
    with_suffix(path, ".tmp")
}

/// Returns the path with a suffix on its last name; a trailing slash is ignored.
pub(crate) fn with_suffix(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.components().as_path().as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}
