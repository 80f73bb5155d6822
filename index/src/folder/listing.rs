//! A folder as a store whose recordings can be listed and counted.

use crate::contract::Recordings;
use crate::error::{Error, Result, StoredFile};
use crate::folder::Collection;
use crate::recording::{EpochRow, RecordingEntry};

impl Recordings for Collection {
    fn entries(&self) -> Vec<&RecordingEntry> {
        self.recordings().collect()
    }

    fn epochs(&self, entry: &RecordingEntry) -> Result<Option<Vec<EpochRow>>> {
        let segment = match self.segment(&entry.id) {
            Err(Error::Damaged { file: StoredFile::Segment, .. }) => return Ok(None),
            other => other?,
        };
        let recording = segment.unless_damaged(segment.recording())?;
        Ok(recording.map(|it| (0..it.n_epochs()).map(|row| it.row(row)).collect()))
    }
}
