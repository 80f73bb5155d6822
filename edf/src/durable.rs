//! Writes files and folders that are complete under their name, or not there.
//!
//! Nothing here is about EDF; this is the lowest package, so all that write files can use it.
//!
//! The bytes go to a file with a temporary name and are synchronised to the disk (`fsync`); then the file is renamed, and
//! its folder is synchronised. After a crash or a power cut there is the previous file, the new one, or none, but never
//! a part. The temporary file that a crash may leave is overwritten by the next write of the same path.
//!
//! Two writers of one path at the same time are not supported: they would share the temporary file.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

/// A file that gets its name only when it is complete.
///
/// It is written, buffered, as `NAME.tmp`. A file of its name is unchanged until [`commit`](Self::commit). Without a
/// commit, the temporary file is removed when this is dropped.
///
/// ```
/// use std::io::Write;
///
/// use nocturne_edf::durable::AtomicFile;
///
/// # fn main() -> std::io::Result<()> {
/// # let folder = tempfile::tempdir()?;
/// # let path = folder.path().join("scores.txt");
/// let mut file = AtomicFile::create(&path)?;
/// file.write_all(b"N2")?;
/// assert!(!path.exists());
/// file.commit()?;
/// assert_eq!(std::fs::read(&path)?, b"N2");
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct AtomicFile {
    path: PathBuf,
    temporary: PathBuf,
    file: BufWriter<File>,
    is_renamed: bool,
}

impl AtomicFile {
    /// Creates the temporary file, with the permissions that [`File::create`] gives.
    ///
    /// # Errors
    ///
    /// Those of [`File::create`].
    pub fn create(path: &Path) -> io::Result<Self> {
        let temporary = temporary(path);
        let file = BufWriter::new(File::create(&temporary)?);
        Ok(Self { path: path.to_owned(), temporary, file, is_renamed: false })
    }

    /// Makes the content durable, gives the file its name, and makes the name durable. A file of that name is replaced.
    ///
    /// # Errors
    ///
    /// Those of the file system. Nothing of the new file is left, except if only the last step failed: then the file has
    /// its name, which a power cut may undo.
    pub fn commit(mut self) -> io::Result<()> {
        // The order matters: with the name durable before the bytes are, a power cut could leave an empty file.
        self.file.flush()?;
        self.file.get_ref().sync_all()?;
        fs::rename(&self.temporary, &self.path)?;
        self.is_renamed = true;
        sync_parent(&self.path)
    }
}

impl Write for AtomicFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for AtomicFile {
    fn drop(&mut self) {
        if !self.is_renamed {
            // Best effort: the next write of this path overwrites the temporary file.
            let _ = fs::remove_file(&self.temporary);
        }
    }
}

/// Writes a whole file; see [`AtomicFile`].
///
/// # Errors
///
/// Those of [`AtomicFile`].
pub fn write(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = AtomicFile::create(path)?;
    file.write_all(bytes)?;
    file.commit()
}

/// Renames a folder, whose files are durable, and makes the new name durable.
///
/// # Errors
///
/// Those of [`fs::rename`] and of synchronising the parent folder.
pub fn rename_folder(from: &Path, to: &Path) -> io::Result<()> {
    fs::rename(from, to)?;
    sync_parent(to)
}

/// Returns the name under which a file or folder is written before it gets its own: with `.tmp` at the end.
pub fn temporary(path: &Path) -> PathBuf {
    with_suffix(path, ".tmp")
}

/// Returns the path with a suffix on its last name; a trailing slash is ignored.
pub fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = path.components().as_path().as_os_str().to_owned();
    name.push(suffix);
    PathBuf::from(name)
}

/// Makes the names in the folder of a path durable.
fn sync_parent(path: &Path) -> io::Result<()> {
    let folder = match path.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        Some(_) | None => Path::new("."),
    };
    File::open(folder)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A folder that contains `file` with the content `old`, and the path of that file.
    fn folder_with_a_file() -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("file");
        fs::write(&path, "old").unwrap();
        (folder, path)
    }

    fn names(folder: &Path) -> Vec<String> {
        let items = fs::read_dir(folder).unwrap();
        let mut names: Vec<String> =
            items.map(|item| item.unwrap().file_name().into_string().unwrap()).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn file_is_complete_after_commit() {
        let (folder, path) = folder_with_a_file();
        // More than a buffer.
        let bytes: Vec<u8> = (0..100_000_u32).flat_map(u32::to_le_bytes).collect();
        let mut file = AtomicFile::create(&path).unwrap();
        for part in bytes.chunks(1000) {
            file.write_all(part).unwrap();
        }
        file.commit().unwrap();
        assert_eq!(fs::read(&path).unwrap(), bytes);
        assert_eq!(names(folder.path()), ["file"]);
        write(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(names(folder.path()), ["file"]);
    }

    #[test]
    fn existing_file_is_unchanged_until_commit() {
        let (_folder, path) = folder_with_a_file();
        let mut file = AtomicFile::create(&path).unwrap();
        file.write_all(b"new").unwrap();
        file.flush().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"old");
        file.commit().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
    }

    #[test]
    fn nothing_is_left_without_a_commit() {
        let (folder, path) = folder_with_a_file();
        let mut file = AtomicFile::create(&path).unwrap();
        file.write_all(b"new").unwrap();
        assert_eq!(names(folder.path()), ["file", "file.tmp"]);
        drop(file);
        assert_eq!(names(folder.path()), ["file"]);
        assert_eq!(fs::read(&path).unwrap(), b"old");
    }

    #[test]
    fn nothing_is_left_after_a_failed_commit() {
        let (folder, path) = folder_with_a_file();
        // A file cannot replace a folder.
        let taken = folder.path().join("taken");
        fs::create_dir(&taken).unwrap();
        let error = write(&taken, b"new").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::IsADirectory);
        assert_eq!(names(folder.path()), ["file", "taken"]);
        assert_eq!(fs::read(&path).unwrap(), b"old");
    }

    #[test]
    fn remainder_of_a_crash_is_overwritten() {
        let (folder, path) = folder_with_a_file();
        fs::write(temporary(&path), "a part of something longer").unwrap();
        write(&path, b"new").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"new");
        assert_eq!(names(folder.path()), ["file"]);
    }

    #[cfg(unix)]
    #[test]
    fn permissions_are_those_of_any_new_file() {
        use std::os::unix::fs::PermissionsExt;

        let (folder, path) = folder_with_a_file();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode();
        let other = folder.path().join("other");
        write(&other, b"new").unwrap();
        assert_eq!(mode(&other), mode(&path));
    }

    #[test]
    fn folder_is_renamed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("checkpoint");
        fs::create_dir(temporary(&path)).unwrap();
        write(&temporary(&path).join("file"), b"new").unwrap();
        rename_folder(&temporary(&path), &path).unwrap();
        assert_eq!(names(folder.path()), ["checkpoint"]);
        assert_eq!(names(&path), ["file"]);
    }

    #[test]
    fn temporary_name_ignores_a_trailing_slash() {
        assert_eq!(temporary(Path::new("run/step-7/")), Path::new("run/step-7.tmp"));
        assert_eq!(temporary(Path::new("night.edf")), Path::new("night.edf.tmp"));
    }
}
