//! Snapshots that the server makes of a collection, for backups.

use qdrant_client::qdrant::SnapshotDescription;

use super::{QdrantCollection, QdrantProblem, schema};
use crate::error::{Error, Result};

/// A file on the server with all of one of its collections.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct QdrantSnapshot {
    /// Name of the server's collection.
    pub collection: String,
    /// Name of the file.
    pub name: String,
    /// Its length in bytes.
    pub size: u64,
    /// SHA-256 of the file, in hexadecimal, where the server tells it.
    pub checksum: Option<String>,
}

impl QdrantCollection {
    /// Has the server make a snapshot of each of its collections that make this one; together they are a backup.
    ///
    /// A request takes as long as the server takes to write the file: the time for an answer in the settings should allow
    /// that.
    ///
    /// # Errors
    ///
    /// [`QdrantProblem::Changed`] where something was written after the list was read: the snapshots do not fit together
    /// then; [`QdrantProblem::Refused`].
    pub fn snapshot(&self) -> Result<Vec<QdrantSnapshot>> {
        self.expect_current()?;
        let url = &self.connection.settings().url;
        let mut names = vec![url.collection().to_owned(), url.recordings()];
        if schema::has_nights(&self.connection)? {
            names.push(url.nights());
        }
        let snapshots = names.into_iter().map(|name| self.snapshot_of(name));
        let snapshots = snapshots.collect::<Result<Vec<_>>>()?;
        self.expect_current()?;
        Ok(snapshots)
    }

    fn expect_current(&self) -> Result<()> {
        if self.is_current()? {
            return Ok(());
        }
        Err(Error::Qdrant(QdrantProblem::Changed { place: self.place() }))
    }

    fn snapshot_of(&self, collection: String) -> Result<QdrantSnapshot> {
        let answer = self.connection.ask("make a snapshot of", |client| {
            let name = collection.clone();
            async move { client.create_snapshot(name).await }
        })?;
        let SnapshotDescription { name, size, checksum, .. } =
            answer.snapshot_description.unwrap_or_default();
        Ok(QdrantSnapshot { collection, name, size: size.cast_unsigned(), checksum })
    }
}
