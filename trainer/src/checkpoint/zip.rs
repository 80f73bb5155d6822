//! The central directory of a zip archive, as far as checkpoints need it.
//!
//! # Why not the `zip` crate?
//!
//! A checkpoint is a list of stored entries. What makes a zip archive dangerous is what a general reader tolerates:
//! overlapping entries, duplicate names, sizes that differ between two tables, entries that inflate to a thousand times
//! their size. This reader reads only the central directory (APPNOTE 6.3.10, 4.3.12 to 4.3.16) and rejects those.

use std::collections::BTreeMap;

use super::byte_cursor::ByteCursor;
use super::byte_range::ByteRange;
use super::error::{Result, expect, invalid, quoted};
use super::file::CheckpointFile;

/// Maximum number of entries; the base model with its optimizer has 1,700.
const MAX_ENTRIES: u64 = 100_000;
/// Maximum length of an entry's name in bytes.
const MAX_NAME_LEN: usize = 512;
/// Maximum ratio to which an entry may inflate; weights reach 1.1, optimizer states of zeros more.
const MAX_INFLATION: u64 = 100;
/// Length of the end record without its comment, and of the longest comment.
const END: u64 = 22;
const MAX_COMMENT_LEN: u64 = 0xffff;
const ZIP64_LOCATOR: u64 = 20;
const ZIP64_END: u64 = 56;
const LOCAL_HEADER: u64 = 30;
/// Value that means "see the zip64 field".
const IN_ZIP64: u64 = 0xffff_ffff;

/// The entries of an archive by name.
#[derive(Debug)]
pub(super) struct ZipArchive {
    pub(super) entries: BTreeMap<String, ByteRange>,
}

/// Location of the central directory.
struct CentralDirectory {
    offset: u64,
    len: u64,
    n_entries: u64,
}

/// An entry of the central directory.
struct ZipEntry {
    name: String,
    flags: u16,
    method: u16,
    crc: u32,
    stored: u64,
    len: u64,
    local_header: u64,
}

impl ZipArchive {
    /// Reads the central directory.
    pub(super) fn open(file: &CheckpointFile) -> Result<Self> {
        let directory = CentralDirectory::find(file)?;
        let bytes = file.read(directory.offset, directory.len)?;
        let mut bytes = ByteCursor::new(&bytes);
        let (mut entries, mut spans) = (BTreeMap::new(), Vec::new());
        for _ in 0..directory.n_entries {
            let entry = ZipEntry::read(&mut bytes)?;
            let range = entry.locate(file, directory.offset)?;
            spans.push((entry.local_header, range.offset + entry.stored));
            if entries.insert(entry.name.clone(), range).is_some() {
                return Err(invalid(format!("it contains {} twice", quoted(&entry.name))));
            }
        }
        expect(bytes.is_at_end(), || {
            "its central directory has data after its entries".to_owned()
        })?;
        spans.sort_unstable();
        let overlap = spans.windows(2).find(|pair| pair[0].1 > pair[1].0);
        expect(overlap.is_none(), || "its entries overlap".to_owned())?;
        Ok(Self { entries })
    }
}

impl CentralDirectory {
    fn find(file: &CheckpointFile) -> Result<Self> {
        let tail_len = file.len().min(END + MAX_COMMENT_LEN);
        let tail_offset = file.len() - tail_len;
        let tail = file.read(tail_offset, tail_len)?;
        let is_end = |at: &usize| {
            let comment = tail.get(at + 20..at + 22).map(|it| u16::from_le_bytes([it[0], it[1]]));
            tail[*at..].starts_with(b"PK\x05\x06")
                && comment.is_some_and(|len| at + 22 + usize::from(len) == tail.len())
        };
        let at = (0..tail.len()).rev().find(is_end);
        let at = at.ok_or_else(|| invalid("its end of central directory is missing"))?;
        let mut bytes = ByteCursor::new(&tail[at + 4..]);
        let (disk, first_disk) = (bytes.u16()?, bytes.u16()?);
        expect(disk == first_disk, || "it is one part of a multi-part archive".to_owned())?;
        let (_, n_entries) = (bytes.u16()?, u64::from(bytes.u16()?));
        let (len, offset) = (u64::from(bytes.u32()?), u64::from(bytes.u32()?));
        let mut end = tail_offset + at as u64;
        let mut directory = Self { offset, len, n_entries };
        if let Some((zip64_end, zip64)) = Self::find_zip64(file, end)? {
            (end, directory) = (zip64_end, zip64);
        }
        let Self { offset, len, n_entries } = directory;
        let is_before_end = offset.checked_add(len).is_some_and(|stop| stop <= end);
        expect(is_before_end, || "its central directory is out of bounds".to_owned())?;
        expect(n_entries <= MAX_ENTRIES, || {
            format!("it has {n_entries} entries; the maximum is {MAX_ENTRIES}")
        })?;
        Ok(directory)
    }

    /// Returns the offset of the zip64 end record and the directory that it describes, if there is one.
    fn find_zip64(file: &CheckpointFile, end: u64) -> Result<Option<(u64, Self)>> {
        let Some(locator) = end.checked_sub(ZIP64_LOCATOR) else { return Ok(None) };
        let locator = file.read(locator, ZIP64_LOCATOR)?;
        let mut bytes = ByteCursor::new(&locator);
        if bytes.take(4)? != b"PK\x06\x07" {
            return Ok(None);
        }
        bytes.take(4)?;
        let at = bytes.u64()?;
        let record = file.read(at, ZIP64_END)?;
        let mut bytes = ByteCursor::new(&record);
        expect(bytes.take(4)? == b"PK\x06\x06", || "its zip64 directory is missing".to_owned())?;
        // Skip the record's size, versions, disks, and the number of entries on this disk.
        bytes.take(8 + 4 + 8 + 8)?;
        let (n_entries, len, offset) = (bytes.u64()?, bytes.u64()?, bytes.u64()?);
        Ok(Some((at, Self { offset, len, n_entries })))
    }
}

impl ZipEntry {
    fn read(bytes: &mut ByteCursor<'_>) -> Result<Self> {
        expect(bytes.take(4)? == b"PK\x01\x02", || {
            "its central directory has fewer entries than stated".to_owned()
        })?;
        bytes.take(4)?;
        let (flags, method) = (bytes.u16()?, bytes.u16()?);
        bytes.take(4)?;
        let crc = bytes.u32()?;
        let (stored, len) = (u64::from(bytes.u32()?), u64::from(bytes.u32()?));
        let [name_len, extra_len, comment_len] = [bytes.u16()?, bytes.u16()?, bytes.u16()?];
        bytes.take(8)?;
        let local_header = u64::from(bytes.u32()?);
        let name = bytes.take(name_len.into())?;
        let extra = bytes.take(extra_len.into())?;
        bytes.take(comment_len.into())?;
        let text = std::str::from_utf8(name).ok().filter(|name| name.len() <= MAX_NAME_LEN);
        let name = text.ok_or_else(|| {
            invalid(format!("an entry's name is not UTF-8 of at most {MAX_NAME_LEN} bytes"))
        })?;
        let mut entry =
            Self { name: name.to_owned(), flags, method, crc, stored, len, local_header };
        entry.read_zip64(extra)?;
        Ok(entry)
    }

    /// Reads the values that do not fit into 32 bits from the zip64 field (APPNOTE 4.5.3).
    fn read_zip64(&mut self, extra: &[u8]) -> Result<()> {
        let mut bytes = ByteCursor::new(extra);
        let large = [&mut self.len, &mut self.stored, &mut self.local_header];
        let mut large = large.into_iter().filter(|value| **value == IN_ZIP64).peekable();
        while large.peek().is_some() {
            let (id, len) = (bytes.u16()?, bytes.u16()?);
            let mut field = ByteCursor::new(bytes.take(len.into())?);
            if id == 1 {
                for value in large.by_ref() {
                    *value = field.u64()?;
                }
            }
        }
        Ok(())
    }

    /// Returns the entry's bytes, between the local header and the directory.
    fn locate(&self, file: &CheckpointFile, directory: u64) -> Result<ByteRange> {
        let Self { stored, len, .. } = *self;
        let name = || quoted(&self.name);
        expect(self.flags & 1 == 0, || format!("its entry {} is encrypted", name()))?;
        let is_deflated = match self.method {
            0 => false,
            8 => true,
            method => {
                return Err(invalid(format!(
                    "its entry {} uses compression method {method}; expected 0 (stored) or 8 (deflated)",
                    name()
                )));
            }
        };
        expect(is_deflated || stored == len, || {
            format!(
                "its entry {} has {len} bytes and takes {stored}; expected equal sizes for a stored entry",
                name()
            )
        })?;
        expect(len / MAX_INFLATION <= stored, || {
            format!("its entry {} inflates from {stored} bytes to {len}", name())
        })?;
        let header = file.read(self.local_header, LOCAL_HEADER)?;
        let mut bytes = ByteCursor::new(&header);
        expect(bytes.take(4)? == b"PK\x03\x04", || format!("its entry {} has no header", name()))?;
        bytes.take(22)?;
        let (name_len, extra_len) = (u64::from(bytes.u16()?), u64::from(bytes.u16()?));
        let found = file.read(self.local_header + LOCAL_HEADER, name_len)?;
        expect(found == self.name.as_bytes(), || {
            format!("its entry {} has another name in its header", name())
        })?;
        let offset = self.local_header + LOCAL_HEADER + name_len + extra_len;
        expect(offset.checked_add(stored).is_some_and(|end| end <= directory), || {
            format!("its entry {} overlaps the central directory", name())
        })?;
        let crc = Some(self.crc).filter(|crc| *crc != 0);
        Ok(ByteRange { offset, len, deflated: is_deflated.then_some(stored), crc })
    }
}
