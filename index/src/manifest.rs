//! The manifest: which recordings a collection has, and which file holds each of them.
//!
//! # Format 1
//!
//! `manifest-<generation>.jsonl`, the generation with at least six digits, is a text of JSON lines:
//!
//! ```text
//! {"format":1,"generation":42,"recordings":2,"space":{…}}     the head
//! {"id":"night-001",…,"segment":{"hash":"…","length":…},…}    one line for each recording, by ascending id
//! {"xxh3":"…"}                                                XXH3-128 of all bytes before this line
//! ```
//!
//! The last line is the same in every version, so that damage is told from novelty.
//! Every commit writes the next generation beside the others; the highest number counts.
//!
//! # What a damaged manifest means
//!
//! A manifest gets its name only after its bytes are durable, and is acknowledged only after that.
//! So whatever bears the name was whole once: a commit that a power cut interrupted leaves a `.tmp` file or nothing.
//! A manifest that is damaged is therefore refused by name; falling back in silence would take back what was acknowledged.

use std::collections::BTreeMap;
use std::path::Path;

use nocturne_psg::RecordingId;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::xxh3_128;

use crate::entry::{RecordingEntry, SegmentHash};
use crate::kernel::MAX_DIM;
use crate::storage::Storage;
use crate::{Error, Result, Space};

/// Newest version of the format that this build reads, and the one that it writes.
const FORMAT: u32 = 1;

/// What a collection consists of at one moment.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Manifest {
    pub(crate) generation: u64,
    pub(crate) space: Space,
    pub(crate) recordings: BTreeMap<RecordingId, RecordingEntry>,
}

#[derive(Serialize, Deserialize)]
struct Head {
    format: u32,
    generation: u64,
    recordings: usize,
    space: Space,
}

/// The part of the head that every version has.
#[derive(Deserialize)]
struct AnyHead {
    format: u32,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Tail {
    xxh3: SegmentHash,
}

impl Manifest {
    /// Returns the name of a generation's file.
    pub(crate) fn file_name(generation: u64) -> String {
        format!("manifest-{generation:06}.jsonl")
    }

    /// Returns the generation of a manifest's file; nothing for any other name, such as that of an editor's backup.
    pub(crate) fn generation_of(file_name: &str) -> Option<u64> {
        let digits = file_name.strip_prefix("manifest-")?.strip_suffix(".jsonl")?;
        digits.parse().ok().filter(|generation| Self::file_name(*generation) == file_name)
    }

    /// Returns the generations that are there, ascending.
    pub(crate) fn generations(storage: &dyn Storage) -> Result<Vec<u64>> {
        let items = storage.list("").map_err(Error::io(&storage.path(""), "read"))?;
        let files = items.iter().filter(|item| item.is_file);
        let mut generations: Vec<u64> =
            files.filter_map(|item| Self::generation_of(&item.name)).collect();
        generations.sort_unstable();
        Ok(generations)
    }

    /// Returns the newest generation, or [`Error::NotACollection`] where there is none.
    pub(crate) fn newest_generation(storage: &dyn Storage) -> Result<u64> {
        Self::generations(storage)?
            .pop()
            .ok_or_else(|| Error::NotACollection { path: storage.path("") })
    }

    /// Reads the newest generation.
    pub(crate) fn read_newest(storage: &dyn Storage) -> Result<Self> {
        /// A writer may clear a generation away between the look at the folder and the read.
        const ATTEMPTS: usize = 10;
        let mut newest = Self::newest_generation(storage)?;
        for _ in 1..ATTEMPTS {
            match Self::read(storage, newest) {
                Err(Error::Io { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                    newest = Self::newest_generation(storage)?;
                }
                other => return other,
            }
        }
        Self::read(storage, newest)
    }

    /// Reads one generation.
    pub(crate) fn read(storage: &dyn Storage, generation: u64) -> Result<Self> {
        let name = Self::file_name(generation);
        let path = storage.path(&name);
        let bytes = storage.read(&name).map_err(Error::io(&path, "read"))?;
        let manifest = Self::from_bytes(&bytes, &path)?;
        if manifest.generation != generation {
            let problem = format!("it is generation {}, under a wrong name", manifest.generation);
            return Err(Error::DamagedManifest { path, offset: 0, problem });
        }
        Ok(manifest)
    }

    /// Returns the content of the manifest's file.
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let head = Head {
            format: FORMAT,
            generation: self.generation,
            recordings: self.recordings.len(),
            space: self.space.clone(),
        };
        let mut bytes = line(&head);
        self.recordings.values().for_each(|entry| bytes.extend(line(entry)));
        let tail = line(&Tail { xxh3: SegmentHash(xxh3_128(&bytes)) });
        bytes.extend(tail);
        bytes
    }

    fn from_bytes(bytes: &[u8], path: &Path) -> Result<Self> {
        let damaged = |(offset, problem): (usize, String)| Error::DamagedManifest {
            path: path.to_owned(),
            offset: offset as u64,
            problem,
        };
        let mut lines = checked_lines(bytes).map_err(damaged)?.into_iter();
        let (offset, head) = lines.next().ok_or_else(|| damaged((0, "it is empty".to_owned())))?;
        let AnyHead { format } = parse(offset, head).map_err(damaged)?;
        if format > FORMAT {
            return Err(Error::Format { path: path.to_owned(), found: format, supported: FORMAT });
        }
        let Head { generation, recordings: count, space, .. } =
            parse(offset, head).map_err(damaged)?;
        if !(1..=MAX_DIM).contains(&space.dim) {
            return Err(damaged((offset, format!("its vectors have {} numbers", space.dim))));
        }
        let entries: Result<BTreeMap<_, _>, _> = lines
            .map(|(offset, line)| parse::<RecordingEntry>(offset, line))
            .map(|entry| entry.map(|entry| (entry.id.clone(), entry)))
            .collect();
        let recordings = entries.map_err(damaged)?;
        if recordings.len() != count {
            let problem = format!("it lists {} recordings; expected {count}", recordings.len());
            return Err(damaged((0, problem)));
        }
        Ok(Self { generation, space, recordings })
    }
}

type Line<'a> = (usize, &'a [u8]);

/// Returns every line but the last with its place, once the checksum in the last one fits them.
fn checked_lines(bytes: &[u8]) -> Result<Vec<Line<'_>>, (usize, String)> {
    let text = bytes
        .strip_suffix(b"\n")
        .ok_or_else(|| (bytes.len(), "it does not end with a line".to_owned()))?;
    let tail_at = text.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
    let (content, tail) = text.split_at(tail_at);
    let Tail { xxh3 } = parse(tail_at, tail)?;
    let found = SegmentHash(xxh3_128(content));
    if found != xxh3 {
        return Err((0, format!("bytes 0 to {tail_at} have the checksum {found}, not {xxh3}")));
    }
    let mut lines = Vec::new();
    let mut offset = 0;
    for line in content.split_inclusive(|byte| *byte == b'\n') {
        lines.push((offset, line));
        offset += line.len();
    }
    Ok(lines)
}

fn parse<'a, T: Deserialize<'a>>(offset: usize, line: &'a [u8]) -> Result<T, (usize, String)> {
    serde_json::from_slice(line).map_err(|error| (offset, error.to_string()))
}

fn line(value: &impl Serialize) -> Vec<u8> {
    let mut bytes =
        serde_json::to_vec(value).expect("text keys and finite numbers always make JSON");
    bytes.push(b'\n');
    bytes
}
