//! An open segment of a snapshot: what has been read of it, and whether it turned out to be damaged.

use std::sync::{Arc, OnceLock};

use super::{MissingRecording, Recording, SegmentFile};
use crate::error::{Error, LocationName, Result, StoredFile};
use crate::filter::{Filter, RowFilter};
use crate::recording::RecordingEntry;
use crate::vector::Int8Codes;

/// An open segment. What is read of it is kept.
#[derive(Debug)]
pub(crate) struct OpenSegment {
    file: Arc<SegmentFile>,
    recording: OnceLock<Arc<Recording>>,
    codes: OnceLock<Int8Codes>,
    damage: OnceLock<MissingRecording>,
}

impl OpenSegment {
    pub(crate) fn new(file: SegmentFile) -> Self {
        Self {
            file: Arc::new(file),
            recording: OnceLock::new(),
            codes: OnceLock::new(),
            damage: OnceLock::new(),
        }
    }

    /// Returns the entry of the recording in the manifest.
    pub(crate) fn entry(&self) -> &RecordingEntry {
        self.file.entry()
    }

    /// Returns the recording; its columns are read on the first call.
    ///
    /// # Errors
    ///
    /// [`Error::Damaged`] and [`Error::Format`], as for [`codes`](Self::codes).
    pub(crate) fn recording(&self) -> Result<&Arc<Recording>> {
        if let Some(recording) = self.recording.get() {
            return Ok(recording);
        }
        let recording = self.file.recording()?;
        Ok(self.recording.get_or_init(|| Arc::new(recording)))
    }

    /// Returns the codes of its vectors; they are read on the first call.
    pub(crate) fn codes(&self) -> Result<&Int8Codes> {
        if let Some(codes) = self.codes.get() {
            return Ok(codes);
        }
        let codes = self.file.codes()?;
        Ok(self.codes.get_or_init(|| codes))
    }

    /// Returns the conditions of a filter on the epochs, or `None` if it allows none of them.
    ///
    /// The columns are read only if the filter has conditions that the entry cannot decide.
    ///
    /// # Errors
    ///
    /// Those of [`recording`](Self::recording).
    pub(crate) fn filter(&self, filter: &Filter) -> Result<Option<RowFilter<'_>>> {
        let Some(conditions) = filter.conditions(self.entry()) else { return Ok(None) };
        let Some(conditions) = conditions else { return Ok(Some(RowFilter::all())) };
        let columns = self.recording()?.columns();
        Ok(Some(RowFilter::new(self.entry(), columns, conditions)))
    }

    /// Reads and verifies every byte.
    pub(crate) fn verify(&self) -> Result<()> {
        self.file.verify()
    }

    /// Returns the damage, if any has been found so far.
    pub(crate) fn damage(&self) -> Option<&MissingRecording> {
        self.damage.get()
    }

    /// Turns damage of this segment into `None`, after recording it; every other error is returned.
    ///
    /// A damaged recording is left out of all answers from then on, and reported by `missing`.
    pub(crate) fn unless_damaged<T>(&self, result: Result<T>) -> Result<Option<T>> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(Error::Damaged { file: StoredFile::Segment, path, offset, problem }) => {
                let recording = self.entry().id.clone();
                let (location, offset) = (LocationName::Path(path), Some(offset));
                let missing = MissingRecording { recording, location, offset, problem };
                self.damage.get_or_init(|| missing.logged());
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}
