//! A shard: the epochs of one recording in one file.
//!
//! ```text
//! magic (8 bytes)
//! samples of each epoch, [10, 1920] 16-bit floats, 38,400 bytes
//! index, JSON: the recording, and for each epoch its number, mask, checksum and facts
//! length of the index (u64), its CRC-32 (u32), magic (8 bytes)
//! ```
//!
//! Numbers are little-endian. Every epoch has its own checksum, so damage is detected when the epoch is read.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use half::f16;
use half::slice::HalfFloatSliceExt;
use nocturne_psg::caption::EpochFacts;
use nocturne_psg::{ZScore, subject_of};
use serde::{Deserialize, Serialize};

use super::EPOCH_LEN;
use crate::error::{Error, Result};

/// First and last bytes of a shard; the digits are the format version.
pub(super) const MAGIC: [u8; 8] = *b"NOCTEP01";
/// Length of the trailer after the index.
pub(super) const TRAILER_LEN: u64 = 8 + 4 + 8;
/// Bytes of one epoch's samples.
pub(super) const RECORD_LEN: usize = 2 * EPOCH_LEN;
/// File extension of a shard.
pub(super) const EXTENSION: &str = "epochs";

/// A shard that is open for reading.
#[derive(Debug)]
pub struct Shard {
    path: PathBuf,
    index: ShardIndex,
}

/// The index of a shard.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ShardIndex {
    /// Name of the recording.
    pub(super) recording: String,
    /// The subject, if a recording list named one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) subject: Option<String>,
    /// SHA-256 of the recording's file.
    pub(super) source: String,
    /// Span over which the samples were scaled.
    pub(super) z_score: ZScore,
    /// In the order of the samples.
    pub(super) epochs: Vec<EpochEntry>,
}

/// The index entry of one epoch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpochEntry {
    /// Number of the epoch in the recording.
    pub number: u32,
    /// Bits of the channels that carry a signal.
    pub mask: u16,
    /// CRC-32 of the samples' bytes.
    pub(super) crc: u32,
    /// All facts about the epoch.
    pub facts: EpochFacts,
}

impl Shard {
    /// Opens a shard and checks its index.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], [`Error::Parse`], and [`Error::Format`] if the file is not a shard, is truncated, or its index is
    /// damaged.
    pub fn open(path: &Path) -> Result<Self> {
        let mut file = File::open(path).map_err(Error::io(path, "open"))?;
        let index = read_index(&mut file, path)?;
        Ok(Self { path: path.to_owned(), index })
    }

    /// Returns the name of the recording.
    pub fn recording(&self) -> &str {
        &self.index.recording
    }

    /// Returns the subject of the recording: from the recording list, else derived from the recording's name, else the
    /// name itself.
    pub fn subject(&self) -> String {
        let subject = self.index.subject.clone();
        subject
            .or_else(|| subject_of(self.recording()))
            .unwrap_or_else(|| self.recording().to_owned())
    }

    /// Returns the subject that a recording list named.
    pub(super) fn listed_subject(&self) -> Option<&str> {
        self.index.subject.as_deref()
    }

    /// Returns the SHA-256 of the recording's file.
    pub fn source(&self) -> &str {
        &self.index.source
    }

    /// Returns the span over which the samples were scaled.
    pub fn z_score(&self) -> ZScore {
        self.index.z_score
    }

    /// Returns the index entries of the epochs, in order.
    pub fn epochs(&self) -> &[EpochEntry] {
        &self.index.epochs
    }

    /// Reads the samples of an epoch, `[10, 1920]`.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], and [`Error::Format`] if the samples are damaged.
    ///
    /// # Panics
    ///
    /// If the epoch does not exist, or `samples` does not have 19,200 numbers.
    pub fn read_samples(&self, epoch_idx: usize, samples: &mut [f32]) -> Result<()> {
        let entry = &self.index.epochs[epoch_idx];
        let mut file = File::open(&self.path).map_err(Error::io(&self.path, "open"))?;
        let start = MAGIC.len() as u64 + (epoch_idx * RECORD_LEN) as u64;
        let mut bytes = vec![0; RECORD_LEN];
        file.seek(SeekFrom::Start(start))
            .and_then(|_| file.read_exact(&mut bytes))
            .map_err(Error::io(&self.path, "read"))?;
        if crc32fast::hash(&bytes) != entry.crc {
            let problem = format!("the samples of epoch {} are damaged", entry.number);
            return Err(Error::format(&self.path, problem));
        }
        let halves: Vec<f16> =
            bytes.as_chunks::<2>().0.iter().map(|pair| f16::from_le_bytes(*pair)).collect();
        halves.convert_to_f32_slice(samples);
        Ok(())
    }
}

fn read_index(file: &mut File, path: &Path) -> Result<ShardIndex> {
    let io = || Error::io(path, "read");
    let len = file.metadata().map_err(io())?.len();
    let least = MAGIC.len() as u64 + TRAILER_LEN;
    let broken = |problem: &str| Error::format(path, problem);
    if len < least {
        return Err(broken(&format!("it has {len} bytes; a shard has at least {least}")));
    }
    let (mut magic, mut index_len, mut crc) = ([0; 8], [0; 8], [0; 4]);
    file.read_exact(&mut magic).map_err(io())?;
    if magic != MAGIC {
        return Err(broken("it does not start with the magic bytes of a shard"));
    }
    file.seek(SeekFrom::Start(len - TRAILER_LEN)).map_err(io())?;
    file.read_exact(&mut index_len).map_err(io())?;
    file.read_exact(&mut crc).map_err(io())?;
    file.read_exact(&mut magic).map_err(io())?;
    let index_len = u64::from_le_bytes(index_len);
    if magic != MAGIC || index_len > len - least {
        return Err(broken(
            "it does not end with the trailer of a shard: it is truncated or damaged",
        ));
    }
    let index_start = len - TRAILER_LEN - index_len;
    file.seek(SeekFrom::Start(index_start)).map_err(io())?;
    let mut bytes = vec![0; index_len as usize];
    file.read_exact(&mut bytes).map_err(io())?;
    if crc32fast::hash(&bytes) != u32::from_le_bytes(crc) {
        return Err(broken("its index is damaged"));
    }
    let index: ShardIndex =
        serde_json::from_slice(&bytes).map_err(|error| broken(&format!("its index: {error}")))?;
    let expected = MAGIC.len() as u64 + (index.epochs.len() * RECORD_LEN) as u64;
    if index_start != expected {
        let n = index.epochs.len();
        return Err(broken(&format!("its {n} epochs need {expected} bytes; it has {index_start}")));
    }
    Ok(index)
}
