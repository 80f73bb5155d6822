//! The table of contents of a zip archive, as far as checkpoints need it.
//!
//! # Why not the `zip` crate?
//!
//! A checkpoint is a list of stored entries, and what is dangerous in a zip archive is what a general reader forgives:
//! entries that overlap, two of one name, sizes of which two tables disagree, deflated entries a thousand times their size.
//! This reads the central directory (APPNOTE 6.3.10, 4.3.12 to 4.3.16), nothing else, and refuses those.

use std::collections::BTreeMap;

use super::blob::Blob;
use super::bytes::Bytes;
use super::problem::{Result, broken, expect, quoted};
use super::source::Source;

/// Most entries; the base model with its optimiser has 1,700.
const MOST_ENTRIES: u64 = 100_000;
/// Longest name of an entry, in bytes.
const LONGEST_NAME: usize = 512;
/// Most times of its size to which an entry may inflate; weights reach 1.1, optimiser states of zeros more.
const MOST_INFLATION: u64 = 100;
/// Bytes of the end of the directory without its comment, and of the longest comment.
const END: u64 = 22;
const LONGEST_COMMENT: u64 = 0xffff;
const ZIP64_LOCATOR: u64 = 20;
const ZIP64_END: u64 = 56;
const LOCAL_HEADER: u64 = 30;
/// Values that stand for "see the zip64 field".
const IN_ZIP64: u64 = 0xffff_ffff;

/// The entries of an archive by name.
#[derive(Debug)]
pub(super) struct Archive {
    pub(super) entries: BTreeMap<String, Blob>,
}

/// Where the central directory lies.
struct Directory {
    offset: u64,
    len: u64,
    n_entries: u64,
}

/// An entry as the central directory tells it.
struct Entry {
    name: String,
    flags: u16,
    method: u16,
    crc: u32,
    stored: u64,
    len: u64,
    local_header: u64,
}

impl Archive {
    /// Reads the table of contents.
    pub(super) fn open(source: &Source) -> Result<Self> {
        let directory = Directory::find(source)?;
        let bytes = source.read(directory.offset, directory.len)?;
        let mut bytes = Bytes::new(&bytes);
        let (mut entries, mut spans) = (BTreeMap::new(), Vec::new());
        for _ in 0..directory.n_entries {
            let entry = Entry::read(&mut bytes)?;
            let blob = entry.locate(source, directory.offset)?;
            spans.push((entry.local_header, blob.offset + entry.stored));
            if entries.insert(entry.name.clone(), blob).is_some() {
                return Err(broken(format!("it holds {} twice", quoted(&entry.name))));
            }
        }
        expect(bytes.is_at_end(), || "its table of contents has more than its entries".to_owned())?;
        spans.sort_unstable();
        let overlap = spans.windows(2).find(|pair| pair[0].1 > pair[1].0);
        expect(overlap.is_none(), || "entries of it overlap".to_owned())?;
        Ok(Self { entries })
    }
}

impl Directory {
    fn find(source: &Source) -> Result<Self> {
        let tail_len = source.len().min(END + LONGEST_COMMENT);
        let tail_offset = source.len() - tail_len;
        let tail = source.read(tail_offset, tail_len)?;
        let is_end = |at: &usize| {
            let comment = tail.get(at + 20..at + 22).map(|it| u16::from_le_bytes([it[0], it[1]]));
            tail[*at..].starts_with(b"PK\x05\x06")
                && comment.is_some_and(|len| at + 22 + usize::from(len) == tail.len())
        };
        let at = (0..tail.len()).rev().find(is_end);
        let at = at.ok_or_else(|| broken("its end, with the table of contents, is missing"))?;
        let mut bytes = Bytes::new(&tail[at + 4..]);
        let (disk, first_disk) = (bytes.u16()?, bytes.u16()?);
        expect(disk == first_disk, || "it is one part of several".to_owned())?;
        let (_, n_entries) = (bytes.u16()?, u64::from(bytes.u16()?));
        let (len, offset) = (u64::from(bytes.u32()?), u64::from(bytes.u32()?));
        let mut end = tail_offset + at as u64;
        let mut directory = Self { offset, len, n_entries };
        if let Some((zip64_end, zip64)) = Self::find_zip64(source, end)? {
            (end, directory) = (zip64_end, zip64);
        }
        let Self { offset, len, n_entries } = directory;
        let is_before_end = offset.checked_add(len).is_some_and(|stop| stop <= end);
        expect(is_before_end, || "its table of contents is not where it should be".to_owned())?;
        expect(n_entries <= MOST_ENTRIES, || {
            format!("it has {n_entries} entries; at most {MOST_ENTRIES} are read")
        })?;
        Ok(directory)
    }

    /// Returns the end of the zip64 directory and what it says, where there is one.
    fn find_zip64(source: &Source, end: u64) -> Result<Option<(u64, Self)>> {
        let Some(locator) = end.checked_sub(ZIP64_LOCATOR) else { return Ok(None) };
        let locator = source.read(locator, ZIP64_LOCATOR)?;
        let mut bytes = Bytes::new(&locator);
        if bytes.take(4)? != b"PK\x06\x07" {
            return Ok(None);
        }
        bytes.take(4)?;
        let at = bytes.u64()?;
        let record = source.read(at, ZIP64_END)?;
        let mut bytes = Bytes::new(&record);
        expect(bytes.take(4)? == b"PK\x06\x06", || "its zip64 directory is missing".to_owned())?;
        // Size of the record, versions, disks, and the entries on this disk.
        bytes.take(8 + 4 + 8 + 8)?;
        let (n_entries, len, offset) = (bytes.u64()?, bytes.u64()?, bytes.u64()?);
        Ok(Some((at, Self { offset, len, n_entries })))
    }
}

impl Entry {
    fn read(bytes: &mut Bytes<'_>) -> Result<Self> {
        expect(bytes.take(4)? == b"PK\x01\x02", || {
            "its table of contents has fewer entries than it says".to_owned()
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
        let text = std::str::from_utf8(name).ok().filter(|name| name.len() <= LONGEST_NAME);
        let name = text.ok_or_else(|| {
            broken(format!("an entry's name is no text of at most {LONGEST_NAME} bytes"))
        })?;
        let mut entry =
            Self { name: name.to_owned(), flags, method, crc, stored, len, local_header };
        entry.read_zip64(extra)?;
        Ok(entry)
    }

    /// Takes the numbers that do not fit into 32 bits from the field of zip64 (APPNOTE 4.5.3).
    fn read_zip64(&mut self, extra: &[u8]) -> Result<()> {
        let mut bytes = Bytes::new(extra);
        let large = [&mut self.len, &mut self.stored, &mut self.local_header];
        let mut large = large.into_iter().filter(|value| **value == IN_ZIP64).peekable();
        while large.peek().is_some() {
            let (id, len) = (bytes.u16()?, bytes.u16()?);
            let mut field = Bytes::new(bytes.take(len.into())?);
            if id == 1 {
                for value in large.by_ref() {
                    *value = field.u64()?;
                }
            }
        }
        Ok(())
    }

    /// Returns where the bytes lie, between the local header and the directory.
    fn locate(&self, source: &Source, directory: u64) -> Result<Blob> {
        let Self { stored, len, .. } = *self;
        let name = || quoted(&self.name);
        expect(self.flags & 1 == 0, || format!("its entry {} is encrypted", name()))?;
        let is_deflated = match self.method {
            0 => false,
            8 => true,
            method => {
                return Err(broken(format!(
                    "its entry {} is packed by method {method}; expected 0 (stored) or 8 (deflated)",
                    name()
                )));
            }
        };
        expect(is_deflated || stored == len, || {
            format!(
                "its entry {} has {len} bytes and takes {stored}; stored ones are equal",
                name()
            )
        })?;
        expect(len / MOST_INFLATION <= stored, || {
            format!("its entry {} inflates from {stored} bytes to {len}", name())
        })?;
        let header = source.read(self.local_header, LOCAL_HEADER)?;
        let mut bytes = Bytes::new(&header);
        expect(bytes.take(4)? == b"PK\x03\x04", || format!("its entry {} has no header", name()))?;
        bytes.take(22)?;
        let (name_len, extra_len) = (u64::from(bytes.u16()?), u64::from(bytes.u16()?));
        let found = source.read(self.local_header + LOCAL_HEADER, name_len)?;
        expect(found == self.name.as_bytes(), || {
            format!("its entry {} has another name in its header", name())
        })?;
        let offset = self.local_header + LOCAL_HEADER + name_len + extra_len;
        expect(offset.checked_add(stored).is_some_and(|end| end <= directory), || {
            format!("its entry {} reaches into the table of contents", name())
        })?;
        let crc = Some(self.crc).filter(|crc| *crc != 0);
        Ok(Blob { offset, len, deflated: is_deflated.then_some(stored), crc })
    }
}
