//! A copy of a collection with all its spaces.

use std::io::ErrorKind;
use std::sync::Arc;

use super::Spaces;
use super::place::Place;
use super::serving::Serving;
use crate::error::{Error, Result};
use crate::folder::writer::refuse_other_things;
use crate::folder::{Collection, Copied, Existing, SpaceRecord};
use crate::recording::SpaceName;
use crate::storage::Storage;

/// What a copy of a collection has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SpacesCopied {
    /// The space that is served, and its copy; the segments and bytes that were written are those of all spaces.
    pub served: (SpaceName, Copied),
    /// The other spaces.
    pub others: Vec<SpaceName>,
}

impl Spaces {
    /// Copies every space, and which of them is served, as [`Collection::copy_to`] copies one.
    ///
    /// A new copy is not there before all of it is there; one that is brought up to date is a collection all the time.
    /// Each space is of one moment, and they may be of different ones.
    ///
    /// # Errors
    ///
    /// Those of [`Collection::copy_to`].
    pub fn copy_to(&self, root: Arc<dyn Storage>, existing: Existing) -> Result<SpacesCopied> {
        let serving = self.serving()?;
        let there = Self::of_storage(root);
        let is_new = match Collection::open_in(Arc::clone(&there.root)) {
            Ok(_) if existing == Existing::Refuse => {
                return Err(Error::AlreadyACollection { path: there.path() });
            }
            Ok(_) => false,
            Err(Error::NotACollection { .. }) => true,
            Err(Error::Io { source, .. }) if source.kind() == ErrorKind::NotFound => true,
            Err(error) => return Err(error),
        };
        if is_new {
            there.begin(&serving)?;
        }
        let (mut others, mut written) = (Vec::new(), (0, 0));
        for name in self.names()?.into_iter().filter(|name| *name != serving.space) {
            match self.copy_space(&name, &there) {
                Ok(copied) => written = (written.0 + copied.n_written, written.1 + copied.n_bytes),
                // It was dropped meanwhile.
                Err(_) if !self.names()?.contains(&name) => continue,
                Err(error) => return Err(error),
            }
            others.push(name);
        }
        let mut copied = self.copy_space(&serving.space, &there)?;
        copied.n_written += written.0;
        copied.n_bytes += written.1;
        if there.serving()? != serving {
            serving.write(there.root.as_ref())?;
        }
        there.drop_all_but(&serving.space, &others)?;
        Ok(SpacesCopied { served: (serving.space, copied), others })
    }

    /// Copies what is told of a space, and then the space.
    fn copy_space(&self, name: &SpaceName, there: &Self) -> Result<Copied> {
        let from = self.open(name)?;
        let place = Place::named(Arc::clone(&there.root), name.clone());
        if !name.is_main() {
            // One that was made anew under the same name takes the place of the one before.
            match there.open(name) {
                Ok(before) if !before.space().is_same(from.space()) => there.drop(name)?,
                _ => {}
            }
        }
        let storage = place.storage.as_ref();
        let record = SpaceRecord::read(from.storage().as_ref())?;
        if let Some(record) = record
            && SpaceRecord::read(storage)?.as_ref() != Some(&record)
        {
            storage.create_folder("").map_err(Error::io(&storage.path(""), "create"))?;
            record.write(storage)?;
        }
        from.copy_to(Arc::clone(&place.storage), Existing::Replace)
    }

    /// Checks that a new copy may go to this place, and keeps readers out of it until the served space has come, which
    /// comes last: the pointer leads to what is not there yet.
    fn begin(&self, serving: &Serving) -> Result<()> {
        let is_unfinished = self.serving()?.number > 0;
        if !is_unfinished {
            refuse_other_things(self.root.as_ref())?;
        }
        if serving.number == 0 {
            return Ok(());
        }
        self.root.create_folder("").map_err(Error::io(&self.path(), "create"))?;
        serving.write(self.root.as_ref())
    }

    fn drop_all_but(&self, served: &SpaceName, others: &[SpaceName]) -> Result<()> {
        let gone = self.names()?.into_iter().filter(|it| it != served && !others.contains(it));
        gone.filter(|name| !name.is_main()).try_for_each(|name| self.drop(&name))
    }
}
