//! Reads byte ranges of a checkpoint file.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use super::error::{CheckpointError, Result, expect};
use crate::error::ForeignFile;

/// An open file of known length.
///
/// # Why is it not mapped into memory?
///
/// A map is undefined behaviour if another program truncates the file in the meantime, and it needs `unsafe`. Reading
/// 1.5 GB tensor by tensor would not be faster with it.
#[derive(Debug)]
pub(super) struct CheckpointFile {
    /// Locked from `seek` to `read`, so that two threads do not read from each other's offset.
    file: Mutex<File>,
    len: u64,
}

impl CheckpointFile {
    pub(super) fn open(path: &Path) -> Result<Self> {
        let metadata = std::fs::metadata(path)?;
        if metadata.is_dir() {
            return Err(CheckpointError::ForeignFile(ForeignFile::Folder));
        }
        expect(metadata.is_file(), || "not a regular file".to_owned())?;
        Ok(Self { file: Mutex::new(File::open(path)?), len: metadata.len() })
    }

    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// Returns `n` bytes from `offset` on. Checks the range before it allocates.
    pub(super) fn read(&self, offset: u64, n: u64) -> Result<Vec<u8>> {
        let is_inside = offset.checked_add(n).is_some_and(|end| end <= self.len);
        expect(is_inside, || {
            format!("{n} bytes expected from offset {offset} on; the file ends at {}", self.len)
        })?;
        let mut bytes = vec![0; n as usize];
        let mut file = self.file.lock().unwrap_or_else(PoisonError::into_inner);
        file.seek(SeekFrom::Start(offset))?;
        file.read_exact(&mut bytes)?;
        Ok(bytes)
    }
}
