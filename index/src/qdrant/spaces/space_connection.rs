//! The connection to a space, and how the space was found: by the pointer or by name.

use std::sync::Arc;

use super::{QdrantSpaces, pointer};
use crate::contract::Serving;
use crate::error::Result;
use crate::qdrant::connection::Connection;
use crate::recording::SpaceName;

/// How often opening the served space starts again because another one was promoted meanwhile.
const ATTEMPTS: usize = 10;

/// The connection to the collections of a space.
#[derive(Debug, Clone)]
pub(in crate::qdrant) struct SpaceConnection {
    pub(in crate::qdrant) connection: Arc<Connection>,
    /// The state of the pointer that was followed, or `None` if the space was opened by name.
    followed: Option<Serving>,
}

impl SpaceConnection {
    /// Takes the connection to a space, whichever is served.
    pub(in crate::qdrant) fn named(connection: Arc<Connection>) -> Self {
        Self { connection, followed: None }
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
        Ok(Self { connection, followed: Some(serving) })
    }

    /// Returns the connection of a writer: to the served space, to an existing space that the address names, or to `main`,
    /// which the writer creates if it does not exist.
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
        self.connection.space_name()
    }

    /// Returns whether the pointer still leads here; always `true` if the space was opened by name.
    pub(in crate::qdrant) fn is_served(&self) -> Result<bool> {
        match &self.followed {
            None => Ok(true),
            Some(serving) => Ok(serving.is_same(&pointer::read(&self.connection)?)),
        }
    }

    /// Tries something with the space of an address. If it fails and the pointer has changed meanwhile, tries again with
    /// the space that is served now.
    pub(in crate::qdrant) fn try_served<T>(
        connection: &Arc<Connection>,
        attempt: impl Fn(Self) -> Result<T>,
    ) -> Result<T> {
        let mut space = Self::of(Arc::clone(connection))?;
        for _ in 1..ATTEMPTS {
            match attempt(space.clone()) {
                Err(_) if !space.is_served()? => space = Self::of(Arc::clone(connection))?,
                other => return other,
            }
        }
        attempt(space)
    }
}
