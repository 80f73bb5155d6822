//! Removes files that no readable generation of a space needs: what crashes, replacements and removals have left.

use std::collections::BTreeSet;
use std::io::ErrorKind;

use super::SEGMENTS;
use super::manifest::Manifest;
use super::spaces::{RECORD, SERVING};
use crate::error::{Error, Result};
use crate::recording::SegmentRef;
use crate::storage::cache_files::CacheFiles;
use crate::storage::track_file::{TRACKS, TrackName};
use crate::storage::{Item, Storage, UNFINISHED};

/// Number of generations that stay readable, so that readers can finish.
pub(super) const READABLE_GENERATIONS: u64 = 3;

/// Returns the files that neither the current generation nor the readable ones before it need.
///
/// Nothing depends on their removal, so errors are left to the next writer.
pub(super) fn unneeded_files(storage: &dyn Storage, generation: u64) -> Vec<String> {
    let oldest = generation.saturating_sub(READABLE_GENERATIONS - 1);
    let items = storage.list("").unwrap_or_default().into_iter();
    let unfinished = items.filter(|item| item.is_file && is_unfinished(&item.name));
    let mut files: Vec<String> = unfinished.map(|item| item.name).collect();
    files.extend(old_manifests(storage, oldest).unwrap_or_default());
    files.extend(unused_segments_and_tracks(storage, oldest).unwrap_or_default());
    files
}

/// Returns every file that the current generation does not need, and approximate indexes.
pub(super) fn all_unneeded_files(storage: &dyn Storage, generation: u64) -> Result<Vec<String>> {
    let mut files = manifests_before(storage, generation)?;
    files.extend(unused_segments_and_tracks(storage, generation)?);
    for kind in CacheFiles::ALL {
        files.extend(files_in(storage, kind.folder)?);
    }
    Ok(files)
}

/// Returns the manifests that no generation from `oldest` on needs.
fn old_manifests(storage: &dyn Storage, oldest: u64) -> Result<Vec<String>> {
    let kept = Manifest::generations(storage)?.into_iter().find(|it| *it >= oldest);
    let oldest = kept.map(|first| Manifest::read(storage, first)).transpose()?;
    oldest.map_or(Ok(vec![]), |oldest| manifests_before(storage, oldest.full))
}

/// Returns the manifests before a generation.
pub(super) fn manifests_before(storage: &dyn Storage, generation: u64) -> Result<Vec<String>> {
    let generations = Manifest::generations(storage)?.into_iter();
    Ok(generations.filter(|it| *it < generation).map(Manifest::file_name).collect())
}

/// Returns the segments that no generation from `oldest` on refers to, their tracks, and unfinished ones. If a generation
/// cannot be read, its segments are unknown, and nothing is returned but its error.
fn unused_segments_and_tracks(storage: &dyn Storage, oldest: u64) -> Result<Vec<String>> {
    let mut used = BTreeSet::new();
    for generation in Manifest::generations(storage)?.into_iter().filter(|it| *it >= oldest) {
        let manifest = Manifest::read(storage, generation)?;
        used.extend(manifest.recordings.values().map(|entry| entry.segment.hash));
    }
    let items = storage.list(SEGMENTS).map_err(Error::io(&storage.path(SEGMENTS), "read"))?;
    let is_unused = |item: &Item| {
        let segment = SegmentRef::hash_in(&item.name);
        let is_left = || is_unfinished(&item.name);
        item.is_file && segment.map_or_else(is_left, |hash| !used.contains(&hash))
    };
    let unused = items.into_iter().filter(is_unused);
    let mut files: Vec<String> = unused.map(|item| format!("{SEGMENTS}/{}", item.name)).collect();
    let tracks = TrackName::list(storage)?.into_iter();
    files.extend(tracks.filter(|name| !used.contains(&name.segment)).map(TrackName::path));
    let in_tracks = files_in(storage, TRACKS)?.into_iter();
    let unfinished = |path: &String| path.rsplit('/').next().is_some_and(TrackName::is_unfinished);
    files.extend(in_tracks.filter(unfinished));
    Ok(files)
}

/// Returns the names of the files in a folder, which need not exist.
pub(super) fn files_in(storage: &dyn Storage, folder: &str) -> Result<Vec<String>> {
    let items = match storage.list(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
        items => items.map_err(Error::io(&storage.path(folder), "read"))?,
    };
    let files = items.into_iter().filter(|item| item.is_file);
    let in_folder =
        |name: String| if folder.is_empty() { name } else { format!("{folder}/{name}") };
    Ok(files.map(|item| in_folder(item.name)).collect())
}

/// Returns whether a name is that of a file that a writer of ours did not finish.
pub(super) fn is_unfinished(name: &str) -> bool {
    name.strip_suffix(UNFINISHED).is_some_and(|name| {
        SegmentRef::hash_in(name).is_some()
            || Manifest::generation_of(name).is_some()
            || [SERVING, RECORD].contains(&name)
    })
}

/// Removes files and makes that durable.
pub(super) fn remove_durably(storage: &dyn Storage, files: &[String]) -> Result<()> {
    let mut folders = BTreeSet::new();
    for name in files {
        storage.remove(name).map_err(Error::io(&storage.path(name), "remove"))?;
        folders.insert(name.rsplit_once('/').map_or("", |(folder, _)| folder));
    }
    for folder in folders {
        let path = storage.path(folder);
        storage.sync_folder(folder).map_err(Error::io(&path, "synchronise"))?;
    }
    Ok(())
}
