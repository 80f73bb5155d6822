//! The file of a concept track.
//!
//! # Format 1
//!
//! A sealed file (see `envelope`) named `tracks/<segment>-<version>.trk`, after the hash of the segment that the track was
//! computed from and XXH3-128 of its version. The header is `"NOCTTRK1"`; then u32 format, 16 bytes of the segment's hash,
//! and 36 zeros.
//!
//! | section | content |
//! |---|---|
//! | `version` | what the track was computed with, UTF-8 |
//! | `track` | the bytes of the track |
//!
//! The file is a cache of its segment: what is not exactly the track that its name states counts as damaged.

use std::io::ErrorKind;
use std::ops::Range;

use xxhash_rust::xxh3::xxh3_128;

use super::envelope::{ALIGNMENT, Damage, Envelope, EnvelopeBuilder};
use super::{FileContent, Storage, UNFINISHED};
use crate::error::{Error, Result};
use crate::recording::ContentHash;

/// Name of the folder of tracks in a space.
pub(crate) const TRACKS: &str = "tracks";

const SUFFIX: &str = ".trk";
const MAGIC: &[u8; 8] = b"NOCTTRK1";
const FORMAT: u32 = 1;
const VERSION: &str = "version";
const TRACK: &str = "track";

/// Names the track of a recording: what it was computed from, and with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct TrackName {
    /// Hash of the segment.
    pub(crate) segment: ContentHash,
    /// Hash of the version.
    version: ContentHash,
}

impl TrackName {
    pub(crate) fn new(segment: ContentHash, version: &str) -> Self {
        Self { segment, version: ContentHash(xxh3_128(version.as_bytes())) }
    }

    /// Reads the name of a file in the folder of tracks.
    fn parse(file_name: &str) -> Option<Self> {
        let (segment, version) = file_name.strip_suffix(SUFFIX)?.split_once('-')?;
        let hash = |text: &str| ContentHash::try_from(text.to_owned()).ok();
        Some(Self { segment: hash(segment)?, version: hash(version)? })
    }

    /// Returns the name of the file in the folder of tracks.
    pub(crate) fn file_name(self) -> String {
        format!("{}-{}{SUFFIX}", self.segment, self.version)
    }

    /// Returns the name of the file in the folder of the space.
    pub(crate) fn path(self) -> String {
        format!("{TRACKS}/{}", self.file_name())
    }

    /// Returns whether a file in the folder of tracks is one that a writer did not finish.
    pub(crate) fn is_unfinished(file_name: &str) -> bool {
        file_name.strip_suffix(UNFINISHED).is_some_and(|name| Self::parse(name).is_some())
    }

    /// Returns the names of all tracks in a space, ascending; the folder need not exist.
    ///
    /// # Errors
    ///
    /// [`Error::Io`].
    pub(crate) fn list(storage: &dyn Storage) -> Result<Vec<Self>> {
        let items = match storage.list(TRACKS) {
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            items => items.map_err(Error::io(&storage.path(TRACKS), "read"))?,
        };
        let files = items.into_iter().filter(|item| item.is_file);
        let mut names: Vec<Self> = files.filter_map(|item| Self::parse(&item.name)).collect();
        names.sort_unstable();
        Ok(names)
    }
}

/// Returns the content of the file of a track.
pub(crate) fn seal_track(segment: ContentHash, version: &str, track: &[u8]) -> Vec<u8> {
    let mut header = [0; ALIGNMENT];
    header[..8].copy_from_slice(MAGIC);
    header[8..12].copy_from_slice(&FORMAT.to_le_bytes());
    header[12..28].copy_from_slice(&segment.0.to_le_bytes());
    let mut builder = EnvelopeBuilder::new(header);
    builder.section(VERSION, |bytes| bytes.extend(version.as_bytes()));
    builder.section(TRACK, |bytes| bytes.extend(track));
    builder.seal().1
}

/// A track, every byte of it verified.
#[derive(Debug, Clone)]
pub(crate) struct VerifiedTrack {
    /// What the track was computed with.
    pub(crate) version: String,
    content: FileContent,
    track: Range<usize>,
}

impl VerifiedTrack {
    /// Takes bytes that the caller has verified.
    pub(crate) fn in_memory(version: String, track: Vec<u8>) -> Self {
        let range = 0..track.len();
        Self { version, content: FileContent::from(track), track: range }
    }

    /// Verifies the content of the file of that name.
    pub(crate) fn open(content: FileContent, name: TrackName) -> Result<Self, Damage> {
        let envelope = Envelope::open(content.clone())?;
        let header = envelope.header()?;
        let segment = u128::from_le_bytes(*header[12..].first_chunk().expect("64 bytes"));
        if !header.starts_with(MAGIC) || header[8..12] != FORMAT.to_le_bytes() {
            return Err(Damage::at(0, "it does not start like a track of this format"));
        }
        let section = envelope.section(VERSION)?;
        let offset = section.offset;
        let version = String::from_utf8(section.bytes)
            .map_err(|_| Damage::at(offset, "its version is not UTF-8"))?;
        if TrackName::new(ContentHash(segment), &version) != name {
            return Err(Damage::at(0, "its content is not that of its name"));
        }
        let track = envelope.range(TRACK)?;
        envelope.verified(track.clone())?;
        Ok(Self { version, content, track })
    }

    /// Returns the bytes of the track.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.content[self.track.clone()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEGMENT: ContentHash = ContentHash(7);

    fn name() -> TrackName {
        TrackName::new(SEGMENT, "v1")
    }

    #[test]
    fn track_is_read_as_it_was_sealed() {
        for track in [vec![], vec![1, 2, 3], vec![9; 100_000]] {
            let sealed = seal_track(SEGMENT, "v1", &track);
            let opened = VerifiedTrack::open(FileContent::from(sealed), name()).unwrap();
            assert_eq!((opened.bytes(), opened.version.as_str()), (track.as_slice(), "v1"));
        }
    }

    #[test]
    fn every_changed_byte_is_found() {
        let sealed = seal_track(SEGMENT, "v1", &[5; 99]);
        for at in 0..sealed.len() {
            let mut damaged = sealed.clone();
            damaged[at] ^= 1;
            assert!(VerifiedTrack::open(FileContent::from(damaged), name()).is_err(), "{at}");
            let cut = sealed[..at].to_vec();
            assert!(VerifiedTrack::open(FileContent::from(cut), name()).is_err(), "{at}");
        }
    }

    #[test]
    fn a_track_under_another_name_is_refused() {
        let sealed = FileContent::from(seal_track(SEGMENT, "v1", &[5]));
        for other in [TrackName::new(ContentHash(8), "v1"), TrackName::new(SEGMENT, "v2")] {
            let damage = VerifiedTrack::open(sealed.clone(), other).unwrap_err();
            assert_eq!(damage, Damage::at(0, "its content is not that of its name"));
        }
    }

    #[test]
    fn only_names_of_tracks_are_read() {
        let file_name = name().file_name();
        assert_eq!(TrackName::parse(&file_name), Some(name()));
        assert!(TrackName::is_unfinished(&format!("{file_name}.tmp")));
        for other in ["", "a.trk", &file_name[1..], &format!("{file_name}.tmp")] {
            assert_eq!(TrackName::parse(other), None, "{other}");
        }
    }
}
