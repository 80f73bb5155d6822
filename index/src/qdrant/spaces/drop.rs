//! Takes a space away.

use super::notes::{self, SERVING};
use super::{QdrantSpaces, pointer};
use crate::error::{Error, Result};
use crate::folder::Serving;
use crate::qdrant::connection::Connection;
use crate::qdrant::schema::exists_by_name;
use crate::recording::SpaceName;

impl QdrantSpaces {
    /// Removes a space and its collections; `main` can be made again with [`create`](Self::create).
    ///
    /// A reader that still holds a list of it finds that its points are gone.
    ///
    /// # Errors
    ///
    /// [`Error::ServedSpace`], [`Error::UnknownSpace`], and
    /// [`QdrantError::Request`](crate::qdrant::QdrantError::Request); calling again goes on, or `create` does.
    pub fn drop(&self, name: &SpaceName) -> Result<()> {
        let serving = pointer::read(&self.connection)?;
        let connection = self.at(name)?;
        if serving.space == *name {
            return Err(Error::ServedSpace { path: self.path(), name: name.clone() });
        }
        if !exists_by_name(&connection, &connection.settings().url.recordings())? {
            return Err(self.unknown(name)?);
        }
        if serving.previous.as_ref() == Some(name) {
            // The number stays: what is served does.
            let served = self.at(&serving.space)?;
            notes::write(&served, SERVING, &Serving { previous: None, ..serving })?;
        }
        clear(&connection)
    }
}

/// Deletes the collections of a space, as far as they are there; the list, by which it is found again, last.
pub(super) fn clear(connection: &Connection) -> Result<()> {
    let url = &connection.settings().url;
    let recordings = url.recordings();
    if exists_by_name(connection, &recordings)? {
        // From here on it is no space.
        notes::remove(connection)?;
    }
    for collection in [url.collection().to_owned(), url.nights(), recordings] {
        connection.ask("delete", |client| {
            let collection = collection.clone();
            async move { client.delete_collection(collection).await }
        })?;
    }
    Ok(())
}
