//! Which space is served: an alias, which a promotion moves in one step.
//!
//! `NAME@served` is an alias of the list of recordings of the served space. A note in that list tells what was served
//! before, and how often the alias was moved: it is written before the alias is, and so becomes true with it. Where there
//! is no such alias `main` is served, as in every collection that has known no other space.
//!
//! # Why one alias, and not one more for the space of before?
//!
//! A request of Qdrant may move several aliases, and nobody sees some of them moved and others not: the server holds its
//! locks over all of them (1.19, `update_aliases` of its table of content). But each is written to the disk on its own, and
//! one that is refused leaves those before it moved: a server that is killed in between comes back with a half. One alias is
//! moved whole or not at all.
//!
//! In a cluster a request is one entry of its log, which each node carries out when it comes to it. For that long two
//! nodes may lead to different spaces. Whoever asks follows the alias once and uses the names of the space's own collections
//! from then on, so each answer is of one space all the same.

use qdrant_client::qdrant::CreateAlias;

use super::notes::{self, SERVING};
use crate::error::Result;
use crate::folder::Serving;
use crate::qdrant::connection::Connection;
use crate::qdrant::schema::exists_by_name;
use crate::qdrant::{QdrantError, QdrantUrl};

/// Reads which space of the connection's collection is served.
///
/// # Errors
///
/// [`QdrantError::ServedAlias`] where the alias leads to what is no space, and those of reading a note.
pub(super) fn read(connection: &Connection) -> Result<Serving> {
    let alias = connection.settings().url.served();
    // Not by an error of the reading: that must never make an older space the served one.
    if !exists_by_name(connection, &alias)? {
        return Ok(Serving::first());
    }
    let address = connection.address();
    let serving = notes::read(connection, &alias, SERVING)?;
    serving.ok_or_else(|| QdrantError::ServedAlias { address, alias }.into())
}

/// Makes a space the served one.
pub(super) fn write(connection: &Connection, url: &QdrantUrl, serving: &Serving) -> Result<()> {
    let url = url.of_space(&serving.space)?;
    notes::write(&connection.to(url.clone()), SERVING, serving)?;
    // One that is there is moved.
    let request = CreateAlias { collection_name: url.recordings(), alias_name: url.served() };
    connection.ask("serve a space of", |client| {
        let request = request.clone();
        async move { client.create_alias(request).await }
    })?;
    Ok(())
}
