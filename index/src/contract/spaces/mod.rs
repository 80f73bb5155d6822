//! The contract of embedding spaces: each holds the vectors of one bundle for the recordings of a collection, and one of
//! them is served.

mod coverage;
mod promotion;
mod record;
mod serving;

pub use coverage::{Coverage, RequiredCoverage};
pub use promotion::Promotion;
pub use record::SpaceRecord;
pub use serving::{Serving, ServingPointer};

use crate::contract::{CollectionReader, CollectionWriter};
use crate::error::{Error, LocationName, Result};
use crate::recording::{EmbeddingSpace, SpaceName};

/// The embedding spaces of a collection.
///
/// A promotion changes the [pointer](ServingPointer) and nothing else. Readers and writers follow the pointer once, when
/// they are opened, so no answer mixes two spaces.
pub trait Spaces: ServingPointer + std::fmt::Debug {
    /// Returns where the collection is, for messages.
    fn location(&self) -> LocationName;

    /// Returns the names of the spaces, `main` first, then by ascending name.
    ///
    /// # Errors
    ///
    /// [`Error::NotACollection`] if there is no space, and those of the store.
    fn names(&self) -> Result<Vec<SpaceName>>;

    /// Opens a space for reading.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownSpace`], and those of the store.
    fn reader(&self, name: &SpaceName) -> Result<Box<dyn CollectionReader>>;

    /// Opens a space for writing.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownSpace`], [`Error::Locked`], and those of the store.
    fn writer(&self, name: &SpaceName) -> Result<Box<dyn CollectionWriter>>;

    /// Opens a space for a copy of another one, which [`CollectionWriter::mirror`] makes. A space that does not exist is
    /// created; readers do not find it before the copy is complete.
    ///
    /// # Errors
    ///
    /// [`Error::OtherBundle`] if the space holds vectors of another bundle, [`Error::Locked`], and those of the store.
    fn copy_writer(
        &self,
        name: &SpaceName,
        space: &EmbeddingSpace,
    ) -> Result<Box<dyn CollectionWriter>>;

    /// Checks that a copy of a collection may be written here, which will serve the space of `serving`, and hides the copy
    /// from readers until that space is complete, as far as the store can.
    ///
    /// # Errors
    ///
    /// [`Error::FolderInUse`], and those of the store.
    fn start_copy(&self, serving: &Serving) -> Result<()>;

    /// Returns the record of the bundle that fills a space, or `None` if none was written.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownSpace`], [`Error::Damaged`], [`Error::Format`], and those of the store.
    fn record(&self, name: &SpaceName) -> Result<Option<SpaceRecord>>;

    /// Creates a space without recordings. What an interrupted attempt has left is cleared first.
    ///
    /// # Errors
    ///
    /// [`Error::SpaceExists`], [`Error::NotACollection`] if there is no collection to add it to, and those of the store.
    fn create(&self, record: &SpaceRecord) -> Result<()>;

    /// Deletes a space that is not served, whatever an interrupted attempt has left of it. Only [`remove`](Self::remove) calls
    /// this.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownSpace`], and those of the store.
    fn delete(&self, name: &SpaceName) -> Result<()>;

    /// Serves a space from now on, by one change of the pointer.
    ///
    /// # Errors
    ///
    /// [`Error::UnknownSpace`]; [`Error::ServedSpace`] if it is served already; [`Error::IncompleteSpace`] if it does not
    /// meet `required`; [`Error::Locked`] or [`Error::SpaceChanged`] if the served space is being written; and those of
    /// the store.
    fn promote(&self, name: &SpaceName, required: RequiredCoverage) -> Result<Promotion> {
        promotion::promote(self, name, required)
    }

    /// Serves the previous space again, whatever was added since. A second rollback undoes the first.
    ///
    /// # Errors
    ///
    /// [`Error::NothingToRollBack`], and those of [`promote`](Self::promote).
    fn roll_back(&self) -> Result<Promotion> {
        promotion::roll_back(self)
    }

    /// Removes a space that is not served. A reader that is still open in it may find that its data is gone.
    ///
    /// # Errors
    ///
    /// [`Error::ServedSpace`], [`Error::UnknownSpace`], [`Error::Locked`], and those of the store; calling again
    /// continues.
    fn remove(&self, name: &SpaceName) -> Result<()> {
        let _lock = self.lock()?;
        let serving = self.serving()?;
        if serving.space == *name {
            return Err(Error::ServedSpace { location: self.location(), name: name.clone() });
        }
        if serving.previous.as_ref() == Some(name) {
            // Nothing to roll back to. The number stays, because the served space does.
            self.set_serving(&Serving { previous: None, ..serving })?;
        }
        self.delete(name)
    }
}
