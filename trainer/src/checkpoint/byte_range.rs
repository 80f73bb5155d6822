//! A range of bytes in the file, stored as is or deflated.

use std::io::Read;

use flate2::read::DeflateDecoder;

use super::error::{Result, expect, invalid};
use super::file::CheckpointFile;

/// Bytes read at a time.
const CHUNK: u64 = 1 << 20;

/// A range of bytes in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ByteRange {
    /// Offset in the file.
    pub(super) offset: u64,
    /// Number of bytes after inflating.
    pub(super) len: u64,
    /// Number of bytes in the file if they are deflated.
    pub(super) deflated: Option<u64>,
    /// CRC-32 of the inflated bytes, if the writer computed one.
    pub(super) crc: Option<u32>,
}

impl ByteRange {
    /// Returns a range that is stored as is.
    pub(super) fn stored(offset: u64, len: u64) -> Self {
        Self { offset, len, deflated: None, crc: None }
    }

    /// Returns all bytes, verified against their checksum.
    pub(super) fn read(&self, file: &CheckpointFile) -> Result<Vec<u8>> {
        let bytes = match self.deflated {
            None => file.read(self.offset, self.len)?,
            Some(stored) => inflate(&file.read(self.offset, stored)?, self.len)?,
        };
        self.check(crc32fast::hash(&bytes))?;
        Ok(bytes)
    }

    /// Passes `n` bytes from `start` on to `take`, in pieces whose length is a multiple of 8 except for the last.
    ///
    /// The checksum is verified if the whole range is read or if it must be inflated.
    pub(super) fn pieces(
        &self,
        file: &CheckpointFile,
        start: u64,
        n: u64,
        mut take: impl FnMut(&[u8]),
    ) -> Result<()> {
        let end = start.checked_add(n).filter(|end| *end <= self.len);
        let end =
            end.ok_or_else(|| invalid(format!("{n} bytes from {start} on exceed their storage")))?;
        if self.deflated.is_some() {
            take(&self.read(file)?[start as usize..end as usize]);
            return Ok(());
        }
        let mut hasher = crc32fast::Hasher::new();
        for at in (start..end).step_by(CHUNK as usize) {
            let piece = file.read(self.offset + at, CHUNK.min(end - at))?;
            hasher.update(&piece);
            take(&piece);
        }
        if n == self.len { self.check(hasher.finalize()) } else { Ok(()) }
    }

    fn check(&self, found: u32) -> Result<()> {
        expect(self.crc.is_none_or(|crc| crc == found), || {
            let Self { offset, len, .. } = self;
            format!("checksum mismatch in the {len} bytes at offset {offset}")
        })
    }
}

fn inflate(deflated: &[u8], len: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let found = DeflateDecoder::new(deflated).take(len + 1).read_to_end(&mut bytes);
    found.map_err(|error| invalid(format!("cannot inflate an entry: {error}")))?;
    expect(bytes.len() as u64 == len, || {
        format!("a deflated entry does not have the {len} bytes stated in the central directory")
    })?;
    Ok(bytes)
}
