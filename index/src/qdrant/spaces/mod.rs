//! The embedding spaces of a collection in Qdrant.
//!
//! ```text
//! sleep, sleep-recordings, sleep-tracks           the space `main`
//! sleep@v2, sleep@v2-recordings, sleep@v2-tracks  the space `v2`
//! sleep@served                                    alias of the manifest of the served space
//! ```
//!
//! A space has three collections, and in its manifest a note with the record of its bundle (`notes`). The alias is
//! described in `pointer`.

mod delete;
pub(super) mod notes;
mod pointer;
mod space_connection;

use std::sync::Arc;

pub(super) use space_connection::SpaceConnection;

use super::connection::Connection;
use super::manifest::QdrantManifest;
use super::schema::exists_by_name;
use super::url::AddressProblem;
use super::{QdrantError, QdrantReader, QdrantSettings, QdrantUrl, QdrantWriter};
use crate::contract::{
    CollectionReader, CollectionWriter, Serving, ServingPointer, SpaceRecord, Spaces, VectorIndex,
};
use crate::error::{Error, LocationName, Result};
use crate::recording::{EmbeddingSpace, SpaceName};
use crate::storage::Lock;
use notes::RECORD;

/// The embedding spaces of a collection in Qdrant.
#[derive(Debug)]
pub struct QdrantSpaces {
    /// The connection to the collection, not to a space of it.
    connection: Arc<Connection>,
}

/// An alias of a collection of the server.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct QdrantAlias {
    /// Name of the alias.
    pub alias: String,
    /// Name of the collection.
    pub collection: String,
}

impl QdrantSpaces {
    /// Names a collection.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`], and [`QdrantError::Address`] if the address names a space.
    pub fn of(settings: QdrantSettings) -> Result<Self> {
        if settings.url.space().is_some() {
            let (address, source) = (settings.url.to_string(), AddressProblem::NamesSpace);
            return Err(QdrantError::Address { address, source }.into());
        }
        Ok(Self { connection: Connection::new(settings)? })
    }

    /// Opens a space for reading, like [`reader`](Spaces::reader), for what only a server can do.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownSpace`], and those of [`QdrantReader::open`].
    pub fn open(&self, name: &SpaceName) -> Result<QdrantReader> {
        QdrantReader::open_at(SpaceConnection::named(self.known(name)?))
    }

    /// Returns the alias of the served space, or `None` before the first promotion.
    ///
    /// # Errors
    ///
    /// Those of [`serving`](ServingPointer::serving).
    pub fn alias(&self) -> Result<Option<QdrantAlias>> {
        let serving = self.serving()?;
        let alias = |url: &QdrantUrl| {
            let collection = url.of_space(&serving.space)?.recordings();
            Ok(QdrantAlias { alias: url.served(), collection })
        };
        (serving.number > 0).then(|| alias(self.url())).transpose()
    }

    fn url(&self) -> &QdrantUrl {
        &self.connection.settings().url
    }

    /// Returns the connection to a space, which need not exist.
    fn connection_to(&self, name: &SpaceName) -> Result<Arc<Connection>> {
        Ok(self.connection.to(self.url().of_space(name)?))
    }

    /// Returns the connection to a space that exists.
    fn known(&self, name: &SpaceName) -> Result<Arc<Connection>> {
        let connection = self.connection_to(name)?;
        if exists(&connection)? { Ok(connection) } else { Err(self.unknown(name)?) }
    }

    fn unknown(&self, name: &SpaceName) -> Result<Error> {
        let known: Vec<String> = self.names()?.iter().map(ToString::to_string).collect();
        let (location, known) = (self.location(), known.join("`, `"));
        Ok(Error::UnknownSpace { location, name: name.clone(), known })
    }
}

impl ServingPointer for QdrantSpaces {
    /// In addition to the errors of the store: [`QdrantError::ServedAlias`] if the alias does not lead to a space.
    fn serving(&self) -> Result<Serving> {
        pointer::read(&self.connection)
    }

    fn set_serving(&self, serving: &Serving) -> Result<()> {
        pointer::write(&self.connection, self.url(), serving)
    }

    fn lock(&self) -> Result<Option<Lock>> {
        Ok(None)
    }

    fn lock_writers(&self, _space: &SpaceName) -> Result<Option<Lock>> {
        Ok(None)
    }
}

impl Spaces for QdrantSpaces {
    fn location(&self) -> LocationName {
        self.connection.location()
    }

    fn names(&self) -> Result<Vec<SpaceName>> {
        let list = "list the spaces of";
        let listed = self
            .connection
            .ask(list, |client| async move { client.list_collections().await })?
            .collections;
        let mut names = Vec::new();
        for name in listed.iter().filter_map(|it| self.url().space_of(&it.name)) {
            if exists(&*self.connection_to(&name)?)? {
                names.push(name);
            }
        }
        if names.is_empty() {
            return Err(Error::no_collection(self.location()));
        }
        names.sort_by(|a, b| (!a.is_main(), a).cmp(&(!b.is_main(), b)));
        Ok(names)
    }

    fn reader(&self, name: &SpaceName) -> Result<Box<dyn CollectionReader>> {
        Ok(Box::new(self.open(name)?))
    }

    fn writer(&self, name: &SpaceName) -> Result<Box<dyn CollectionWriter>> {
        let connection = self.known(name)?;
        let space = self.open(name)?.space().clone();
        Ok(Box::new(QdrantWriter::open_at(connection, &space)?))
    }

    /// Only a space other than `main` stays hidden until the copy is complete.
    fn copy_writer(
        &self,
        name: &SpaceName,
        space: &EmbeddingSpace,
    ) -> Result<Box<dyn CollectionWriter>> {
        Ok(Box::new(QdrantWriter::open_at(self.connection_to(name)?, space)?))
    }

    fn start_copy(&self, _serving: &Serving) -> Result<()> {
        Ok(())
    }

    fn record(&self, name: &SpaceName) -> Result<Option<SpaceRecord>> {
        read_record(&*self.known(name)?)
    }

    /// In addition to the errors of the trait: [`QdrantError::Address`] if Qdrant cannot have a space of that name.
    fn create(&self, record: &SpaceRecord) -> Result<()> {
        let connection = self.connection_to(&record.name)?;
        if self.names()?.contains(&record.name) {
            let (location, name) = (self.location(), record.name.clone());
            return Err(Error::SpaceExists { location, name });
        }
        delete::delete_collections(&connection)?;
        QdrantWriter::open_at(Arc::clone(&connection), &record.space)?;
        // Without its record it is not a space, so this comes last.
        write_record(&connection, record)
    }

    /// `main` can be created again, for any bundle.
    fn delete(&self, name: &SpaceName) -> Result<()> {
        let connection = self.connection_to(name)?;
        if !exists_by_name(&connection, &connection.settings().url.recordings())? {
            return Err(self.unknown(name)?);
        }
        delete::delete_collections(&connection)
    }
}

/// Returns whether a space has a manifest and, unless it is `main`, a record: it is created and dropped by them.
fn exists(connection: &Connection) -> Result<bool> {
    Ok(exists_by_name(connection, &connection.settings().url.recordings())?
        && QdrantManifest::read_head(connection)?.is_some()
        && (connection.space_name().is_main() || read_record(connection)?.is_some()))
}

/// Reads the record of the connection's space, if there is one.
pub(super) fn read_record(connection: &Connection) -> Result<Option<SpaceRecord>> {
    notes::read(connection, &connection.settings().url.recordings(), RECORD)
}

/// Writes the record of the connection's space.
pub(super) fn write_record(connection: &Connection, record: &SpaceRecord) -> Result<()> {
    notes::write(connection, RECORD, record)
}
