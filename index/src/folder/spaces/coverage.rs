//! What one space of a collection has and another has not.

use std::collections::BTreeMap;

use nocturne_psg::RecordingId;
use serde::Serialize;

use crate::contract::Recordings;
use crate::error::{Error, Result};
use crate::recording::{RecordingEntry, SpaceName};

/// What another space lacks of the one that is served, by their manifests alone.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Coverage {
    /// Recordings that both have, of the same bytes and with the same said of them.
    pub n_same: usize,
    /// Recordings that only the served space has.
    pub lacking: Vec<RecordingId>,
    /// Recordings that only the other space has, such as those that were removed since.
    pub extra: Vec<RecordingId>,
    /// Recordings of which the two have other bytes or annotations, or of which something else is said.
    pub differing: Vec<RecordingId>,
    /// Epochs of the served space that the other has not, as far as their numbers tell.
    pub n_epochs_lacking: usize,
    /// Epochs of the other space that the served one has not.
    pub n_epochs_extra: usize,
}

impl Coverage {
    /// Compares what another space has with what the served one has.
    pub fn of(served: &dyn Recordings, other: &dyn Recordings) -> Self {
        let mut coverage = Self::default();
        let others = other.entries().into_iter();
        let mut others: BTreeMap<&RecordingId, _> =
            others.map(|entry| (&entry.id, entry)).collect();
        for entry in served.entries() {
            match others.remove(&entry.id) {
                None => {
                    coverage.lacking.push(entry.id.clone());
                    coverage.n_epochs_lacking += entry.n_epochs;
                }
                Some(twin) => coverage.compare(entry, twin),
            }
        }
        for entry in others.into_values() {
            coverage.extra.push(entry.id.clone());
            coverage.n_epochs_extra += entry.n_epochs;
        }
        coverage
    }

    /// Refuses a space, by its name, where somebody would miss a recording of the served one, find one that was removed, or
    /// find one as it was before.
    ///
    /// # Errors
    ///
    /// [`Error::IncompleteSpace`].
    pub(crate) fn expect_whole(&self, name: &SpaceName, served: &SpaceName) -> Result<()> {
        if self.is_whole() {
            return Ok(());
        }
        Err(Error::IncompleteSpace {
            name: name.clone(),
            served: served.clone(),
            n_missing: self.lacking.len(),
            n_extra: self.extra.len(),
            n_differing: self.differing.len(),
        })
    }

    fn compare(&mut self, entry: &RecordingEntry, twin: &RecordingEntry) {
        self.n_epochs_lacking += entry.n_epochs.saturating_sub(twin.n_epochs);
        self.n_epochs_extra += twin.n_epochs.saturating_sub(entry.n_epochs);
        if is_same(entry, twin) {
            self.n_same += 1;
        } else {
            self.differing.push(entry.id.clone());
        }
    }

    /// Returns whether nobody would miss a recording, find one that was removed, or find one as it was before.
    pub fn is_whole(&self) -> bool {
        self.lacking.is_empty() && self.extra.is_empty() && self.differing.is_empty()
    }
}

/// Returns whether both are of the same bytes; where the file lies does not matter, nor what the encoder made of it.
fn is_same(entry: &RecordingEntry, twin: &RecordingEntry) -> bool {
    entry.source_sha256 == twin.source_sha256
        && entry.annotations_sha256 == twin.annotations_sha256
        && entry.metadata == twin.metadata
}
