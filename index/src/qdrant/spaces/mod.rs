//! The spaces of a collection in Qdrant: each bundle's vectors of the same recordings, one of which is served.
//!
//! ```text
//! sleep, sleep-recordings, sleep-nights           the space `main`
//! sleep@v2, sleep@v2-recordings, sleep@v2-nights  the space `v2`
//! sleep@served                                    alias of the recordings of the one that is served
//! ```
//!
//! A space has the three collections of any other, and in its list of recordings a note that tells which bundle fills it
//! (`notes`); the alias is the subject of `pointer`.

mod bundle;
mod drop;
pub(super) mod notes;
mod place;
mod pointer;

use std::path::PathBuf;
use std::sync::Arc;

pub(super) use place::Place;

use super::connection::Connection;
use super::manifest::QdrantManifest;
use super::schema::exists_by_name;
use super::url::AddressProblem;
use super::{QdrantCollection, QdrantError, QdrantSettings, QdrantUrl, QdrantWriter};
use crate::error::{Error, Result};
use crate::folder::{Coverage, Demand, Promoted, Serving, SpaceRecord};
use crate::recording::SpaceName;
use notes::RECORD;

/// The spaces of a collection in Qdrant; [`Spaces`](crate::Spaces) are those of one in a folder.
#[derive(Debug)]
pub struct QdrantSpaces {
    /// Leads to the collection, not to a space of it.
    connection: Arc<Connection>,
}

/// Another name of a collection of the server.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct QdrantAlias {
    /// That name.
    pub alias: String,
    /// The collection.
    pub collection: String,
}

impl QdrantSpaces {
    /// Names a collection.
    ///
    /// # Errors
    ///
    /// [`Error::Setting`], and [`QdrantError::Address`] where the address names a space.
    pub fn of(settings: QdrantSettings) -> Result<Self> {
        if settings.url.space().is_some() {
            let (address, source) = (settings.url.to_string(), AddressProblem::NamesSpace);
            return Err(QdrantError::Address { address, source }.into());
        }
        Ok(Self { connection: Connection::new(settings)? })
    }

    /// Returns the collection's address.
    pub fn address(&self) -> String {
        self.connection.address()
    }

    /// Returns which space is served.
    ///
    /// # Errors
    ///
    /// [`QdrantError::ServedAlias`], [`Error::Format`] and [`QdrantError::Request`].
    pub fn serving(&self) -> Result<Serving> {
        pointer::read(&self.connection)
    }

    /// Returns the names of the spaces, `main` first, then by ascending name.
    ///
    /// # Errors
    ///
    /// [`Error::NotACollection`] where there is none, and [`QdrantError::Request`].
    pub fn names(&self) -> Result<Vec<SpaceName>> {
        let list = "list the spaces of";
        let listed = self
            .connection
            .ask(list, |client| async move { client.list_collections().await })?
            .collections;
        let mut names = Vec::new();
        for name in listed.iter().filter_map(|it| self.url().space_of(&it.name)) {
            if is_there(&*self.at(&name)?)? {
                names.push(name);
            }
        }
        if names.is_empty() {
            return Err(Error::NotACollection { path: self.path() });
        }
        names.sort_by(|a, b| (!a.is_main(), a).cmp(&(!b.is_main(), b)));
        Ok(names)
    }

    /// Opens a space by its name; it stays the one that is read, whatever is served.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownSpace`], and those of [`QdrantCollection::open`].
    pub fn open(&self, name: &SpaceName) -> Result<QdrantCollection> {
        QdrantCollection::open_at(Place::named(self.known(name)?))
    }

    /// Opens a space for writing.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownSpace`], and those of [`QdrantWriter::open_or_create`].
    pub fn writer(&self, name: &SpaceName) -> Result<QdrantWriter> {
        let connection = self.known(name)?;
        let space = self.open(name)?.space().clone();
        QdrantWriter::open_at(connection, &space)
    }

    /// Returns the alias of the space that is served; nothing before one was promoted.
    ///
    /// # Errors
    ///
    /// Those of [`serving`](Self::serving).
    pub fn alias(&self) -> Result<Option<QdrantAlias>> {
        let serving = self.serving()?;
        let alias = |url: &QdrantUrl| {
            let collection = url.of_space(&serving.space)?.recordings();
            Ok(QdrantAlias { alias: url.served(), collection })
        };
        (serving.number > 0).then(|| alias(self.url())).transpose()
    }

    /// Returns what is told of a space; nothing for `main` where nobody has told.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownSpace`], [`Error::Format`] and [`QdrantError::Request`].
    pub fn record(&self, name: &SpaceName) -> Result<Option<SpaceRecord>> {
        let connection = self.known(name)?;
        notes::read(&connection, &connection.settings().url.recordings(), RECORD)
    }

    /// Makes a space without recordings, and clears away first what an attempt that was cut off has left.
    ///
    /// # Errors
    ///
    /// [`Error::SpaceExists`], [`Error::NotACollection`] where there is no collection to add it to, and
    /// [`QdrantError::Address`] where Qdrant cannot have a space of that name.
    pub fn create(&self, record: &SpaceRecord) -> Result<()> {
        let connection = self.at(&record.name)?;
        if self.names()?.contains(&record.name) {
            return Err(Error::SpaceExists { path: self.path(), name: record.name.clone() });
        }
        drop::clear(&connection)?;
        QdrantWriter::open_at(Arc::clone(&connection), &record.space)?;
        // What is not yet told of is no space, so this comes last.
        notes::write(&connection, RECORD, record)
    }

    /// Serves a space from now on, in one step.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownSpace`], [`Error::ServedSpace`] where it is served already, [`Error::IncompleteSpace`] where
    /// `demand` says so, [`QdrantError::PendingRecording`] and [`Changed`](QdrantError::Changed) if the served space is being
    /// written to, and those of opening.
    pub fn promote(&self, name: &SpaceName, demand: Demand) -> Result<Promoted> {
        self.serve(&self.serving()?, name, demand)
    }

    /// Serves the space again that was served before, in one step; once more, and it is undone.
    ///
    /// # Errors
    ///
    /// [`Error::NothingToRollBack`], and those of [`promote`](Self::promote). What was added since is no hindrance.
    pub fn roll_back(&self) -> Result<Promoted> {
        let serving = self.serving()?;
        let Some(previous) = &serving.previous else {
            return Err(Error::NothingToRollBack { path: self.path() });
        };
        self.serve(&serving, previous, Demand::Incomplete)
    }

    fn serve(&self, serving: &Serving, name: &SpaceName, demand: Demand) -> Result<Promoted> {
        let candidate = self.open(name)?;
        if serving.space == *name {
            return Err(Error::ServedSpace { path: self.path(), name: name.clone() });
        }
        let coverage = match (self.open(&serving.space), demand) {
            (Ok(served), _) => Some(compare(&served, &candidate, demand)?),
            // What is served now may be past reading, which is one more reason to serve another.
            (Err(_), Demand::Incomplete) => None,
            (Err(error), Demand::Whole) => return Err(error),
        };
        let serving = serving.followed_by(name.clone());
        pointer::write(&self.connection, self.url(), &serving)?;
        Ok(Promoted { serving, coverage })
    }

    fn url(&self) -> &QdrantUrl {
        &self.connection.settings().url
    }

    fn path(&self) -> PathBuf {
        PathBuf::from(self.address())
    }

    /// Leads to where a space is, or would be.
    fn at(&self, name: &SpaceName) -> Result<Arc<Connection>> {
        Ok(self.connection.to(self.url().of_space(name)?))
    }

    /// Leads to a space that is there.
    fn known(&self, name: &SpaceName) -> Result<Arc<Connection>> {
        let connection = self.at(name)?;
        if is_there(&connection)? { Ok(connection) } else { Err(self.unknown(name)?) }
    }

    fn unknown(&self, name: &SpaceName) -> Result<Error> {
        let known: Vec<String> = self.names()?.iter().map(ToString::to_string).collect();
        let known = known.join("`, `");
        Ok(Error::UnknownSpace { path: self.path(), name: name.clone(), known })
    }
}

/// Compares a space with the served one. A whole one is demanded, so it refuses if an upload to the served space has not
/// ended: the promotion would hide its recording.
fn compare(
    served: &QdrantCollection,
    candidate: &QdrantCollection,
    demand: Demand,
) -> Result<Coverage> {
    let coverage = Coverage::of(served, candidate);
    if demand == Demand::Whole {
        coverage.expect_whole(&candidate.space_name(), &served.space_name())?;
        if let Some(recording) = served.pending().next().cloned() {
            return Err(
                QdrantError::PendingRecording { address: served.address(), recording }.into()
            );
        }
    }
    if !served.is_current()? {
        return Err(QdrantError::Changed { address: served.address() }.into());
    }
    Ok(coverage)
}

/// Returns whether a space has a list of recordings and, unless it is `main`, a note of its bundle: it is made and dropped
/// by them.
fn is_there(connection: &Connection) -> Result<bool> {
    let url = &connection.settings().url;
    let recordings = url.recordings();
    let is_main = url.space().is_none_or(SpaceName::is_main);
    Ok(exists_by_name(connection, &recordings)?
        && QdrantManifest::read_head(connection)?.is_some()
        && (is_main || notes::read::<SpaceRecord>(connection, &recordings, RECORD)?.is_some()))
}
