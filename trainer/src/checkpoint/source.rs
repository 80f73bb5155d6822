//! The file that a checkpoint is read from, piece by piece.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use super::problem::{Problem, Result, expect};
use super::sniff::Mistaken;

/// An open file of known length.
///
/// # Why is it not mapped into memory?
///
/// A map is undefined behaviour where another program cuts the file short meanwhile, and needs `unsafe`;
/// whoever reads 1.5 GB tensor by tensor gains nothing by it.
#[derive(Debug)]
pub(super) struct Source {
    /// Locked from `seek` to `read`, so that two threads do not read from each other's place.
    file: Mutex<File>,
    len: u64,
}

impl Source {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let about = std::fs::metadata(path)?;
        if about.is_dir() {
            return Err(Problem::Mistaken(Mistaken::Folder));
        }
        expect(about.is_file(), || "it is a device or a pipe; expected a file".to_owned())?;
        Ok(Self { file: Mutex::new(File::open(path)?), len: about.len() })
    }

    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Returns `n` bytes from `offset` on. Nothing is allocated for bytes that the file has not.
    pub(super) fn read(&self, offset: u64, n: u64) -> Result<Vec<u8>> {
        let is_inside = offset.checked_add(n).is_some_and(|end| end <= self.len);
        expect(is_inside, || {
            format!("it needs {n} bytes from byte {offset} on; it ends at byte {}", self.len)
        })?;
        let mut bytes = vec![0; n as usize];
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(offset))?;
        file.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}
