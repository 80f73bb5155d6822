//! Tells of a file that is in the collection under another name.

use std::collections::BTreeMap;

use nocturne_index::RecordingEntry;
use nocturne_psg::{RecordingId, Warning, WarningCode};

/// The recordings of a collection by the hash of the file that each was read from.
#[derive(Debug, Default)]
pub(crate) struct Twins {
    names: BTreeMap<String, RecordingId>,
}

impl Twins {
    /// Takes what a collection holds.
    pub(crate) fn among<'a>(entries: impl Iterator<Item = &'a RecordingEntry>) -> Self {
        let names = entries.map(|entry| (entry.source_sha256.clone(), entry.id.clone()));
        Self { names: names.collect() }
    }

    /// Takes a recording that has come, and tells where its file was there before under another name.
    ///
    /// Only whole files are compared, which costs nothing; `nocturne duplicates` compares what was recorded.
    pub(crate) fn meet(&mut self, entry: &RecordingEntry) -> Option<Warning> {
        if let Some(twin) = self.names.get(&entry.source_sha256).filter(|twin| **twin != entry.id) {
            let message = format!(
                "its file is, byte for byte, that of `{twin}`, which is in the collection; remove one of them, or they count twice"
            );
            return Some(Warning::new(WarningCode::Twin, message));
        }
        self.names.insert(entry.source_sha256.clone(), entry.id.clone());
        None
    }
}
