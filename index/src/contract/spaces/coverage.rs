//! How two embedding spaces of a collection differ in their recordings.

use std::collections::BTreeMap;

use nocturne_psg::RecordingId;
use serde::Serialize;

use crate::contract::CollectionReader;
use crate::error::{Error, Result};
use crate::recording::{RecordingEntry, SpaceName};

/// What a space must have before it is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RequiredCoverage {
    /// Every recording of the served space, unchanged, and no other.
    Complete,
    /// Any recordings, or none.
    Any,
}

/// How the recordings of another space differ from those of the served one, by their entries alone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Coverage {
    /// Number of recordings that both have, of the same bytes and with the same metadata.
    pub n_same: usize,
    /// Recordings that only the served space has.
    pub missing: Vec<RecordingId>,
    /// Recordings that only the other space has, such as those that were removed since.
    pub extra: Vec<RecordingId>,
    /// Recordings whose bytes, annotations or metadata differ.
    pub changed: Vec<RecordingId>,
    /// Number of epochs of the served space that the other space does not have, as far as counts show.
    pub n_epochs_missing: usize,
    /// Number of epochs of the other space that the served space does not have.
    pub n_epochs_extra: usize,
}

impl Coverage {
    /// Compares the recordings of another space with those of the served one.
    pub fn of(served: &dyn CollectionReader, other: &dyn CollectionReader) -> Self {
        let mut coverage = Self::default();
        let others = other.entries().into_iter();
        let mut others: BTreeMap<&RecordingId, _> =
            others.map(|entry| (&entry.id, entry)).collect();
        for entry in served.entries() {
            match others.remove(&entry.id) {
                None => {
                    coverage.missing.push(entry.id.clone());
                    coverage.n_epochs_missing += entry.n_epochs;
                }
                Some(counterpart) => coverage.compare(entry, counterpart),
            }
        }
        for entry in others.into_values() {
            coverage.extra.push(entry.id.clone());
            coverage.n_epochs_extra += entry.n_epochs;
        }
        coverage
    }

    /// Returns whether the other space has the recordings of the served one, unchanged, and no others.
    pub fn is_complete(&self) -> bool {
        self.missing.is_empty() && self.extra.is_empty() && self.changed.is_empty()
    }

    /// Refuses a space that is not [complete](Self::is_complete).
    pub(super) fn expect_complete(&self, name: &SpaceName, served: &SpaceName) -> Result<()> {
        if self.is_complete() {
            return Ok(());
        }
        Err(Error::IncompleteSpace {
            name: name.clone(),
            served: served.clone(),
            n_missing: self.missing.len(),
            n_extra: self.extra.len(),
            n_changed: self.changed.len(),
        })
    }

    fn compare(&mut self, entry: &RecordingEntry, counterpart: &RecordingEntry) {
        self.n_epochs_missing += entry.n_epochs.saturating_sub(counterpart.n_epochs);
        self.n_epochs_extra += counterpart.n_epochs.saturating_sub(entry.n_epochs);
        if is_same(entry, counterpart) {
            self.n_same += 1;
        } else {
            self.changed.push(entry.id.clone());
        }
    }
}

/// Returns whether both were indexed from the same bytes and have the same metadata. The path of the file does not matter,
/// nor do the vectors.
fn is_same(entry: &RecordingEntry, counterpart: &RecordingEntry) -> bool {
    entry.source_sha256 == counterpart.source_sha256
        && entry.annotations_sha256 == counterpart.annotations_sha256
        && entry.metadata == counterpart.metadata
}
