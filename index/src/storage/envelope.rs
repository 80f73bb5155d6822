//! Wraps a body of bytes in checksums, and unwraps it again without trusting one number of it.
//!
//! A body is checked block by block, each when something in it is first asked for: opening reads the directory alone,
//! and yet no byte is given away that has not passed its checksum.

use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use crate::recording::SegmentHash;
use crate::storage::FileContent;

/// Length of the header before the first section in bytes; sections begin at multiples of it.
pub(crate) const ALIGNMENT: usize = 64;

/// Length of a block that has its own checksum, in bytes.
const BLOCK: usize = 64 * 1024;

const SEAL: &[u8; 8] = b"NOCTSEAL";
const FOOTER: usize = 48;
const NAME: usize = 16;
/// Length of a section's line in the directory.
const LINE: usize = NAME + 16;

/// Where a file is damaged, and how.
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

/// A file in the making.
#[derive(Debug)]
pub(crate) struct Builder {
    bytes: Vec<u8>,
    sections: Vec<(&'static str, Range<usize>)>,
}

impl Builder {
    /// Begins with a header, which must be as long as the alignment.
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

    /// Adds directory and footer.
    pub(crate) fn seal(self) -> (SegmentHash, Vec<u8>) {
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

/// A file whose directory has passed its checksum, and whose blocks do when they are first needed.
#[derive(Debug)]
pub(crate) struct Envelope {
    bytes: FileContent,
    hash: SegmentHash,
    directory: Directory,
    /// For each block, whether it has passed its checksum.
    passed: Vec<AtomicBool>,
}

impl Envelope {
    /// Checks footer and directory.
    pub(crate) fn open(bytes: FileContent) -> Result<Self, Damage> {
        let Tail { body, directory, hash } = checked_tail(&bytes)?;
        let directory = split_directory(body, &directory)?;
        let passed = directory.checksums.iter().map(|_| AtomicBool::new(false)).collect();
        Ok(Self { bytes, hash, directory, passed })
    }

    /// Returns the hash that stands for the whole content.
    pub(crate) fn hash(&self) -> SegmentHash {
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

    /// Returns a copy of a section with its place in the file.
    pub(crate) fn section(&self, name: &'static str) -> Result<Section, Damage> {
        let range = self.place(name)?;
        let mut bytes = vec![0; range.len()];
        self.read(range.start, &mut bytes)?;
        Ok(Section { name, offset: range.start, bytes })
    }

    /// Returns where a section is, without a look at it.
    pub(crate) fn place(&self, name: &'static str) -> Result<Range<usize>, Damage> {
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

    /// Returns some bytes of the body in place, once every block that they are in has passed its checksum.
    pub(crate) fn checked(&self, range: Range<usize>) -> Result<&[u8], Damage> {
        self.check(&range)?;
        Ok(&self.bytes[range])
    }

    /// Copies bytes of the body from a place on, once every block that they are in has passed its checksum.
    pub(crate) fn read(&self, start: usize, bytes: &mut [u8]) -> Result<(), Damage> {
        self.check(&(start..start + bytes.len()))?;
        copy(&self.bytes, start, bytes)
    }

    /// Checks every block again, whether it has passed or not.
    pub(crate) fn check_all(&self) -> Result<(), Damage> {
        self.passed.iter().for_each(|passed| passed.store(false, Ordering::Relaxed));
        self.check(&(0..self.directory.body))
    }

    fn check(&self, range: &Range<usize>) -> Result<(), Damage> {
        let mut blocks = range.start / BLOCK..range.end.div_ceil(BLOCK);
        blocks.try_for_each(|block| self.check_block(block))
    }

    /// Checks a block by a copy: what lies beside that which is asked for is not to stay in memory.
    fn check_block(&self, block: usize) -> Result<(), Damage> {
        // Nothing is published with it but itself: whoever sees it unset checks once more.
        if self.passed[block].load(Ordering::Relaxed) {
            return Ok(());
        }
        let start = block * BLOCK;
        let mut content = vec![0; BLOCK.min(self.directory.body - start)];
        copy(&self.bytes, start, &mut content)?;
        if xxh3_64(&content) != self.directory.checksums[block] {
            let problem = format!("the checksum of its {} bytes is wrong", content.len());
            return Err(Damage::at(start, problem));
        }
        self.passed[block].store(true, Ordering::Relaxed);
        Ok(())
    }
}

/// Copies bytes from a place on.
fn copy(content: &FileContent, start: usize, bytes: &mut [u8]) -> Result<(), Damage> {
    let unread = |error| Damage::at(start, format!("it cannot be read: {error}"));
    content.read(start, bytes).map_err(unread)
}

/// A stretch of a file.
#[derive(Debug)]
pub(crate) struct Section {
    pub(crate) name: &'static str,
    /// Where it begins in the file.
    pub(crate) offset: usize,
    pub(crate) bytes: Vec<u8>,
}

impl Section {
    /// Returns the rows of a column, each of `SIZE` bytes, or says that there are more or fewer than `n`.
    fn rows<const SIZE: usize>(&self, n: usize) -> Result<&[[u8; SIZE]], Damage> {
        let (rows, rest) = self.bytes.as_chunks();
        if rows.len() != n || !rest.is_empty() {
            let problem =
                format!("`{}` has {} bytes; expected {n} of {SIZE}", self.name, self.bytes.len());
            return Err(Damage::at(self.offset, problem));
        }
        Ok(rows)
    }

    /// Returns a column whose every row `decode` understands.
    pub(crate) fn column<const SIZE: usize, T>(
        &self,
        n: usize,
        decode: impl Fn([u8; SIZE]) -> Option<T>,
    ) -> Result<Vec<T>, Damage> {
        let rows = self.rows(n)?;
        let values: Vec<T> = rows.iter().map_while(|row| decode(*row)).collect();
        if values.len() < n {
            let row = values.len();
            let problem = format!("row {row} of `{}` holds {:02x?}", self.name, rows[row]);
            return Err(Damage::at(self.offset + row * SIZE, problem));
        }
        Ok(values)
    }
}

/// What comes after the body, but the footer.
struct Tail {
    /// Length of the body.
    body: usize,
    directory: Vec<u8>,
    hash: SegmentHash,
}

/// Returns the directory, once footer and directory have passed their hash.
fn checked_tail(content: &FileContent) -> Result<Tail, Damage> {
    let start_of_footer = content
        .len()
        .checked_sub(FOOTER)
        .ok_or_else(|| Damage::at(content.len(), "it is too short to be a segment"))?;
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
            "its footer tells of a directory of {length} bytes at {start} in {whole} bytes; the file has {}",
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

/// What the directory says.
#[derive(Debug)]
struct Directory {
    /// Length of what comes before it.
    body: usize,
    sections: Vec<([u8; NAME], Range<usize>)>,
    /// One for each block.
    checksums: Vec<u64>,
}

fn split_directory(body: usize, directory: &[u8]) -> Result<Directory, Damage> {
    let damage = |problem: &str| Damage::at(body, format!("its directory {problem}"));
    let (count, rest) = directory.split_first_chunk().ok_or_else(|| damage("is empty"))?;
    let lines = (u32::from_le_bytes(*count) as usize)
        .checked_mul(LINE)
        .and_then(|length| rest.split_at_checked(length));
    let (lines, checksums) = lines.ok_or_else(|| damage("is too short for its sections"))?;
    if checksums.len() != body.div_ceil(BLOCK) * 8 {
        return Err(damage("has not one checksum for each block"));
    }
    let sections: Option<Vec<_>> = lines
        .chunks_exact(LINE)
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

fn hash_of(bytes: &[u8]) -> SegmentHash {
    SegmentHash(xxh3_128(bytes))
}

/// Reads a number at a place that the caller knows to be there.
fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let number = bytes[at..].first_chunk().expect("the caller has checked the length");
    u64::from_le_bytes(*number)
}
