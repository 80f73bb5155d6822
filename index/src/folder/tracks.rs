//! The concept tracks of a space in a folder: a file for each, beside the segments.
//!
//! A recording has one track: one of another version replaces it. Readers write tracks too, without a lock, because a file
//! appears in one step under a name that states its content.

use std::collections::BTreeMap;
use std::sync::Arc;

use nocturne_psg::RecordingId;

use crate::contract::{CacheProblem, Track, TrackDraft, TrackProblem};
use crate::error::{Error, LocationName, Result};
use crate::recording::{ContentHash, RecordingEntry};
use crate::storage::track_file::{TRACKS, TrackName, VerifiedTrack, seal_track};
use crate::storage::{Storage, write_atomically};

/// Returns the track of each recording, of a version or of any. The folder is listed, and no file is opened.
///
/// # Errors
///
/// [`Error::Io`].
pub(super) fn find(
    storage: &Arc<dyn Storage>,
    version: Option<&str>,
    entries: &[&RecordingEntry],
) -> Result<Vec<Arc<Track>>> {
    let listed = by_segment(storage.as_ref())?;
    let track = |entry: &&RecordingEntry| {
        let segment = entry.segment.hash;
        let names = listed.get(&segment).map(Vec::as_slice).unwrap_or_default();
        let wanted = version.map(|version| TrackName::new(segment, version));
        match names.iter().find(|name| wanted.is_none_or(|wanted| wanted == **name)) {
            Some(name) => Track::in_file(Arc::clone(storage), *name),
            None if names.is_empty() => Track::of(entry, Err(TrackProblem::Absent)),
            None => Track::of(entry, Err(TrackProblem::OtherVersion)),
        }
    };
    Ok(entries.iter().map(track).collect())
}

/// Writes the tracks of recordings, each of which has the segment that `segment_of` returns.
///
/// # Errors
///
/// [`Error::UnknownRecording`] if it returns none, before anything is written; [`Error::Io`].
pub(super) fn put(
    storage: &dyn Storage,
    tracks: &[(RecordingId, TrackDraft)],
    segment_of: impl Fn(&RecordingId) -> Option<ContentHash>,
) -> Result<()> {
    let mut of_segments = Vec::with_capacity(tracks.len());
    for (id, track) in tracks {
        let unknown = || Error::UnknownRecording { recording: id.clone() };
        of_segments.push((segment_of(id).ok_or_else(unknown)?, track));
    }
    write(storage, &of_segments)
}

/// Writes the tracks of segments, and removes those of other versions.
///
/// # Errors
///
/// [`Error::Io`].
pub(super) fn write(storage: &dyn Storage, tracks: &[(ContentHash, &TrackDraft)]) -> Result<()> {
    if tracks.is_empty() {
        return Ok(());
    }
    storage.create_folder(TRACKS).map_err(Error::io(&storage.path(TRACKS), "create"))?;
    let listed = by_segment(storage)?;
    for (segment, track) in tracks {
        let name = TrackName::new(*segment, track.version());
        let content = seal_track(*segment, track.version(), track.bytes());
        write_atomically(storage, TRACKS, &name.file_name(), &content)
            .map_err(|error| error.into_error(storage))?;
        for other in listed.get(segment).into_iter().flatten().filter(|other| **other != name) {
            // Best effort: another version only takes space.
            let _ = storage.remove(&other.path());
        }
    }
    Ok(())
}

/// Returns the tracks of `source` that this space does not have, to be written.
pub(super) fn missing(
    storage: &dyn Storage,
    source: &[Arc<Track>],
) -> Result<Vec<(ContentHash, TrackDraft)>> {
    let listed = by_segment(storage)?;
    let has = |track: &Track, version: &str| {
        let name = TrackName::new(track.segment(), version);
        listed.get(&track.segment()).is_some_and(|names| names.contains(&name))
            && is_whole(storage, name)
    };
    let missing = source.iter().filter(|track| track.version().is_ok_and(|it| !has(track, it)));
    Ok(missing.filter_map(|track| Some((track.segment(), track.draft()?))).collect())
}

/// Verifies every byte of every track, and returns what is wrong.
///
/// # Errors
///
/// [`Error::Io`].
pub(super) fn verify(storage: &dyn Storage) -> Result<Vec<CacheProblem>> {
    let mut problems = Vec::new();
    for name in TrackName::list(storage)? {
        let path = name.path();
        let problem = match storage.map(&path) {
            Err(error) => format!("it cannot be read: {error}"),
            Ok(content) => match VerifiedTrack::open(content, name) {
                Ok(_) => continue,
                Err(damage) => format!("at byte {}: {}", damage.offset, damage.problem),
            },
        };
        problems.push(CacheProblem { location: LocationName::Path(storage.path(&path)), problem });
    }
    Ok(problems)
}

fn is_whole(storage: &dyn Storage, name: TrackName) -> bool {
    storage.map(&name.path()).is_ok_and(|content| VerifiedTrack::open(content, name).is_ok())
}

fn by_segment(storage: &dyn Storage) -> Result<BTreeMap<ContentHash, Vec<TrackName>>> {
    let mut names: BTreeMap<ContentHash, Vec<TrackName>> = BTreeMap::new();
    for name in TrackName::list(storage)? {
        names.entry(name.segment).or_default().push(name);
    }
    Ok(names)
}
