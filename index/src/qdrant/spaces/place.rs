//! A space of a collection in Qdrant, and how one came to it.

use std::sync::Arc;

use super::{QdrantSpaces, pointer};
use crate::error::Result;
use crate::folder::Serving;
use crate::qdrant::connection::Connection;
use crate::recording::SpaceName;

/// A space of a collection.
#[derive(Debug, Clone)]
pub(in crate::qdrant) struct Place {
    /// Leads to the collections of the space.
    pub(in crate::qdrant) connection: Arc<Connection>,
    /// The pointer that was followed; nothing where the space was asked for by name.
    serving: Option<Serving>,
}

impl Place {
    /// Names the space of an address.
    pub(in crate::qdrant) fn named(connection: Arc<Connection>) -> Self {
        Self { connection, serving: None }
    }

    /// Follows the pointer of a collection, unless its address names a space.
    pub(in crate::qdrant) fn of(connection: Arc<Connection>) -> Result<Self> {
        if connection.settings().url.space().is_some() {
            return Ok(Self::named(connection));
        }
        let serving = pointer::read(&connection)?;
        let connection = if serving.space.is_main() {
            connection
        } else {
            let url = connection.settings().url.of_space(&serving.space)?;
            connection.to(url)
        };
        Ok(Self { connection, serving: Some(serving) })
    }

    /// Leads to where a writer writes: to the space that is served, or one that is named and there, or to `main`, which it
    /// makes where there is none.
    pub(in crate::qdrant) fn of_writer(connection: Arc<Connection>) -> Result<Arc<Connection>> {
        match connection.settings().url.space().cloned() {
            Some(name) if !name.is_main() => {
                let collection = connection.to(connection.settings().url.of_collection());
                QdrantSpaces { connection: collection }.known(&name)
            }
            Some(_) | None => Ok(Self::of(connection)?.connection),
        }
    }

    /// Returns the name of the space.
    pub(in crate::qdrant) fn name(&self) -> SpaceName {
        self.connection.settings().url.space().cloned().unwrap_or_else(SpaceName::main)
    }

    /// Returns whether the pointer still leads here; always where none was followed.
    pub(in crate::qdrant) fn is_served(&self) -> Result<bool> {
        match &self.serving {
            None => Ok(true),
            Some(serving) => Ok(serving.is_same(&pointer::read(&self.connection)?)),
        }
    }

    /// Does something with the space of an address; where it fails and the pointer has changed meanwhile, with the one that
    /// is served now.
    pub(in crate::qdrant) fn try_served<T>(
        connection: &Arc<Connection>,
        attempt: impl Fn(Self) -> Result<T>,
    ) -> Result<T> {
        /// Nobody promotes faster than this looks.
        const ATTEMPTS: usize = 10;
        let mut place = Self::of(Arc::clone(connection))?;
        for _ in 1..ATTEMPTS {
            match attempt(place.clone()) {
                Err(_) if !place.is_served()? => place = Self::of(Arc::clone(connection))?,
                other => return other,
            }
        }
        attempt(place)
    }
}
