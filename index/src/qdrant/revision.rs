//! Revisions: how two writers of one recording are detected.
//!
//! Each upload of a recording has a revision: a number, one more than that of the upload before, and a random id. The
//! [manifest](super::manifest) stores the revision in the entry of the recording, and each point stores its number.
//!
//! # Two writers at the same time
//!
//! A writer replaces the entry of a recording only if the server still has the entry that the writer has read: the same
//! revision in the same state. The server compares and writes in one step; the writer then reads the entry to see whether
//! it was written. So one of two writers gets the recording, and the other one gets
//! [`Conflict`](super::QdrantError::Conflict) and has changed nothing. A request that is sent again because its answer was
//! lost does nothing the second time.
//!
//! An upload that was cut short is replaced by the next writer that reads its entry. If its own writer is alive after all,
//! that one gets the conflict, when it wants to acknowledge the recording.
//!
//! # Late requests
//!
//! Requests of a writer that was killed or cut off may arrive after another writer has replaced the recording. The server
//! therefore overwrites and deletes only points whose number is not higher than that of the request. A removed recording
//! keeps its entry, so that numbers never start again from 1.

use qdrant_client::qdrant::{Condition, Filter, Range};
use uuid::Uuid;

use super::payload::{Payload, PayloadReader};
use crate::error::Result;

/// Identifies one upload of a recording.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Revision {
    /// From 1; one more for each upload.
    pub(super) number: u64,
    /// Drawn at random for each upload.
    upload: Uuid,
}

impl Revision {
    /// Returns the revision that follows another one, or the first one of a recording.
    pub(super) fn after(previous: Option<Self>) -> Self {
        let number = previous.map_or(1, |previous| previous.number + 1);
        Self { number, upload: Uuid::new_v4() }
    }

    /// Reads the revision of an entry of the manifest.
    pub(super) fn read(entry: &PayloadReader<'_>) -> Result<Self> {
        let expected = "a UUID";
        let upload = entry.text("upload", expected)?.parse();
        Ok(Self {
            number: entry.integer("revision")?.cast_unsigned(),
            upload: upload.map_err(|_| entry.error("upload", expected))?,
        })
    }

    /// Adds the revision to an entry of the manifest.
    pub(super) fn write(self, entry: &mut Payload) {
        entry.insert("revision".to_owned(), self.number.cast_signed().into());
        entry.insert("upload".to_owned(), self.upload.to_string().into());
    }

    /// Returns the condition that an entry of the manifest is of this revision.
    pub(super) fn is_that_of_entry(self) -> Filter {
        Filter::must([
            Condition::matches("revision", self.number.cast_signed()),
            Condition::matches("upload", self.upload.to_string()),
        ])
    }
}

/// Returns the condition that a point may be overwritten or deleted by an upload with this number.
pub(super) fn not_later_than(number: u64) -> Condition {
    // Numbers below 2^53 are exact.
    Condition::range("revision", Range { lte: Some(number as f64), ..Range::default() })
}
