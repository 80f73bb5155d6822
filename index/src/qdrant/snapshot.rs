//! Snapshots: backups of a collection on the server.

use qdrant_client::qdrant::SnapshotDescription;

use super::{QdrantError, QdrantReader};
use crate::contract::CollectionReader;
use crate::error::Result;

/// A file on the server with all points of one of its collections.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct QdrantSnapshot {
    /// Name of the collection on the server.
    pub collection: String,
    /// Name of the file.
    pub name: String,
    /// Size of the file in bytes.
    pub size: u64,
    /// SHA-256 of the file, in hexadecimal, if the server returns it.
    pub checksum: Option<String>,
}

impl QdrantReader {
    /// Makes the server write a snapshot of each of the three collections of the space; together they are a backup.
    ///
    /// A request takes as long as writing the file, which the timeout in the settings must allow.
    ///
    /// # Errors
    ///
    /// [`QdrantError::Changed`] if the collection was changed after it was opened, so that the snapshots may not belong
    /// together; [`QdrantError::Request`].
    pub fn snapshot(&self) -> Result<Vec<QdrantSnapshot>> {
        self.expect_current()?;
        let url = &self.connection.settings().url;
        let names = [url.collection().to_owned(), url.recordings(), url.tracks()];
        let snapshots = names.into_iter().map(|name| self.snapshot_of(name));
        let snapshots = snapshots.collect::<Result<Vec<_>>>()?;
        self.expect_current()?;
        Ok(snapshots)
    }

    fn expect_current(&self) -> Result<()> {
        if self.is_current()? {
            return Ok(());
        }
        Err(QdrantError::Changed { address: self.address() }.into())
    }

    fn snapshot_of(&self, collection: String) -> Result<QdrantSnapshot> {
        let answer = self.connection.ask("write a snapshot of", |client| {
            let name = collection.clone();
            async move { client.create_snapshot(name).await }
        })?;
        let SnapshotDescription { name, size, checksum, .. } =
            answer.snapshot_description.unwrap_or_default();
        Ok(QdrantSnapshot { collection, name, size: size.cast_unsigned(), checksum })
    }
}
