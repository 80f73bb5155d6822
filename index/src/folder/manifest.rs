//! The manifest: which recordings a space has, and which segment holds each of them.
//!
//! # Format 1
//!
//! `manifest-<generation>.jsonl`, the generation with at least six digits, is a text of JSON lines. The manifests are a
//! log. Most are a **delta**, the change of one commit:
//!
//! ```text
//! {"format":1,"generation":43,"after":"…"}        the head, with the checksum that the previous manifest ends with
//! {"put":{"id":"night-001",…}}                    or {"remove":"night-001"}
//! {"xxh3":"…"}                                    XXH3-128 of all bytes before this line
//! ```
//!
//! From time to time, and if a commit changes several recordings, a **full** manifest keeps the log short:
//!
//! ```text
//! {"format":1,"generation":42,"recordings":2,"space":{…}}
//! {"id":"night-001",…,"segment":{"hash":"…","length":…},…}    one line for each recording, by ascending id
//! {"xxh3":"…"}
//! ```
//!
//! Every commit writes the next generation beside the others, and the highest number counts: it stands at the end of the
//! newest full manifest with all deltas after it.
//!
//! # What a damaged manifest means
//!
//! A manifest gets its name only after its bytes are durable, and is acknowledged only after that.
//! So a file of that name was complete once: a commit that a power cut interrupted leaves a `.tmp` file or nothing.
//! A damaged manifest is therefore refused by name; falling back silently would lose acknowledged recordings.
//! For the same reason there is a file for each commit, not one that grows: no end of it can be cut off unnoticed.

use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::path::Path;

use nocturne_psg::RecordingId;
use serde::{Deserialize, Serialize};

use crate::error::{Error, FoundInstead, LocationName, Result, StoredFile};
use crate::recording::{ContentHash, EmbeddingSpace, RecordingEntry};
use crate::storage::Storage;
use crate::storage::checksummed_lines::{Line, Problem, checked_lines, line, parse, sealed};
use crate::vector::kernel::MAX_DIM;

/// Version of the format that this build reads and writes.
const FORMAT: u32 = 1;

/// Minimum and maximum number of deltas after a full manifest. Between them, an eighth of the number of recordings: all
/// manifests of a growing collection together have a few times the length of the last full one, and opening reads few
/// files.
const DELTAS: (usize, usize) = (4, 1024);

/// How often reading the newest manifest starts again because a writer has removed it meanwhile.
const ATTEMPTS: usize = 10;

/// The content of a space at one generation.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Manifest {
    pub(super) generation: u64,
    pub(super) space: EmbeddingSpace,
    pub(super) recordings: BTreeMap<RecordingId, RecordingEntry>,
    /// Generation of the newest full manifest.
    pub(super) full: u64,
    /// The checksum that this generation's file ends with.
    checksum: ContentHash,
}

/// The change of a recording.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(super) enum Change {
    /// Adds a recording, or replaces the one of the same id.
    Put(Box<RecordingEntry>),
    /// Removes a recording.
    Remove(RecordingId),
}

/// The next generation, before its file is written.
#[derive(Debug)]
pub(super) struct NextManifest {
    pub(super) generation: u64,
    /// The content of its file.
    pub(super) bytes: Vec<u8>,
    full: u64,
    checksum: ContentHash,
    recordings: NextRecordings,
}

/// The recordings of the next generation.
#[derive(Debug)]
enum NextRecordings {
    Changed(Vec<Change>),
    Replaced(BTreeMap<RecordingId, RecordingEntry>),
}

/// The content of one file.
struct ManifestFile {
    generation: u64,
    checksum: ContentHash,
    content: FileContent,
}

enum FileContent {
    Full { space: EmbeddingSpace, recordings: BTreeMap<RecordingId, RecordingEntry> },
    Delta { after: ContentHash, change: Change },
}

#[derive(Serialize, Deserialize)]
struct FullHead {
    format: u32,
    generation: u64,
    recordings: usize,
    space: EmbeddingSpace,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct DeltaHead {
    format: u32,
    generation: u64,
    after: ContentHash,
}

/// What the head of every format has, and what distinguishes a delta.
#[derive(Deserialize)]
struct AnyHead {
    format: u32,
    after: Option<serde::de::IgnoredAny>,
}

impl Manifest {
    /// Returns the name of a generation's file.
    pub(super) fn file_name(generation: u64) -> String {
        format!("manifest-{generation:06}.jsonl")
    }

    /// Returns the generation of a manifest's file, or `None` for any other name, such as that of an editor's backup.
    pub(super) fn generation_of(file_name: &str) -> Option<u64> {
        let digits = file_name.strip_prefix("manifest-")?.strip_suffix(".jsonl")?;
        digits.parse().ok().filter(|generation| Self::file_name(*generation) == file_name)
    }

    /// Returns the generations in a folder, ascending, or [`Error::NotACollection`] if there is no such folder.
    pub(super) fn generations(storage: &dyn Storage) -> Result<Vec<u64>> {
        let items = storage.list("").map_err(|error| not_listed(storage, error))?;
        let files = items.iter().filter(|item| item.is_file);
        let mut generations: Vec<u64> =
            files.filter_map(|item| Self::generation_of(&item.name)).collect();
        generations.sort_unstable();
        Ok(generations)
    }

    /// Returns whether a folder, which need not exist, has a manifest.
    pub(super) fn exists(storage: &dyn Storage) -> Result<bool> {
        match Self::generations(storage) {
            Err(Error::NotACollection { found: FoundInstead::Nothing, .. }) => Ok(false),
            generations => Ok(!generations?.is_empty()),
        }
    }

    /// Returns the newest generation, or [`Error::NotACollection`] if there is none.
    pub(super) fn newest_generation(storage: &dyn Storage) -> Result<u64> {
        let newest = Self::generations(storage)?.pop();
        let location = || LocationName::Path(storage.path(""));
        let found = FoundInstead::OtherFolder;
        newest.ok_or_else(|| Error::NotACollection { location: location(), found })
    }

    /// Reads the newest generation.
    pub(super) fn read_newest(storage: &dyn Storage) -> Result<Self> {
        let mut newest = Self::newest_generation(storage)?;
        for _ in 1..ATTEMPTS {
            match Self::read(storage, newest) {
                // A writer may remove a generation between the listing of the folder and the reading.
                Err(Error::Io { source, path, .. }) if source.kind() == ErrorKind::NotFound => {
                    let listed = std::mem::replace(&mut newest, Self::newest_generation(storage)?);
                    if newest == listed {
                        return Err(damaged(&path, 0, "the file does not exist"));
                    }
                }
                other => return other,
            }
        }
        Self::read(storage, newest)
    }

    /// Reads one generation: its file, and the previous ones down to a full one.
    pub(super) fn read(storage: &dyn Storage, generation: u64) -> Result<Self> {
        let mut changes = Vec::new();
        let mut file = ManifestFile::read(storage, generation)?;
        let checksum = file.checksum;
        let (space, mut recordings) = loop {
            match file.content {
                FileContent::Full { space, recordings } => break (space, recordings),
                FileContent::Delta { after, change } => {
                    changes.push(change);
                    file = ManifestFile::read_before(storage, file.generation, after)?;
                }
            }
        };
        changes.into_iter().rev().for_each(|change| change.apply(&mut recordings));
        Ok(Self { generation, space, recordings, full: file.generation, checksum })
    }

    /// Returns the state before the first generation of a space, for which there is no file.
    pub(super) fn before_first(space: &EmbeddingSpace) -> Self {
        Self {
            generation: 0,
            space: space.clone(),
            recordings: BTreeMap::new(),
            full: 0,
            checksum: ContentHash(0),
        }
    }

    /// Returns the next generation after one change.
    pub(super) fn next(&self, change: Change) -> NextManifest {
        let generation = self.generation + 1;
        let n_deltas = (self.recordings.len() / 8).clamp(DELTAS.0, DELTAS.1);
        if self.full == 0 || generation - self.full > n_deltas as u64 {
            return self.next_full(vec![change]);
        }
        let head = DeltaHead { format: FORMAT, generation, after: self.checksum };
        let (checksum, bytes) = sealed([line(&head), line(&change)].concat());
        let recordings = NextRecordings::Changed(vec![change]);
        NextManifest { generation, bytes, full: self.full, checksum, recordings }
    }

    /// Returns the next generation after several changes, as a full manifest: a delta holds one change.
    pub(super) fn next_full(&self, changes: Vec<Change>) -> NextManifest {
        let generation = self.generation + 1;
        let mut recordings = self.recordings.clone();
        changes.iter().cloned().for_each(|change| change.apply(&mut recordings));
        let (checksum, bytes) = full_manifest(generation, &self.space, &recordings);
        let recordings = NextRecordings::Changed(changes);
        NextManifest { generation, bytes, full: generation, checksum, recordings }
    }

    /// Returns the next generation with other recordings. Its number is at least `least`.
    pub(super) fn replaced_by(
        &self,
        recordings: BTreeMap<RecordingId, RecordingEntry>,
        least: u64,
    ) -> NextManifest {
        let generation = (self.generation + 1).max(least);
        let (checksum, bytes) = full_manifest(generation, &self.space, &recordings);
        let recordings = NextRecordings::Replaced(recordings);
        NextManifest { generation, bytes, full: generation, checksum, recordings }
    }

    /// Advances to the next generation, once its file is written.
    pub(super) fn advance(&mut self, next: NextManifest) {
        let NextManifest { generation, full, checksum, recordings, .. } = next;
        match recordings {
            NextRecordings::Replaced(recordings) => self.recordings = recordings,
            NextRecordings::Changed(changes) => {
                changes.into_iter().for_each(|change| change.apply(&mut self.recordings));
            }
        }
        (self.generation, self.full, self.checksum) = (generation, full, checksum);
    }
}

/// Describes why the folder of a space could not be listed.
fn not_listed(storage: &dyn Storage, error: std::io::Error) -> Error {
    let path = storage.path("");
    let known = [
        (ErrorKind::NotFound, FoundInstead::Nothing),
        (ErrorKind::NotADirectory, FoundInstead::File),
    ];
    match known.into_iter().find(|(kind, _)| *kind == error.kind()) {
        Some((_, found)) => Error::NotACollection { location: LocationName::Path(path), found },
        None => Error::io(&path, "read")(error),
    }
}

/// Returns the content of the file of a full manifest.
fn full_manifest(
    generation: u64,
    space: &EmbeddingSpace,
    recordings: &BTreeMap<RecordingId, RecordingEntry>,
) -> (ContentHash, Vec<u8>) {
    let (format, n_recordings) = (FORMAT, recordings.len());
    let head = FullHead { format, generation, recordings: n_recordings, space: space.clone() };
    let mut bytes = line(&head);
    recordings.values().for_each(|entry| bytes.extend(line(entry)));
    sealed(bytes)
}

impl Change {
    fn apply(self, recordings: &mut BTreeMap<RecordingId, RecordingEntry>) {
        match self {
            Self::Put(entry) => recordings.insert(entry.id.clone(), *entry),
            Self::Remove(id) => recordings.remove(&id),
        };
    }
}

impl ManifestFile {
    fn read(storage: &dyn Storage, generation: u64) -> Result<Self> {
        let name = Manifest::file_name(generation);
        let path = storage.path(&name);
        let bytes = storage.read(&name).map_err(Error::io(&path, "read"))?;
        let file = Self::from_bytes(&bytes, &path)?;
        if file.generation != generation {
            let problem = format!("it is generation {}, under a wrong name", file.generation);
            return Err(damaged(&path, 0, problem));
        }
        Ok(file)
    }

    /// Reads the file before that of a generation, which must end with a checksum.
    fn read_before(storage: &dyn Storage, generation: u64, checksum: ContentHash) -> Result<Self> {
        let path = |generation| storage.path(&Manifest::file_name(generation));
        let Some(before) = generation.checked_sub(1) else {
            return Err(damaged(&path(generation), 0, "it is a delta without a full manifest"));
        };
        let file = Self::read(storage, before)?;
        if file.checksum != checksum {
            return Err(damaged(&path(before), 0, "the next generation is a delta of another one"));
        }
        Ok(file)
    }

    fn from_bytes(bytes: &[u8], path: &Path) -> Result<Self> {
        let damaged = |(offset, problem): Problem| damaged(path, offset, problem);
        let (checksum, lines) = checked_lines(bytes).map_err(damaged)?;
        let Some(((offset, head), lines)) = lines.split_first() else {
            return Err(damaged((0, "it is empty".to_owned())));
        };
        let AnyHead { format, after } = parse(*offset, head).map_err(damaged)?;
        if format != FORMAT {
            let location = LocationName::Path(path.to_owned());
            return Err(Error::Format { location, found: format, supported: FORMAT });
        }
        let (generation, content) = match after {
            None => full((*offset, head), lines),
            Some(_) => delta((*offset, head), lines),
        }
        .map_err(damaged)?;
        Ok(Self { generation, checksum, content })
    }
}

fn full((offset, head): Line<'_>, lines: &[Line<'_>]) -> Result<(u64, FileContent), Problem> {
    let FullHead { generation, recordings: n_recordings, space, .. } = parse(offset, head)?;
    if !(1..=MAX_DIM).contains(&space.dim) {
        return Err((offset, format!("its vectors have {} dimensions", space.dim)));
    }
    let recordings: BTreeMap<_, _> = lines
        .iter()
        .map(|(offset, line)| parse::<RecordingEntry>(*offset, line))
        .map(|entry| entry.map(|entry| (entry.id.clone(), entry)))
        .collect::<Result<_, _>>()?;
    if recordings.len() != n_recordings {
        let problem = format!("it lists {} recordings; expected {n_recordings}", recordings.len());
        return Err((0, problem));
    }
    Ok((generation, FileContent::Full { space, recordings }))
}

fn delta((offset, head): Line<'_>, lines: &[Line<'_>]) -> Result<(u64, FileContent), Problem> {
    let DeltaHead { generation, after, .. } = parse(offset, head)?;
    let [(offset, change)] = lines else {
        return Err((0, format!("it has {} changes; expected 1", lines.len())));
    };
    Ok((generation, FileContent::Delta { after, change: parse(*offset, change)? }))
}

fn damaged(path: &Path, offset: usize, problem: impl Into<String>) -> Error {
    Error::Damaged {
        file: StoredFile::Manifest,
        path: path.to_owned(),
        offset: offset as u64,
        problem: problem.into(),
    }
}
