//! Finds the file that a recording was indexed from.

use std::path::{Path, PathBuf};

use nocturne_index::RecordingEntry;
use nocturne_psg::RecordingId;
use nocturne_psg::hash::sha256_of_file;

use crate::discover::discover;
use crate::error::{RecordingError, Result};

/// Finds the file of a recording: where it was, or below a folder by name and content.
#[derive(Debug, Default)]
pub(super) struct FileFinder {
    folder: Option<PathBuf>,
    /// The recordings below the folder, with the names that they would be indexed under.
    found: Vec<(RecordingId, PathBuf)>,
}

impl FileFinder {
    /// Lists the recordings below a folder, if one is given.
    ///
    /// # Errors
    ///
    /// Those of [`discover`].
    pub(super) fn of(folder: Option<&Path>) -> Result<Self> {
        let found = folder.map(|folder| discover(folder, None)).transpose()?.unwrap_or_default();
        let found = found.into_iter().filter_map(|it| Some((it.id.ok()?, it.path)));
        Ok(Self { folder: folder.map(Path::to_owned), found: found.collect() })
    }

    /// Returns a file with the content that was indexed: the original path, or one below the folder whose recording name or
    /// file name matches.
    ///
    /// # Errors
    ///
    /// [`RecordingError::Changed`] if only files with other content match, [`RecordingError::Gone`] if none does.
    pub(super) fn locate(
        &self,
        entry: &RecordingEntry,
    ) -> std::result::Result<PathBuf, RecordingError> {
        let source = PathBuf::from(&entry.source);
        let mut changed = None;
        for path in std::iter::once(source.clone()).chain(self.named_like(entry)) {
            if !path.is_file() {
                continue;
            }
            if sha256_of_file(&path)? == entry.source_sha256 {
                return Ok(path);
            }
            changed.get_or_insert(path);
        }
        let id = entry.id.clone();
        match changed {
            Some(path) => Err(RecordingError::Changed { path, id }),
            None => Err(RecordingError::Gone { path: source, id, folder: self.folder.clone() }),
        }
    }

    /// Returns the files below the folder whose name matches. Either name may have a prefix that the other does not: a
    /// cohort, or folders.
    fn named_like(&self, entry: &RecordingEntry) -> impl Iterator<Item = PathBuf> {
        let id = entry.id.as_str();
        let file = Path::new(&entry.source).file_name();
        let is_like = move |found: &&(RecordingId, PathBuf)| {
            let (name, path) = found;
            let ends = |long: &str, short: &str| {
                long.strip_suffix(short).is_some_and(|rest| rest.is_empty() || rest.ends_with('/'))
            };
            ends(id, name.as_str()) || ends(name.as_str(), id) || path.file_name() == file
        };
        self.found.iter().filter(is_like).map(|(_, path)| path.clone())
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use nocturne_index::{ContentHash, SegmentRef};
    use nocturne_psg::hash::sha256;
    use nocturne_psg::montage::ChannelMask;

    use super::*;

    fn entry(id: &str, source: &Path, content: &str) -> RecordingEntry {
        RecordingEntry {
            id: RecordingId::new(id).unwrap(),
            source: source.display().to_string(),
            source_sha256: sha256(content),
            annotations_sha256: None,
            origin: nocturne_psg::RecordingOrigin::Recorded,
            declared_events: nocturne_psg::EventSet::EMPTY,
            start: None,
            n_epochs: 0,
            n_captions: 0,
            sleep_s: None,
            n_events: None,
            mask: ChannelMask::ALL,
            segment: SegmentRef { hash: ContentHash(1), length: 0 },
            metadata: BTreeMap::new(),
        }
    }

    #[test]
    fn files_are_found_at_their_path_or_by_name_and_content() {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        std::fs::create_dir_all(path("new/site")).unwrap();
        std::fs::write(path("a.edf"), "a").unwrap();
        std::fs::write(path("new/site/b.edf"), "b").unwrap();
        std::fs::write(path("new/b.edf"), "another b").unwrap();
        let here = FileFinder::default();
        let moved = FileFinder::of(Some(&path("new"))).unwrap();
        let find = |finder: &FileFinder, id, source, content| {
            let found = finder.locate(&entry(id, &path(source), content));
            found.map_err(|error| error.to_string().replace(&path("").display().to_string(), ""))
        };
        assert_eq!(find(&here, "a", "a.edf", "a"), Ok(path("a.edf")));
        assert_eq!(find(&moved, "shhs/b", "old/b.edf", "b"), Ok(path("new/site/b.edf")));
        let changed = "`a.edf` has changed since it was indexed as `a`";
        assert_eq!(find(&here, "a", "a.edf", "old"), Err(changed.to_owned()));
        let gone = "`old/b.edf`, which was indexed as `b`, no longer exists";
        assert_eq!(find(&here, "b", "old/b.edf", "b"), Err(gone.to_owned()));
        let nowhere =
            "`old/c.edf`, which was indexed as `c`, no longer exists, and is not below `new`";
        assert_eq!(find(&moved, "c", "old/c.edf", "c"), Err(nowhere.to_owned()));
    }
}
