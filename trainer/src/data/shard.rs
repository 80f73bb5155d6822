//! A shard: the epochs of one recording in one file.
//!
//! ```text
//! magic (8 bytes)
//! samples of each epoch, [10, 1920] 16-bit floats, 38,400 bytes
//! index, JSON: the recording, and for each epoch its number, mask, checksum and facts
//! length of the index (u64), its CRC-32 (u32), magic (8 bytes)
//! ```
//!
//! Numbers are little-endian. Every epoch has a checksum of its own, so that damage is found where it is read.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::path::{Path, PathBuf};

use half::f16;
use half::slice::HalfFloatSliceExt;
use nocturne_psg::caption::EpochFacts;
use nocturne_psg::{ZScore, subject_of};
use serde::{Deserialize, Serialize};

use super::EPOCH_LEN;
use crate::{Error, Result};

/// First and last bytes of a shard; the digits are the version of the format.
pub(super) const MAGIC: [u8; 8] = *b"NOCTEP01";
/// Bytes behind the index.
pub(super) const TRAILER_LEN: u64 = 8 + 4 + 8;
/// Bytes of one epoch's samples.
pub(super) const RECORD_LEN: usize = 2 * EPOCH_LEN;
/// Ending of a shard's name.
pub(super) const EXTENSION: &str = "epochs";

/// A shard that is open for reading.
#[derive(Debug)]
pub struct Shard {
    path: PathBuf,
    index: ShardIndex,
}

/// What a shard says of its epochs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ShardIndex {
    /// Name of the recording.
    pub(super) recording: String,
    /// The person that the recording is of, where a list of recordings told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) subject: Option<String>,
    /// SHA-256 of the recording's file.
    pub(super) source: String,
    /// Span over which the samples were scaled.
    pub(super) z_score: ZScore,
    /// In the order of the samples.
    pub(super) epochs: Vec<EpochEntry>,
}

/// What a shard says of one epoch.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EpochEntry {
    /// Place on the recording's grid.
    pub number: u32,
    /// Bits of the channels that carry something.
    pub mask: u16,
    /// CRC-32 of the samples' bytes.
    pub(super) crc: u32,
    /// Everything that is known of the epoch.
    pub facts: EpochFacts,
}

impl Shard {
    /// Opens a shard and checks its index.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], and [`Error::Format`] where the file is no shard, is cut short, or its index is damaged.
    pub fn open(path: &Path) -> Result<Self> {
        let mut file = File::open(path).map_err(Error::io(path, "open"))?;
        let index = read_index(&mut file, path)?;
        Ok(Self { path: path.to_owned(), index })
    }

    /// Returns the name of the recording.
    pub fn recording(&self) -> &str {
        &self.index.recording
    }

    /// Returns the person that the recording is of: as a list of recordings told, or as its name tells, or, where
    /// neither does, the recording itself.
    pub fn subject(&self) -> String {
        let told = self.index.subject.clone();
        told.or_else(|| subject_of(self.recording())).unwrap_or_else(|| self.recording().to_owned())
    }

    /// Returns the person that a list of recordings told.
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

    /// Returns what is known of each epoch, in order.
    pub fn epochs(&self) -> &[EpochEntry] {
        &self.index.epochs
    }

    /// Reads the samples of an epoch, `[10, 1920]`.
    ///
    /// # Errors
    ///
    /// [`Error::Io`], and [`Error::Format`] where the samples are damaged.
    ///
    /// # Panics
    ///
    /// Where there is no such epoch, or `samples` is not of 19,200 numbers.
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
        return Err(broken("it does not begin as a shard of this version"));
    }
    file.seek(SeekFrom::Start(len - TRAILER_LEN)).map_err(io())?;
    file.read_exact(&mut index_len).map_err(io())?;
    file.read_exact(&mut crc).map_err(io())?;
    file.read_exact(&mut magic).map_err(io())?;
    let index_len = u64::from_le_bytes(index_len);
    if magic != MAGIC || index_len > len - least {
        return Err(broken("it does not end as a shard: it was cut short or damaged"));
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
