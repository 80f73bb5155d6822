//! Finds recordings whose file is in the collection under another id.

use std::collections::BTreeMap;

use nocturne_index::RecordingEntry;
use nocturne_psg::{RecordingId, Warning, WarningCode};

/// The ids of the recordings of a collection, by the SHA-256 of their file.
#[derive(Debug, Default)]
pub(crate) struct IdenticalFiles {
    ids: BTreeMap<String, RecordingId>,
}

impl IdenticalFiles {
    /// Starts with the recordings of a collection.
    pub(crate) fn new<'a>(entries: impl Iterator<Item = &'a RecordingEntry>) -> Self {
        let ids = entries.map(|entry| (entry.source_sha256.clone(), entry.id.clone()));
        Self { ids: ids.collect() }
    }

    /// Adds a recording, and returns a warning if its file has another id already.
    ///
    /// Only whole files are compared, which costs nothing here; [`find_duplicates`](nocturne_index::find_duplicates)
    /// compares the signals.
    pub(crate) fn add(&mut self, entry: &RecordingEntry) -> Option<Warning> {
        let other = self.ids.get(&entry.source_sha256).filter(|other| **other != entry.id);
        if let Some(other) = other {
            let message = format!(
                "its file is identical to that of `{other}` in the collection; remove one of them, or they count twice"
            );
            return Some(Warning::new(WarningCode::Duplicate, message));
        }
        self.ids.insert(entry.source_sha256.clone(), entry.id.clone());
        None
    }
}

#[cfg(test)]
mod tests {
    use nocturne_index::{ContentHash, SegmentRef};
    use nocturne_psg::montage::ChannelMask;

    use super::*;

    fn entry(id: &str, sha256: &str) -> RecordingEntry {
        RecordingEntry {
            id: RecordingId::new(id).unwrap(),
            source: format!("{id}.edf"),
            source_sha256: sha256.to_owned(),
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
    fn file_of_another_recording_gives_a_warning() {
        let mut files = IdenticalFiles::new([entry("a", "1")].iter());
        let warning = files.add(&entry("b", "1")).unwrap();
        assert_eq!(warning.code, WarningCode::Duplicate);
        assert!(warning.message.contains("`a`"), "{}", warning.message);
    }

    #[test]
    fn recording_that_is_indexed_again_gives_no_warning() {
        let mut files = IdenticalFiles::new([entry("a", "1")].iter());
        assert_eq!(files.add(&entry("a", "1")), None);
        assert_eq!(files.add(&entry("a", "2")), None, "its file has changed");
    }

    #[test]
    fn recordings_of_the_same_run_are_compared_too() {
        let mut files = IdenticalFiles::default();
        assert_eq!(files.add(&entry("a", "1")), None);
        assert!(files.add(&entry("b", "1")).is_some());
    }
}
