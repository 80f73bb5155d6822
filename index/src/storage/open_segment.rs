//! A recording of a snapshot, read as far as questions have needed it.

use std::sync::{Arc, OnceLock};

use crate::error::{Error, Result};
use crate::recording::{Recording, RecordingEntry};
use crate::storage::MissingRecording;
use crate::storage::segment::Segment;
use crate::vector::Codes;

/// An open segment; what has been read of it stays.
#[derive(Debug)]
pub(crate) struct Handle {
    segment: Arc<Segment>,
    recording: OnceLock<Arc<Recording>>,
    codes: OnceLock<Codes>,
    damage: OnceLock<MissingRecording>,
}

impl Handle {
    pub(crate) fn new(segment: Segment) -> Self {
        Self {
            segment: Arc::new(segment),
            recording: OnceLock::new(),
            codes: OnceLock::new(),
            damage: OnceLock::new(),
        }
    }

    /// Returns what the manifest says of the recording.
    pub(crate) fn entry(&self) -> &RecordingEntry {
        self.segment.entry()
    }

    /// Returns the recording, and reads its columns where this is the first time.
    ///
    /// # Errors
    ///
    /// [`Error::DamagedSegment`] and [`Error::Format`], as for [`codes`](Self::codes).
    pub(crate) fn recording(&self) -> Result<&Arc<Recording>> {
        if let Some(recording) = self.recording.get() {
            return Ok(recording);
        }
        let content = self.segment.content()?;
        let recording = Recording::new(Arc::clone(self.segment.entry()), content);
        Ok(self.recording.get_or_init(|| Arc::new(recording)))
    }

    /// Returns the codes of its vectors, and reads them where this is the first time.
    pub(crate) fn codes(&self) -> Result<&Codes> {
        if let Some(codes) = self.codes.get() {
            return Ok(codes);
        }
        let codes = self.segment.codes()?;
        Ok(self.codes.get_or_init(|| codes))
    }

    /// Reads every byte and checks it.
    pub(crate) fn verify(&self) -> Result<()> {
        self.segment.verify()
    }

    /// Returns what is wrong with the recording, as far as anybody has noticed.
    pub(crate) fn damage(&self) -> Option<&MissingRecording> {
        self.damage.get()
    }

    /// Keeps in mind that the recording is damaged and returns nothing then; every other error is returned.
    pub(crate) fn unless_damaged<T>(&self, result: Result<T>) -> Result<Option<T>> {
        match result {
            Ok(value) => Ok(Some(value)),
            Err(Error::DamagedSegment { path, offset, problem }) => {
                let recording = self.entry().id.clone();
                let missing = MissingRecording { recording, path, offset, problem };
                self.damage.get_or_init(|| missing.told());
                Ok(None)
            }
            Err(error) => Err(error),
        }
    }
}
