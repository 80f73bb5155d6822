//! The envelope of sealed binary files: named sections, protected by checksums.
//!
//! Opening reads the directory alone. A block of the body is verified when a byte of it is first needed, so that no byte
//! is returned that has not passed its checksum. No number in the file is trusted before it is checked.
//!
//! # Format
//!
//! All numbers are little-endian. The envelope is the same in every kind and version of file, so that damage and an
//! unknown version can be distinguished:
//!
//! ```text
//! body        header of 64 bytes: 8 bytes that name the kind of file, u32 format version, 52 bytes of that kind;
//!             then the sections, each at a multiple of 64, with zeros between them
//! directory   u32 number of sections; for each: 16 bytes of name padded with zeros, u64 offset, u64 length;
//!             then for each 64 KiB of the body: u64 XXH3
//! footer      u64 offset of the directory, u64 length of the directory, u64 length of the file,
//!             16 bytes of XXH3-128 over the directory and those three numbers, "NOCTSEAL"
//! ```
//!
//! Every byte is covered: the body by its blocks, the directory and the footer by the last hash. That hash therefore
//! identifies the whole content, and the file is named after it.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use crate::recording::ContentHash;
use crate::storage::FileContent;

/// Length of the header in bytes; sections start at multiples of it.
pub(crate) const ALIGNMENT: usize = 64;

/// Length of a block that has its own checksum, in bytes.
const BLOCK: usize = 64 * 1024;

const SEAL: &[u8; 8] = b"NOCTSEAL";
const FOOTER: usize = 48;
const NAME: usize = 16;
/// Length of a section's entry in the directory.
const SECTION_ENTRY: usize = NAME + 16;

/// Where a file is damaged, in bytes, and how.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Damage {
    pub(crate) offset: usize,
    pub(crate) problem: String,
}

impl Damage {
    pub(crate) fn at(offset: usize, problem: impl Into<String>) -> Self {
        Self { offset, problem: problem.into() }
    }
}

/// Builds the bytes of a sealed file.
#[derive(Debug)]
pub(crate) struct EnvelopeBuilder {
    bytes: Vec<u8>,
    sections: Vec<(&'static str, Range<usize>)>,
}

impl EnvelopeBuilder {
    /// Starts with the header.
    pub(crate) fn new(header: [u8; ALIGNMENT]) -> Self {
        Self { bytes: header.to_vec(), sections: Vec::new() }
    }

    /// Appends a section; names are at most 16 bytes of ASCII.
    pub(crate) fn section(&mut self, name: &'static str, fill: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len().next_multiple_of(ALIGNMENT);
        self.bytes.resize(start, 0);
        fill(&mut self.bytes);
        self.sections.push((name, start..self.bytes.len()));
    }

    /// Appends the directory and the footer, and returns the hash with all bytes.
    pub(crate) fn seal(self) -> (ContentHash, Vec<u8>) {
        let Self { mut bytes, sections } = self;
        let body = bytes.len();
        let checksums: Vec<u64> = bytes.chunks(BLOCK).map(xxh3_64).collect();
        bytes.extend((sections.len() as u32).to_le_bytes());
        for (name, range) in sections {
            let mut padded = [0; NAME];
            padded[..name.len()].copy_from_slice(name.as_bytes());
            bytes.extend(padded);
            bytes.extend((range.start as u64).to_le_bytes());
            bytes.extend((range.len() as u64).to_le_bytes());
        }
        checksums.iter().for_each(|checksum| bytes.extend(checksum.to_le_bytes()));
        let directory = bytes.len() - body;
        for number in [body, directory, bytes.len() + FOOTER] {
            bytes.extend((number as u64).to_le_bytes());
        }
        let hash = hash_of(&bytes[body..]);
        bytes.extend(hash.0.to_le_bytes());
        bytes.extend(SEAL);
        (hash, bytes)
    }
}

/// A file whose directory is verified, and whose blocks are verified when they are first needed.
#[derive(Debug)]
pub(crate) struct Envelope {
    bytes: FileContent,
    hash: ContentHash,
    directory: Directory,
    /// For each block, whether it is verified.
    verified: Vec<AtomicBool>,
}

impl Envelope {
    /// Verifies the footer and the directory.
    pub(crate) fn open(bytes: FileContent) -> Result<Self, Damage> {
        let Tail { body, directory, hash } = checked_tail(&bytes)?;
        let directory = split_directory(body, &directory)?;
        let verified = directory.checksums.iter().map(|_| AtomicBool::new(false)).collect();
        Ok(Self { bytes, hash, directory, verified })
    }

    /// Returns the hash of the whole content.
    pub(crate) fn hash(&self) -> ContentHash {
        self.hash
    }

    /// Returns the file.
    pub(crate) fn bytes(&self) -> &FileContent {
        &self.bytes
    }

    /// Returns the header.
    pub(crate) fn header(&self) -> Result<[u8; ALIGNMENT], Damage> {
        if self.directory.body < ALIGNMENT {
            return Err(Damage::at(self.directory.body, "it ends inside its header"));
        }
        let mut header = [0; ALIGNMENT];
        self.read(0, &mut header)?;
        Ok(header)
    }

    /// Returns a copy of a section.
    pub(crate) fn section(&self, name: &'static str) -> Result<Section, Damage> {
        let range = self.range(name)?;
        let mut bytes = vec![0; range.len()];
        self.read(range.start, &mut bytes)?;
        Ok(Section { name, offset: range.start, bytes })
    }

    /// Returns the byte range of a section without reading it.
    pub(crate) fn range(&self, name: &'static str) -> Result<Range<usize>, Damage> {
        let is_named = |padded: &[u8; NAME]| {
            padded
                .strip_prefix(name.as_bytes())
                .is_some_and(|rest| rest.iter().all(|byte| *byte == 0))
        };
        match self.directory.sections.iter().find(|(padded, _)| is_named(padded)) {
            Some((_, range)) => Ok(range.clone()),
            None => Err(Damage::at(self.bytes.len(), format!("it has no section `{name}`"))),
        }
    }

    /// Returns the byte range of a section of `n` rows of `width` bytes each, without reading it.
    pub(crate) fn rows(
        &self,
        name: &'static str,
        n: usize,
        width: usize,
    ) -> Result<Range<usize>, Damage> {
        let range = self.range(name)?;
        if n.checked_mul(width) == Some(range.len()) {
            return Ok(range);
        }
        let problem = format!("`{name}` has {} bytes; expected {n} of {width}", range.len());
        Err(Damage::at(range.start, problem))
    }

    /// Returns bytes of the body in place, after verifying every block that they are in.
    pub(crate) fn verified(&self, range: Range<usize>) -> Result<&[u8], Damage> {
        self.verify(&range)?;
        Ok(&self.bytes[range])
    }

    /// Fills `bytes` with the body from `start` on, after verifying every block that they are in.
    pub(crate) fn read(&self, start: usize, bytes: &mut [u8]) -> Result<(), Damage> {
        self.verify(&(start..start + bytes.len()))?;
        copy(&self.bytes, start, bytes)
    }

    /// Verifies every block again.
    pub(crate) fn verify_all(&self) -> Result<(), Damage> {
        self.verified.iter().for_each(|verified| verified.store(false, Ordering::Relaxed));
        self.verify(&(0..self.directory.body))
    }

    fn verify(&self, range: &Range<usize>) -> Result<(), Damage> {
        let mut blocks = range.start / BLOCK..range.end.div_ceil(BLOCK);
        blocks.try_for_each(|block| self.verify_block(block))
    }

    /// Verifies a copy of a block: the bytes beside those that are needed should not stay in memory.
    fn verify_block(&self, block: usize) -> Result<(), Damage> {
        // Relaxed, because the flag guards no other data: a thread that misses it only verifies once more.
        if self.verified[block].load(Ordering::Relaxed) {
            return Ok(());
        }
        let start = block * BLOCK;
        let mut content = vec![0; BLOCK.min(self.directory.body - start)];
        copy(&self.bytes, start, &mut content)?;
        if xxh3_64(&content) != self.directory.checksums[block] {
            let problem = format!("the checksum of its {} bytes is wrong", content.len());
            return Err(Damage::at(start, problem));
        }
        self.verified[block].store(true, Ordering::Relaxed);
        Ok(())
    }
}

/// Fills `bytes` with the content from `start` on.
fn copy(content: &FileContent, start: usize, bytes: &mut [u8]) -> Result<(), Damage> {
    let unreadable = |error| Damage::at(start, format!("it cannot be read: {error}"));
    content.read(start, bytes).map_err(unreadable)
}

/// A copy of a section.
#[derive(Debug)]
pub(crate) struct Section {
    pub(crate) name: &'static str,
    /// Byte offset in the file.
    pub(crate) offset: usize,
    pub(crate) bytes: Vec<u8>,
}

impl Section {
    /// Returns the `n` rows of a column, each of `SIZE` bytes.
    fn rows<const SIZE: usize>(&self, n: usize) -> Result<&[[u8; SIZE]], Damage> {
        let (rows, rest) = self.bytes.as_chunks();
        if rows.len() != n || !rest.is_empty() {
            let problem =
                format!("`{}` has {} bytes; expected {n} of {SIZE}", self.name, self.bytes.len());
            return Err(Damage::at(self.offset, problem));
        }
        Ok(rows)
    }

    /// Returns the `n` values of a column; `decode` returns `None` for an invalid one.
    pub(crate) fn column<const SIZE: usize, T>(
        &self,
        n: usize,
        decode: impl Fn([u8; SIZE]) -> Option<T>,
    ) -> Result<Vec<T>, Damage> {
        let rows = self.rows(n)?;
        let values: Vec<T> = rows.iter().map_while(|row| decode(*row)).collect();
        if values.len() < n {
            let row = values.len();
            let problem =
                format!("row {row} of `{}` has the invalid bytes {:02x?}", self.name, rows[row]);
            return Err(Damage::at(self.offset + row * SIZE, problem));
        }
        Ok(values)
    }
}

/// The verified part of the file after the body.
struct Tail {
    /// Length of the body.
    body: usize,
    directory: Vec<u8>,
    hash: ContentHash,
}

/// Reads the directory, and verifies it and the footer.
fn checked_tail(content: &FileContent) -> Result<Tail, Damage> {
    let start_of_footer = content
        .len()
        .checked_sub(FOOTER)
        .ok_or_else(|| Damage::at(content.len(), "it is too short for a footer"))?;
    let mut footer = [0; FOOTER];
    copy(content, start_of_footer, &mut footer)?;
    if &footer[FOOTER - SEAL.len()..] != SEAL {
        return Err(Damage::at(content.len() - SEAL.len(), "it does not end with its seal"));
    }
    let [start, length, whole] = [0, 8, 16].map(|at| u64_at(&footer, at));
    let adds_up =
        whole == content.len() as u64 && start.checked_add(length) == Some(start_of_footer as u64);
    if !adds_up {
        let problem = format!(
            "its footer names a directory of {length} bytes at {start} in {whole} bytes; the file has {}",
            content.len()
        );
        return Err(Damage::at(start_of_footer, problem));
    }
    let body = start as usize;
    let mut directory = vec![0; start_of_footer - body];
    copy(content, body, &mut directory)?;
    let hash = hash_of(&[directory.as_slice(), &footer[..24]].concat());
    if hash.0.to_le_bytes() != footer[24..40] {
        return Err(Damage::at(body, "the hash of its directory is wrong"));
    }
    Ok(Tail { body, directory, hash })
}

/// The parsed directory.
#[derive(Debug)]
struct Directory {
    /// Length of the body.
    body: usize,
    sections: Vec<([u8; NAME], Range<usize>)>,
    /// One for each block.
    checksums: Vec<u64>,
}

fn split_directory(body: usize, directory: &[u8]) -> Result<Directory, Damage> {
    let damage = |problem: &str| Damage::at(body, format!("its directory {problem}"));
    let (count, rest) = directory.split_first_chunk().ok_or_else(|| damage("is empty"))?;
    let lines = (u32::from_le_bytes(*count) as usize)
        .checked_mul(SECTION_ENTRY)
        .and_then(|length| rest.split_at_checked(length));
    let (lines, checksums) = lines.ok_or_else(|| damage("is too short for its sections"))?;
    if checksums.len() != body.div_ceil(BLOCK) * 8 {
        return Err(damage("does not have one checksum for each block"));
    }
    let sections: Option<Vec<_>> = lines
        .chunks_exact(SECTION_ENTRY)
        .map(|line| {
            let start = usize::try_from(u64_at(line, NAME)).ok()?;
            let end = start.checked_add(usize::try_from(u64_at(line, NAME + 8)).ok()?)?;
            let name = *line.first_chunk()?;
            (end <= body).then_some((name, start..end))
        })
        .collect();
    let sections = sections.ok_or_else(|| damage("has a section outside the body"))?;
    let checksums = checksums.as_chunks().0.iter().map(|bytes| u64::from_le_bytes(*bytes));
    Ok(Directory { body, sections, checksums: checksums.collect() })
}

fn hash_of(bytes: &[u8]) -> ContentHash {
    ContentHash(xxh3_128(bytes))
}

/// Reads a number at an offset that the caller has checked.
fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let number = bytes[at..].first_chunk().expect("the caller has checked the length");
    u64::from_le_bytes(*number)
}
