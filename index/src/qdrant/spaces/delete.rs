//! Deletes a space of a collection in Qdrant.

use super::notes;
use crate::error::Result;
use crate::qdrant::connection::Connection;
use crate::qdrant::schema::exists_by_name;

/// Deletes the collections of a space, as far as they exist. The manifest, by which the space is found again, comes last.
pub(super) fn delete_collections(connection: &Connection) -> Result<()> {
    let url = &connection.settings().url;
    let recordings = url.recordings();
    if exists_by_name(connection, &recordings)? {
        // Without its notes it is not a space any more, whatever else is left.
        notes::remove(connection)?;
    }
    for collection in [url.collection().to_owned(), url.tracks(), recordings] {
        connection.ask("delete", |client| {
            let collection = collection.clone();
            async move { client.delete_collection(collection).await }
        })?;
    }
    Ok(())
}
