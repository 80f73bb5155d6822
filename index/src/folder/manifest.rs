//! The manifest: which recordings a collection has, and which file holds each of them.
//!
//! # Format 1
//!
//! `manifest-<generation>.jsonl`, the generation with at least six digits, is a text of JSON lines. The manifests are a
//! log: most hold what one commit has **changed**,
//!
//! ```text
//! {"format":1,"generation":43,"after":"…"}        the head, with the checksum that the manifest before ends with
//! {"put":{"id":"night-001",…}}                    or {"remove":"night-001"}
//! {"xxh3":"…"}                                    XXH3-128 of all bytes before this line
//! ```
//!
//! and now and then, and where a commit changes several recordings, one holds the **whole**, so that the log stays short:
//!
//! ```text
//! {"format":1,"generation":42,"recordings":2,"space":{…}}
//! {"id":"night-001",…,"segment":{"hash":"…","length":…},…}    one line for each recording, by ascending id
//! {"xxh3":"…"}
//! ```
//!
//! The last line is the same in every version, so that damage is told from novelty.
//! Every commit writes the next generation beside the others; the highest number counts. What it says is the newest
//! whole manifest with all changes after it.
//!
//! # What a damaged manifest means
//!
//! A manifest gets its name only after its bytes are durable, and is acknowledged only after that.
//! So whatever bears the name was whole once: a commit that a power cut interrupted leaves a `.tmp` file or nothing.
//! A manifest that is damaged is therefore refused by name; falling back in silence would take back what was acknowledged.
//! For the same reason a log of files is safer than one file that grows: no end of it can be torn off unseen.

use std::collections::BTreeMap;
use std::path::Path;

use nocturne_psg::RecordingId;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Result, StoredFile};
use crate::recording::EmbeddingSpace;
use crate::recording::{ContentHash, RecordingEntry};
use crate::storage::Storage;
use crate::storage::checksummed_lines::{Line, Problem, checked_lines, line, parse, sealed};
use crate::vector::kernel::MAX_DIM;

/// Version of the format that this build reads and writes.
const FORMAT: u32 = 1;

/// Least and most changes after a whole manifest. Between, an eighth as many as there are recordings: all manifests of a
/// collection that grows have together a few times the length of the last whole one, and opening reads few files.
const CHANGES: (usize, usize) = (4, 1024);

/// What a collection consists of at one moment.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Manifest {
    pub(crate) generation: u64,
    pub(crate) space: EmbeddingSpace,
    pub(crate) recordings: BTreeMap<RecordingId, RecordingEntry>,
    /// Generation of the newest whole manifest.
    pub(crate) whole: u64,
    /// The checksum that this generation's file ends with.
    checksum: ContentHash,
}

/// What a commit changes.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Change {
    /// Adds a recording, or replaces the one of its name.
    Put(Box<RecordingEntry>),
    /// Takes a recording away.
    Remove(RecordingId),
}

/// The next generation, before its file is written.
#[derive(Debug)]
pub(crate) struct Next {
    pub(crate) generation: u64,
    /// The content of its file.
    pub(crate) bytes: Vec<u8>,
    whole: u64,
    checksum: ContentHash,
    changes: Vec<Change>,
}

/// The content of one file.
struct File {
    generation: u64,
    checksum: ContentHash,
    part: Part,
}

enum Part {
    Whole { space: EmbeddingSpace, recordings: BTreeMap<RecordingId, RecordingEntry> },
    Changed { after: ContentHash, change: Change },
}

#[derive(Serialize, Deserialize)]
struct WholeHead {
    format: u32,
    generation: u64,
    recordings: usize,
    space: EmbeddingSpace,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ChangedHead {
    format: u32,
    generation: u64,
    after: ContentHash,
}

/// The part of the head that every version has, and what tells the kinds apart.
#[derive(Deserialize)]
struct AnyHead {
    format: u32,
    after: Option<serde::de::IgnoredAny>,
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
                Err(Error::Io { source, path, .. })
                    if source.kind() == std::io::ErrorKind::NotFound =>
                {
                    let before = std::mem::replace(&mut newest, Self::newest_generation(storage)?);
                    if newest == before {
                        let problem = "it is missing".to_owned();
                        return Err(Error::Damaged {
                            file: StoredFile::Manifest,
                            path,
                            offset: 0,
                            problem,
                        });
                    }
                }
                other => return other,
            }
        }
        Self::read(storage, newest)
    }

    /// Reads one generation: its file, and those before it down to a whole one.
    pub(crate) fn read(storage: &dyn Storage, generation: u64) -> Result<Self> {
        let mut changes = Vec::new();
        let newest = File::read(storage, generation)?;
        let checksum = newest.checksum;
        let mut file = newest;
        let (space, mut recordings) = loop {
            match file.part {
                Part::Whole { space, recordings } => break (space, recordings),
                Part::Changed { after, change } => {
                    changes.push(change);
                    file = File::read_before(storage, file.generation, after)?;
                }
            }
        };
        changes.into_iter().rev().for_each(|change| change.apply(&mut recordings));
        Ok(Self { generation, space, recordings, whole: file.generation, checksum })
    }

    /// Returns the first generation, without recordings, and the content of its file.
    pub(crate) fn first(space: &EmbeddingSpace) -> (Self, Vec<u8>) {
        Self::new_whole(1, space.clone(), BTreeMap::new())
    }

    /// Returns what makes the next generation.
    pub(crate) fn next(&self, change: Change) -> Next {
        let generation = self.generation + 1;
        let n_changes = (self.recordings.len() / 8).clamp(CHANGES.0, CHANGES.1);
        if generation - self.whole > n_changes as u64 {
            return self.next_whole(vec![change]);
        }
        let head = ChangedHead { format: FORMAT, generation, after: self.checksum };
        let (checksum, bytes) = sealed([line(&head), line(&change)].concat());
        Next { generation, bytes, whole: self.whole, checksum, changes: vec![change] }
    }

    /// Returns what makes the next generation, as a whole: several changes at once have no other form.
    pub(crate) fn next_whole(&self, changes: Vec<Change>) -> Next {
        let generation = self.generation + 1;
        let mut recordings = self.recordings.clone();
        changes.iter().cloned().for_each(|change| change.apply(&mut recordings));
        let (Self { checksum, .. }, bytes) =
            Self::new_whole(generation, self.space.clone(), recordings);
        Next { generation, bytes, whole: generation, checksum, changes }
    }

    /// Goes on to the next generation, whose file is there.
    pub(crate) fn advance(&mut self, next: Next) {
        let Next { generation, whole, checksum, changes, .. } = next;
        changes.into_iter().for_each(|change| change.apply(&mut self.recordings));
        (self.generation, self.whole, self.checksum) = (generation, whole, checksum);
    }

    /// Returns a whole manifest, and the content of its file.
    pub(crate) fn new_whole(
        generation: u64,
        space: EmbeddingSpace,
        recordings: BTreeMap<RecordingId, RecordingEntry>,
    ) -> (Self, Vec<u8>) {
        let head = WholeHead {
            format: FORMAT,
            generation,
            recordings: recordings.len(),
            space: space.clone(),
        };
        let mut bytes = line(&head);
        recordings.values().for_each(|entry| bytes.extend(line(entry)));
        let (checksum, bytes) = sealed(bytes);
        (Self { generation, space, recordings, whole: generation, checksum }, bytes)
    }
}

impl Change {
    fn apply(self, recordings: &mut BTreeMap<RecordingId, RecordingEntry>) {
        match self {
            Self::Put(entry) => recordings.insert(entry.id.clone(), *entry),
            Self::Remove(id) => recordings.remove(&id),
        };
    }
}

impl File {
    fn read(storage: &dyn Storage, generation: u64) -> Result<Self> {
        let name = Manifest::file_name(generation);
        let path = storage.path(&name);
        let bytes = storage.read(&name).map_err(Error::io(&path, "read"))?;
        let file = Self::from_bytes(&bytes, &path)?;
        if file.generation != generation {
            let problem = format!("it is generation {}, under a wrong name", file.generation);
            return Err(Error::Damaged { file: StoredFile::Manifest, path, offset: 0, problem });
        }
        Ok(file)
    }

    /// Reads the file before that of a generation, which must end with a checksum.
    fn read_before(storage: &dyn Storage, generation: u64, checksum: ContentHash) -> Result<Self> {
        let damaged = |generation, problem: &str| Error::Damaged {
            file: StoredFile::Manifest,
            path: storage.path(&Manifest::file_name(generation)),
            offset: 0,
            problem: problem.to_owned(),
        };
        let before = generation
            .checked_sub(1)
            .ok_or_else(|| damaged(generation, "it changes what cannot be there"))?;
        let file = Self::read(storage, before)?;
        if file.checksum != checksum {
            return Err(damaged(before, "it is another than the next generation has changed"));
        }
        Ok(file)
    }

    fn from_bytes(bytes: &[u8], path: &Path) -> Result<Self> {
        let damaged = |(offset, problem): (usize, String)| Error::Damaged {
            file: StoredFile::Manifest,
            path: path.to_owned(),
            offset: offset as u64,
            problem,
        };
        let (checksum, lines) = checked_lines(bytes).map_err(damaged)?;
        let Some(((offset, head), lines)) = lines.split_first() else {
            return Err(damaged((0, "it is empty".to_owned())));
        };
        let AnyHead { format, after } = parse(*offset, head).map_err(damaged)?;
        if format != FORMAT {
            return Err(Error::Format { path: path.to_owned(), found: format, supported: FORMAT });
        }
        let (generation, part) = match after {
            None => whole((*offset, head), lines),
            Some(_) => changed((*offset, head), lines),
        }
        .map_err(damaged)?;
        Ok(Self { generation, checksum, part })
    }
}

fn whole((offset, head): Line<'_>, lines: &[Line<'_>]) -> Result<(u64, Part), Problem> {
    let WholeHead { generation, recordings: count, space, .. } = parse(offset, head)?;
    if !(1..=MAX_DIM).contains(&space.dim) {
        return Err((offset, format!("its vectors have {} numbers", space.dim)));
    }
    let recordings: BTreeMap<_, _> = lines
        .iter()
        .map(|(offset, line)| parse::<RecordingEntry>(*offset, line))
        .map(|entry| entry.map(|entry| (entry.id.clone(), entry)))
        .collect::<Result<_, _>>()?;
    if recordings.len() != count {
        return Err((0, format!("it lists {} recordings; expected {count}", recordings.len())));
    }
    Ok((generation, Part::Whole { space, recordings }))
}

fn changed((offset, head): Line<'_>, lines: &[Line<'_>]) -> Result<(u64, Part), Problem> {
    let ChangedHead { generation, after, .. } = parse(offset, head)?;
    let [(offset, change)] = lines else {
        return Err((0, format!("it has {} changes; expected 1", lines.len())));
    };
    Ok((generation, Part::Changed { after, change: parse(*offset, change)? }))
}
