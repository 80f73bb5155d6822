//! Wraps a body of bytes in checksums, and unwraps it again without trusting one number of it.

use std::ops::Range;

use xxhash_rust::xxh3::{xxh3_64, xxh3_128};

use super::ALIGNMENT;
use crate::SegmentHash;

/// Length of a block that has its own checksum, in bytes.
const BLOCK: usize = 64 * 1024;

const SEAL: &[u8; 8] = b"NOCTSEAL";
const FOOTER: usize = 48;
const NAME: usize = 16;
/// Length of a section's line in the directory.
const LINE: usize = NAME + 16;

/// Where a file is damaged, and how.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Damage {
    pub(super) offset: usize,
    pub(super) problem: String,
}

impl Damage {
    pub(super) fn at(offset: usize, problem: impl Into<String>) -> Self {
        Self { offset, problem: problem.into() }
    }
}

/// A file in the making.
#[derive(Debug)]
pub(super) struct Builder {
    bytes: Vec<u8>,
    sections: Vec<(&'static str, Range<usize>)>,
}

impl Builder {
    /// Begins with a header, which must be as long as the alignment.
    pub(super) fn new(header: [u8; ALIGNMENT]) -> Self {
        Self { bytes: header.to_vec(), sections: Vec::new() }
    }

    /// Appends a section; names are at most 16 bytes of ASCII.
    pub(super) fn section(&mut self, name: &'static str, fill: impl FnOnce(&mut Vec<u8>)) {
        let start = self.bytes.len().next_multiple_of(ALIGNMENT);
        self.bytes.resize(start, 0);
        fill(&mut self.bytes);
        self.sections.push((name, start..self.bytes.len()));
    }

    /// Adds directory and footer.
    pub(super) fn seal(self) -> (SegmentHash, Vec<u8>) {
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

/// A file whose every byte has passed its checksum.
#[derive(Debug)]
pub(super) struct Opened<'a> {
    pub(super) hash: SegmentHash,
    pub(super) header: &'a [u8],
    bytes: &'a [u8],
    sections: Vec<(&'a [u8], Range<usize>)>,
}

impl<'a> Opened<'a> {
    /// Checks every checksum and every range.
    pub(super) fn open(bytes: &'a [u8]) -> Result<Self, Damage> {
        let (directory, hash) = checked_directory(bytes)?;
        let body = &bytes[..directory.start];
        let (sections, checksums) = split_directory(bytes, directory)?;
        for (block, (content, checksum)) in body.chunks(BLOCK).zip(checksums).enumerate() {
            if xxh3_64(content) != u64_at(checksum, 0) {
                let problem = format!("the checksum of its {} bytes is wrong", content.len());
                return Err(Damage::at(block * BLOCK, problem));
            }
        }
        let header = body
            .get(..ALIGNMENT)
            .ok_or_else(|| Damage::at(body.len(), "it ends inside its header"))?;
        Ok(Self { hash, header, bytes, sections })
    }

    /// Returns a section with its place in the file.
    pub(super) fn section(&self, name: &'static str) -> Result<Section<'a>, Damage> {
        let is_named = |padded: &[u8]| {
            padded
                .strip_prefix(name.as_bytes())
                .is_some_and(|rest| rest.iter().all(|byte| *byte == 0))
        };
        let (_, range) =
            self.sections.iter().find(|(padded, _)| is_named(padded)).ok_or_else(|| {
                Damage::at(self.bytes.len(), format!("it has no section `{name}`"))
            })?;
        Ok(Section { name, offset: range.start, bytes: &self.bytes[range.clone()] })
    }
}

/// A stretch of a file.
#[derive(Debug, Clone, Copy)]
pub(super) struct Section<'a> {
    pub(super) name: &'static str,
    /// Where it begins in the file.
    pub(super) offset: usize,
    pub(super) bytes: &'a [u8],
}

/// Returns where the directory is, once footer and directory have passed their hash.
fn checked_directory(bytes: &[u8]) -> Result<(Range<usize>, SegmentHash), Damage> {
    let start_of_footer = bytes
        .len()
        .checked_sub(FOOTER)
        .ok_or_else(|| Damage::at(bytes.len(), "it is too short to be a segment"))?;
    let footer = &bytes[start_of_footer..];
    if &footer[FOOTER - SEAL.len()..] != SEAL {
        return Err(Damage::at(bytes.len() - SEAL.len(), "it does not end with its seal"));
    }
    let [start, length, whole] = [0, 8, 16].map(|at| u64_at(footer, at));
    let adds_up =
        whole == bytes.len() as u64 && start.checked_add(length) == Some(start_of_footer as u64);
    if !adds_up {
        let problem = format!(
            "its footer tells of a directory of {length} bytes at {start} in {whole} bytes; the file has {}",
            bytes.len()
        );
        return Err(Damage::at(start_of_footer, problem));
    }
    let directory = start as usize..start_of_footer;
    let hash = hash_of(&bytes[directory.start..start_of_footer + 24]);
    if hash.0.to_le_bytes() != footer[24..40] {
        return Err(Damage::at(directory.start, "the hash of its directory is wrong"));
    }
    Ok((directory, hash))
}

type Directory<'a> = (Vec<(&'a [u8], Range<usize>)>, std::slice::ChunksExact<'a, u8>);

/// Returns the sections and the checksums of the blocks.
fn split_directory(bytes: &[u8], range: Range<usize>) -> Result<Directory<'_>, Damage> {
    let body = range.start;
    let damage = |problem: &str| Damage::at(body, format!("its directory {problem}"));
    let directory = &bytes[range];
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
            (end <= body).then_some((&line[..NAME], start..end))
        })
        .collect();
    let sections = sections.ok_or_else(|| damage("has a section outside the body"))?;
    Ok((sections, checksums.chunks_exact(8)))
}

fn hash_of(bytes: &[u8]) -> SegmentHash {
    SegmentHash(xxh3_128(bytes))
}

/// Reads a number at a place that the caller knows to be there.
pub(super) fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let number = bytes[at..].first_chunk().expect("the caller has checked the length");
    u64::from_le_bytes(*number)
}
