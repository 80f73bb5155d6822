//! The spaces of a collection, wherever it is: what can be done with them.

use crate::contract::{Destination, SpaceReader};
use crate::error::Result;
use crate::folder::{Demand, Promoted, Serving, SpaceRecord, Spaces};
use crate::qdrant::QdrantSpaces;
use crate::recording::SpaceName;

/// The spaces of a collection, one of which is served.
///
/// [`Spaces`] are those of a folder, [`QdrantSpaces`] those of a collection in Qdrant; their methods say which errors to
/// expect.
pub trait SpaceKeeper: std::fmt::Debug {
    /// Returns where the collection is.
    fn place(&self) -> String;

    /// Returns which space is served.
    fn serving(&self) -> Result<Serving>;

    /// Returns the names of the spaces, `main` first, then by ascending name.
    fn names(&self) -> Result<Vec<SpaceName>>;

    /// Opens a space for reading; it stays the one that is read, whatever is served.
    fn reader(&self, name: &SpaceName) -> Result<Box<dyn SpaceReader>>;

    /// Opens a space for writing.
    fn writer(&self, name: &SpaceName) -> Result<Box<dyn Destination>>;

    /// Returns what is told of a space; nothing for `main` where nobody has told.
    fn record(&self, name: &SpaceName) -> Result<Option<SpaceRecord>>;

    /// Makes a space without recordings.
    fn create(&self, record: &SpaceRecord) -> Result<()>;

    /// Serves a space from now on, in one step.
    fn promote(&self, name: &SpaceName, demand: Demand) -> Result<Promoted>;

    /// Serves the space again that was served before, in one step; once more, and it is undone.
    fn roll_back(&self) -> Result<Promoted>;

    /// Removes a space that is not served.
    fn remove(&self, name: &SpaceName) -> Result<()>;
}

impl SpaceKeeper for Spaces {
    fn place(&self) -> String {
        self.path().display().to_string()
    }

    fn serving(&self) -> Result<Serving> {
        Self::serving(self)
    }

    fn names(&self) -> Result<Vec<SpaceName>> {
        Self::names(self)
    }

    fn reader(&self, name: &SpaceName) -> Result<Box<dyn SpaceReader>> {
        Ok(Box::new(self.open(name)?))
    }

    fn writer(&self, name: &SpaceName) -> Result<Box<dyn Destination>> {
        Ok(Box::new(Self::writer(self, name)?))
    }

    fn record(&self, name: &SpaceName) -> Result<Option<SpaceRecord>> {
        Self::record(self, name)
    }

    fn create(&self, record: &SpaceRecord) -> Result<()> {
        Self::create(self, record)
    }

    fn promote(&self, name: &SpaceName, demand: Demand) -> Result<Promoted> {
        Self::promote(self, name, demand)
    }

    fn roll_back(&self) -> Result<Promoted> {
        Self::roll_back(self)
    }

    fn remove(&self, name: &SpaceName) -> Result<()> {
        Self::drop(self, name)
    }
}

impl SpaceKeeper for QdrantSpaces {
    fn place(&self) -> String {
        Self::address(self)
    }

    fn serving(&self) -> Result<Serving> {
        Self::serving(self)
    }

    fn names(&self) -> Result<Vec<SpaceName>> {
        Self::names(self)
    }

    fn reader(&self, name: &SpaceName) -> Result<Box<dyn SpaceReader>> {
        Ok(Box::new(self.open(name)?))
    }

    fn writer(&self, name: &SpaceName) -> Result<Box<dyn Destination>> {
        Ok(Box::new(Self::writer(self, name)?))
    }

    fn record(&self, name: &SpaceName) -> Result<Option<SpaceRecord>> {
        Self::record(self, name)
    }

    fn create(&self, record: &SpaceRecord) -> Result<()> {
        Self::create(self, record)
    }

    fn promote(&self, name: &SpaceName, demand: Demand) -> Result<Promoted> {
        Self::promote(self, name, demand)
    }

    fn roll_back(&self) -> Result<Promoted> {
        Self::roll_back(self)
    }

    fn remove(&self, name: &SpaceName) -> Result<()> {
        Self::drop(self, name)
    }
}
