//! Tells which bundle fills a space, and where it is.

use std::path::Path;

use jiff::Timestamp;
use nocturne_encoder::Bundle;

use super::notes::{self, RECORD};
use crate::error::Result;
use crate::folder::{SpaceRecord, expect_space};
use crate::qdrant::{QdrantCollection, QdrantWriter};
use crate::recording::{EmbeddingSpace, SpaceName};

impl QdrantCollection {
    /// Returns what is told of the space; nothing for `main` where nobody has told.
    ///
    /// # Errors
    ///
    /// [`Error::Format`](crate::Error::Format) and [`QdrantError::Request`](crate::qdrant::QdrantError::Request).
    pub fn record(&self) -> Result<Option<SpaceRecord>> {
        notes::read(&self.connection, &self.connection.settings().url.recordings(), RECORD)
    }
}

impl QdrantWriter {
    /// Keeps where the bundle is that the space is filled with, for programs that are not told; a space that has no
    /// recording yet counts as made at `now`.
    ///
    /// # Errors
    ///
    /// [`Error::OtherBundle`](crate::Error::OtherBundle) where another bundle fills the space, and
    /// [`Error::Format`](crate::Error::Format) and [`QdrantError::Request`](crate::qdrant::QdrantError::Request).
    pub fn set_bundle(&mut self, bundle: &Bundle, now: Timestamp) -> Result<()> {
        let place = self.connection.address();
        expect_space(Path::new(&place), self.space(), &EmbeddingSpace::of(bundle))?;
        let known = self.record()?;
        let is_new = self.manifest.acknowledged.is_empty() && self.manifest.pending.is_empty();
        let made = match &known {
            Some(known) => known.made,
            None => is_new.then_some(now),
        };
        let record = SpaceRecord::of(self.space_name(), bundle, made);
        if known.as_ref() == Some(&record) {
            return Ok(());
        }
        notes::write(&self.connection, RECORD, &record)
    }

    /// Keeps what is told of a space that was copied to here, unless something is told already.
    pub(in crate::qdrant) fn set_record_of_copy(&self, record: SpaceRecord) -> Result<()> {
        if self.record()?.is_some() {
            return Ok(());
        }
        let record = SpaceRecord { name: self.space_name(), ..record };
        notes::write(&self.connection, RECORD, &record)
    }

    /// Returns the name of the space that is written.
    pub fn space_name(&self) -> SpaceName {
        self.connection.settings().url.space().cloned().unwrap_or_else(SpaceName::main)
    }

    fn record(&self) -> Result<Option<SpaceRecord>> {
        notes::read(&self.connection, &self.connection.settings().url.recordings(), RECORD)
    }
}
