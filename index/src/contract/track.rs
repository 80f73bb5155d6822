//! Concept tracks: for each recording and space, a byte string with the probabilities of stages and concepts along the
//! night.
//!
//! A track is computed from the segment of its recording, and is a cache: it can be computed again. What its bytes mean is
//! not known here. Its **version** names all that it was computed with beside the segment, such as the fingerprints of a
//! bundle and a calibration.

use std::io::ErrorKind;
use std::sync::{Arc, OnceLock};

use crate::contract::{CacheProblem, CollectionReader, CollectionWriter};
use crate::error::{Error, LocationName, Result};
use crate::recording::{ContentHash, RecordingEntry};
use crate::storage::Storage;
use crate::storage::track_file::{TrackName, VerifiedTrack};

/// Maximum length of a track in bytes: thirty times that of a night.
pub const MAX_TRACK_BYTES: usize = 1 << 20;

/// Maximum length of a version in bytes.
const MAX_VERSION_BYTES: usize = 1024;

/// A track to be stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TrackDraft {
    version: String,
    bytes: Vec<u8>,
}

impl TrackDraft {
    /// Checks the lengths of a track and its version.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`] if the track has more than [`MAX_TRACK_BYTES`], or its version has not 1 to 1024 bytes.
    pub fn new(version: impl Into<String>, bytes: Vec<u8>) -> Result<Self> {
        let version = version.into();
        let lengths = [
            ("length of the track", bytes.len(), 0..=MAX_TRACK_BYTES, "0 to 1048576 bytes"),
            ("length of the version", version.len(), 1..=MAX_VERSION_BYTES, "1 to 1024 bytes"),
        ];
        for (name, value, range, expected) in lengths {
            if !range.contains(&value) {
                return Err(Error::Setting { name, value, expected });
            }
        }
        Ok(Self { version, bytes })
    }

    /// Returns what the track was computed with.
    pub fn version(&self) -> &str {
        &self.version
    }

    /// Returns the bytes of the track.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }
}

/// Why a recording has no track that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TrackProblem {
    /// None was stored for its segment.
    #[error("no track is stored")]
    Absent,
    /// The stored one has another version.
    #[error("the stored track has another version")]
    OtherVersion,
    /// The stored one is not what was written.
    #[error("the track in `{location}` is damaged: {problem}")]
    Damaged {
        /// The file, or the collection on a server.
        location: LocationName,
        /// What is wrong with it, and where.
        problem: String,
    },
}

/// The stored track of a recording.
///
/// In a folder, its file is opened and verified when the track is first used, and mapped into memory; a file that another
/// program removes before that counts as absent. From a server, it comes verified and stays in memory.
#[derive(Debug)]
pub struct Track {
    segment: ContentHash,
    /// `None` if there is nothing to open.
    file: Option<TrackFile>,
    opened: OnceLock<Result<VerifiedTrack, TrackProblem>>,
}

#[derive(Debug)]
struct TrackFile {
    storage: Arc<dyn Storage>,
    name: TrackName,
}

impl Track {
    /// Returns the track in a file, which is not opened yet.
    pub(crate) fn in_file(storage: Arc<dyn Storage>, name: TrackName) -> Arc<Self> {
        let file = Some(TrackFile { storage, name });
        Arc::new(Self { segment: name.segment, file, opened: OnceLock::new() })
    }

    /// Returns a track that is verified, or why there is none.
    pub(crate) fn of(
        entry: &RecordingEntry,
        opened: Result<VerifiedTrack, TrackProblem>,
    ) -> Arc<Self> {
        Arc::new(Self { segment: entry.segment.hash, file: None, opened: opened.into() })
    }

    /// Returns the hash of the segment of its recording. As long as the recording has this segment, the track is its track.
    pub fn segment(&self) -> ContentHash {
        self.segment
    }

    /// Returns the bytes of the track.
    ///
    /// # Errors
    ///
    /// Why there is none that can be used; the same at every call.
    pub fn bytes(&self) -> Result<&[u8], &TrackProblem> {
        self.opened().map(VerifiedTrack::bytes)
    }

    /// Returns what the track was computed with.
    ///
    /// # Errors
    ///
    /// Those of [`bytes`](Self::bytes).
    pub fn version(&self) -> Result<&str, &TrackProblem> {
        self.opened().map(|track| track.version.as_str())
    }

    /// Returns why there is no track that can be used, as far as it is known without opening a file.
    pub fn known_problem(&self) -> Option<&TrackProblem> {
        self.opened.get()?.as_ref().err()
    }

    /// Returns a copy to be stored elsewhere; `None` if there is no track that can be used.
    pub(crate) fn draft(&self) -> Option<TrackDraft> {
        let VerifiedTrack { version, .. } = self.opened().ok()?;
        TrackDraft::new(version, self.bytes().ok()?.to_vec()).ok()
    }

    fn opened(&self) -> Result<&VerifiedTrack, &TrackProblem> {
        let opened = self.opened.get_or_init(|| match &self.file {
            Some(file) => file.open(),
            None => Err(TrackProblem::Absent),
        });
        opened.as_ref()
    }
}

impl TrackFile {
    fn open(&self) -> Result<VerifiedTrack, TrackProblem> {
        let path = self.name.path();
        let damaged = |problem: String| {
            let location = LocationName::Path(self.storage.path(&path));
            tracing::warn!("the track in `{location}` is not used: {problem}");
            TrackProblem::Damaged { location, problem }
        };
        let content = match self.storage.map(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Err(TrackProblem::Absent),
            content => content.map_err(|error| damaged(format!("it cannot be read: {error}")))?,
        };
        VerifiedTrack::open(content, self.name)
            .map_err(|damage| damaged(format!("at byte {}: {}", damage.offset, damage.problem)))
    }
}

/// Number of tracks that a copy or a check has in memory: about 10 MB.
pub(crate) const COPIED_AT_ONCE: usize = 256;

/// Copies the tracks of recordings that source and target have in common. One that cannot be used is left out.
pub(crate) fn copy_tracks(
    source: &dyn CollectionReader,
    target: &mut dyn CollectionWriter,
    entries: &[&RecordingEntry],
) -> Result<()> {
    for entries in entries.chunks(COPIED_AT_ONCE) {
        let tracks = source.tracks(None, entries)?;
        let copy = |(entry, track): (&&RecordingEntry, Arc<Track>)| {
            let is_same = target.entry(&entry.id)?.segment == entry.segment;
            Some((entry.id.clone(), is_same.then(|| track.draft())??))
        };
        let copies: Vec<_> = entries.iter().zip(tracks).filter_map(copy).collect();
        target.put_tracks(&copies)?;
    }
    Ok(())
}

/// Reads every track of a snapshot, and returns those that are damaged.
pub(crate) fn damaged_tracks(reader: &dyn CollectionReader) -> Result<Vec<CacheProblem>> {
    let mut problems = Vec::new();
    for entries in reader.entries().chunks(COPIED_AT_ONCE) {
        for (entry, track) in entries.iter().zip(reader.tracks(None, entries)?) {
            if let Err(TrackProblem::Damaged { location, problem }) = track.bytes() {
                let problem = format!("in the track of `{}`: {problem}", entry.id);
                problems.push(CacheProblem { location: location.clone(), problem });
            }
        }
    }
    Ok(problems)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tracks_and_versions_have_a_maximum_length() {
        let is_accepted = |n_version: usize, n_bytes: usize| {
            TrackDraft::new("v".repeat(n_version), vec![0; n_bytes]).is_ok()
        };
        assert!(is_accepted(1, 0) && is_accepted(1024, MAX_TRACK_BYTES));
        assert!(
            !is_accepted(0, 1) && !is_accepted(1025, 1) && !is_accepted(1, MAX_TRACK_BYTES + 1)
        );
    }
}
