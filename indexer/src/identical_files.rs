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
            return Some(Warning::new(WarningCode::Twin, message));
        }
        self.ids.insert(entry.source_sha256.clone(), entry.id.clone());
        None
    }
}
