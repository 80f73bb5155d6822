//! The pointer to the served space: an alias, which a promotion moves in one step.
//!
//! `NAME@served` is an alias of the manifest of the served space. A note in that manifest holds the number of changes and
//! the previous space. The note is written before the alias is moved, and so becomes valid with it. Without the alias,
//! `main` is served.
//!
//! # Why not a second alias for the previous space?
//!
//! A request of Qdrant may move several aliases, and no client sees some of them moved and others not: the server holds its
//! locks over all of them (1.19, `update_aliases` of its table of content). But each is written to disk on its own, and one
//! that is refused leaves the earlier ones moved, so a server that is killed in between comes back with half of the change.
//! One alias is moved completely or not at all.
//!
//! In a cluster a request is one entry of the Raft log, which each node executes in its own time. Until then two nodes may
//! lead to different spaces. A client follows the alias once and uses the names of the space's own collections afterwards,
//! so no answer mixes two spaces even then.

use qdrant_client::qdrant::CreateAlias;

use super::notes::{self, SERVING};
use crate::contract::Serving;
use crate::error::Result;
use crate::qdrant::connection::Connection;
use crate::qdrant::schema::exists_by_name;
use crate::qdrant::{QdrantError, QdrantUrl};

/// Reads the pointer of the connection's collection.
///
/// # Errors
///
/// [`QdrantError::ServedAlias`] if the alias does not lead to a space, and those of reading a note.
pub(super) fn read(connection: &Connection) -> Result<Serving> {
    let alias = connection.settings().url.served();
    // Asked explicitly: a failed read must never make an older space the served one.
    if !exists_by_name(connection, &alias)? {
        return Ok(Serving::first());
    }
    let address = connection.address();
    let serving = notes::read(connection, &alias, SERVING)?;
    serving.ok_or_else(|| QdrantError::ServedAlias { address, alias }.into())
}

/// Changes the pointer.
pub(super) fn write(connection: &Connection, url: &QdrantUrl, serving: &Serving) -> Result<()> {
    let url = url.of_space(&serving.space)?;
    notes::write(&connection.to(url.clone()), SERVING, serving)?;
    // This moves an alias that exists.
    let request = CreateAlias { collection_name: url.recordings(), alias_name: url.served() };
    connection.ask("serve a space of", |client| {
        let request = request.clone();
        async move { client.create_alias(request).await }
    })?;
    Ok(())
}
