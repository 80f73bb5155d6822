//! A run of bytes in the file, stored as it is or deflated.

use std::io::Read;

use flate2::read::DeflateDecoder;

use super::problem::{Result, broken, expect};
use super::source::Source;

/// Bytes that are read at once.
const CHUNK: u64 = 1 << 20;

/// A run of bytes in the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Blob {
    /// Where it begins in the file.
    pub(super) offset: u64,
    /// Its bytes.
    pub(super) len: u64,
    /// The bytes that it takes in the file, where it is deflated.
    pub(super) deflated: Option<u64>,
    /// CRC-32 of its bytes, where the writer has computed one.
    pub(super) crc: Option<u32>,
}

impl Blob {
    /// Returns bytes that lie in the file as they are.
    pub(super) fn stored(offset: u64, len: u64) -> Self {
        Self { offset, len, deflated: None, crc: None }
    }

    /// Returns all bytes, compared with their checksum.
    pub(super) fn read(&self, source: &Source) -> Result<Vec<u8>> {
        let bytes = match self.deflated {
            None => source.read(self.offset, self.len)?,
            Some(stored) => inflate(&source.read(self.offset, stored)?, self.len)?,
        };
        self.check(crc32fast::hash(&bytes))?;
        Ok(bytes)
    }

    /// Hands `n` bytes from `begin` on to `take`, in pieces of a multiple of 8 bytes but for the last.
    ///
    /// The checksum is compared where the whole is read, or where it must be inflated.
    pub(super) fn pieces(
        &self,
        source: &Source,
        begin: u64,
        n: u64,
        mut take: impl FnMut(&[u8]),
    ) -> Result<()> {
        let end = begin.checked_add(n).filter(|end| *end <= self.len);
        let end = end.ok_or_else(|| broken(format!("bytes {begin} + {n} are beyond a storage")))?;
        if self.deflated.is_some() {
            take(&self.read(source)?[begin as usize..end as usize]);
            return Ok(());
        }
        let mut hasher = crc32fast::Hasher::new();
        for at in (begin..end).step_by(CHUNK as usize) {
            let piece = source.read(self.offset + at, CHUNK.min(end - at))?;
            hasher.update(&piece);
            take(&piece);
        }
        if n == self.len { self.check(hasher.finalize()) } else { Ok(()) }
    }

    fn check(&self, found: u32) -> Result<()> {
        expect(self.crc.is_none_or(|crc| crc == found), || {
            let Self { offset, len, .. } = self;
            format!(
                "the {len} bytes at byte {offset} do not have the checksum that is kept of them"
            )
        })
    }
}

fn inflate(deflated: &[u8], len: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let found = DeflateDecoder::new(deflated).take(len + 1).read_to_end(&mut bytes);
    found.map_err(|error| broken(format!("a deflated entry is damaged: {error}")))?;
    expect(bytes.len() as u64 == len, || {
        format!("a deflated entry has not the {len} bytes that the table of contents gives it")
    })?;
    Ok(bytes)
}
