//! The spaces of a collection: each bundle's vectors of the same recordings, one of which is served.
//!
//! ```text
//! sleep/                      the space `main`, and the collection
//!   manifest-000042.jsonl, segments/, …
//!   space.jsonl               which bundle fills it, and where that is; may be lacking
//!   serving.jsonl             which space is served; `main` where there is no such file
//!   spaces.lock               held while the pointer is changed, or a space made or dropped
//!   spaces/v2/                another space, laid out like a collection, with a lock of its own
//! ```
//!
//! # Why is a promotion one step?
//!
//! Readers and writers find their space by `serving.jsonl`, once for each snapshot. It is written under another name,
//! made durable and then renamed, so that there is the old one or the new one. The writer's lock of the space that was
//! served is held meanwhile: nobody adds to it what the promotion would then hide.

mod copy;
mod coverage;
mod drop;
mod note;
pub(crate) mod place;
pub(crate) mod record;
pub(crate) mod serving;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::error::{Error, Result};
use crate::folder::manifest::Manifest;
use crate::folder::writer::take_lock;
use crate::folder::{Collection, CollectionWriter};
use crate::recording::SpaceName;
use crate::storage::{Folder, Lock, LockResult, Storage};
pub use copy::SpacesCopied;
pub use coverage::Coverage;
use place::{Place, SPACES};
use record::RECORD;
pub use record::SpaceRecord;
pub use serving::Serving;

const LOCK: &str = "spaces.lock";

/// The spaces of a collection.
#[derive(Debug, Clone)]
pub struct Spaces {
    root: Arc<dyn Storage>,
}

/// What a space must have before it is served.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Demand {
    /// Every recording of the space that is served, and no other.
    Whole,
    /// Nothing.
    Incomplete,
}

/// What a promotion or its reversal has changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promoted {
    /// What is served now.
    pub serving: Serving,
    /// What it lacks of what was served before; nothing where that could not be read.
    pub coverage: Option<Coverage>,
}

impl Spaces {
    /// Names the collection in a folder.
    pub fn of(folder: &Path) -> Self {
        Self::of_storage(Arc::new(Folder::at(folder)))
    }

    /// Names a collection in any kind of storage.
    pub fn of_storage(root: Arc<dyn Storage>) -> Self {
        Self { root }
    }

    /// Returns the collection's folder.
    pub fn path(&self) -> PathBuf {
        self.root.path("")
    }

    /// Returns which space is served.
    ///
    /// # Errors
    ///
    /// [`Error::Damaged`], [`Error::Format`] and [`Error::Io`].
    pub fn serving(&self) -> Result<Serving> {
        Serving::read(self.root.as_ref())
    }

    /// Returns the names of the spaces, `main` first, then by ascending name.
    ///
    /// # Errors
    ///
    /// [`Error::NotACollection`] where there is none, and [`Error::Io`].
    pub fn names(&self) -> Result<Vec<SpaceName>> {
        let mut names = Vec::new();
        let has_main = !Manifest::generations(self.root.as_ref())?.is_empty();
        names.extend(has_main.then(SpaceName::main));
        let items = match self.root.list(SPACES) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Vec::new(),
            items => items.map_err(Error::io(&self.root.path(SPACES), "read"))?,
        };
        let folders = items.into_iter().filter(|item| !item.is_file);
        let mut others: Vec<SpaceName> =
            folders.filter_map(|item| SpaceName::new(item.name).ok()).collect();
        others.sort();
        for name in others {
            if !name.is_main() && self.is_there(&name)? {
                names.push(name);
            }
        }
        if names.is_empty() {
            return Err(Error::NotACollection { path: self.path() });
        }
        Ok(names)
    }

    /// Opens the newest generation of a space; its [`refresh`](Collection::refresh) stays in the space, whatever is
    /// served.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownSpace`], and those of [`Collection::open`].
    pub fn open(&self, name: &SpaceName) -> Result<Collection> {
        Collection::open_at(self.place(name)?)
    }

    /// Opens a space for writing; each has a lock of its own.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownSpace`], and those of [`CollectionWriter::open`].
    pub fn writer(&self, name: &SpaceName) -> Result<CollectionWriter> {
        let place = self.place(name)?;
        let space = Manifest::read_newest(place.storage.as_ref())?.space;
        CollectionWriter::open_at(place, &space)
    }

    /// Returns what is told of a space; nothing for `main` where nobody has told.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownSpace`], [`Error::Damaged`], [`Error::Format`] and [`Error::Io`].
    pub fn record(&self, name: &SpaceName) -> Result<Option<SpaceRecord>> {
        SpaceRecord::read(self.place(name)?.storage.as_ref())
    }

    /// Makes a space without recordings, and clears away first what an attempt that was cut off has left.
    ///
    /// # Errors
    ///
    /// [`Error::SpaceExists`], [`Error::NotACollection`] where there is no collection to add it to, [`Error::Locked`],
    /// [`Error::Setting`] and [`Error::Io`].
    pub fn create(&self, record: &SpaceRecord) -> Result<()> {
        let _lock = self.lock()?;
        if self.names()?.contains(&record.name) || record.name.is_main() {
            return Err(Error::SpaceExists { path: self.path(), name: record.name.clone() });
        }
        let place = Place::named(Arc::clone(&self.root), record.name.clone());
        drop::clear(place.storage.as_ref())?;
        let writer = CollectionWriter::create_at(place.clone(), &record.space)?;
        // What is not yet told of is no space, so this comes last.
        record.write(place.storage.as_ref())?;
        drop(writer);
        Ok(())
    }

    /// Serves a space from now on, in one step.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownSpace`], [`Error::ServedSpace`] where it is served already, [`Error::IncompleteSpace`] where
    /// `demand` says so, [`Error::Locked`] where somebody writes to the space that is served, and those of opening.
    pub fn promote(&self, name: &SpaceName, demand: Demand) -> Result<Promoted> {
        let _lock = self.lock()?;
        let serving = self.serving()?;
        self.serve(&serving, name, demand)
    }

    /// Serves the space again that was served before, in one step; once more, and it is undone.
    ///
    /// # Errors
    ///
    /// [`Error::NothingToRollBack`], and those of [`promote`](Self::promote). What was added since is no hindrance.
    pub fn roll_back(&self) -> Result<Promoted> {
        let _lock = self.lock()?;
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
        let before = Place::named(Arc::clone(&self.root), serving.space.clone());
        let _writer = take_lock(before.storage.as_ref())?;
        // What is served now may be past reading, which is one more reason to serve another.
        let coverage = match (Collection::open_at(before), demand) {
            (Ok(served), _) => Some(Coverage::of(&served, &candidate)),
            (Err(_), Demand::Incomplete) => None,
            (Err(error), Demand::Whole) => return Err(error),
        };
        if let Some(coverage) = &coverage
            && demand == Demand::Whole
        {
            coverage.expect_whole(name, &serving.space)?;
        }
        // What a process that was killed has renamed is visible but perhaps not durable yet.
        let storage = candidate.storage();
        storage.sync_folder("").map_err(Error::io(&storage.path(""), "synchronise"))?;
        let serving = serving.followed_by(name.clone());
        serving.write(self.root.as_ref())?;
        Ok(Promoted { serving, coverage })
    }

    fn place(&self, name: &SpaceName) -> Result<Place> {
        if !name.is_main() && !self.is_there(name)? {
            let known: Vec<String> = self.names()?.iter().map(ToString::to_string).collect();
            let known = known.join("`, `");
            return Err(Error::UnknownSpace { path: self.path(), name: name.clone(), known });
        }
        Ok(Place::named(Arc::clone(&self.root), name.clone()))
    }

    /// Returns whether a space has both its record and a manifest: it is made and dropped by one of them.
    fn is_there(&self, name: &SpaceName) -> Result<bool> {
        let folder = format!("{SPACES}/{name}");
        match self.root.list(&folder) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(Error::io(&self.root.path(&folder), "read")(error)),
            Ok(items) => {
                let has = |is_it: fn(&str) -> bool| items.iter().any(|item| is_it(&item.name));
                Ok(has(|name| name == RECORD)
                    && has(|name| Manifest::generation_of(name).is_some()))
            }
        }
    }

    fn lock(&self) -> Result<Lock> {
        // No lock file is to appear in a folder that is no collection.
        self.names()?;
        match self.root.lock(LOCK).map_err(Error::io(&self.root.path(LOCK), "lock"))? {
            LockResult::Acquired(lock) => Ok(lock),
            LockResult::HeldBy(holder) => Err(Error::Locked { path: self.path(), holder }),
        }
    }
}
