//! A folder as a store whose recordings can be listed and counted.

use crate::contract::Recordings;
use crate::error::{Error, Result};
use crate::folder::Collection;
use crate::recording::{EpochRow, RecordingEntry};

impl Recordings for Collection {
    fn entries(&self) -> Vec<&RecordingEntry> {
        self.recordings().collect()
    }

    fn epochs(&self, entry: &RecordingEntry) -> Result<Option<Vec<EpochRow>>> {
        let handle = match self.handle(&entry.id) {
            Err(Error::DamagedSegment { .. }) => return Ok(None),
            other => other?,
        };
        let recording = handle.unless_damaged(handle.recording())?;
        Ok(recording.map(|it| (0..it.n_epochs()).map(|row| it.row(row)).collect()))
    }
}
