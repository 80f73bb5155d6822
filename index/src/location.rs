//! Where a collection is: a folder, or an address on a Qdrant server. The one place that decides between the two.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use crate::contract::{CollectionReader, CollectionWriter, SpaceRecord, Spaces};
use crate::error::{Error, Result};
use crate::folder::{FolderReader, FolderSpaces, FolderWriter};
use crate::qdrant::{
    ApiKey, IndexingStatus, QdrantAlias, QdrantReader, QdrantSettings, QdrantSnapshot,
    QdrantSpaces, QdrantWriter, wait_until_green,
};
use crate::recording::{EmbeddingSpace, SpaceName};

/// Where a collection is.
///
/// A text with `://` is the address of a collection, or of one of its spaces (`qdrant://HOST[:PORT]/COLLECTION[@SPACE]`);
/// any other text is the path of a folder.
///
/// ```
/// use nocturne_index::Location;
///
/// let folder: Location = "collections/sleep".parse()?;
/// assert_eq!(folder, Location::Folder("collections/sleep".into()));
/// let server: Location = "qdrant://localhost/sleep@v2".parse()?;
/// assert_eq!(server.to_string(), "qdrant://localhost:6334/sleep@v2");
/// assert_eq!(server.space_name().unwrap().as_str(), "v2");
/// # Ok::<(), nocturne_index::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub enum Location {
    /// A folder on this machine.
    Folder(PathBuf),
    /// A collection on a Qdrant server, and how the server is called.
    Qdrant(Box<QdrantSettings>),
}

/// What a server has written to its disk for a backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerBackup {
    /// A snapshot of each of the server's collections.
    pub snapshots: Vec<QdrantSnapshot>,
    /// The alias of the served space, which no snapshot contains, or `None` if there is none.
    pub alias: Option<QdrantAlias>,
}

impl Location {
    /// Returns the same location with the key that the server asks for; a folder needs none.
    #[must_use]
    pub fn with_api_key(self, api_key: Option<ApiKey>) -> Self {
        self.with_settings(|settings| settings.api_key = api_key)
    }

    /// Returns the same location with other settings for the server; a folder has none.
    #[must_use]
    pub fn with_settings(mut self, change: impl FnOnce(&mut QdrantSettings)) -> Self {
        if let Self::Qdrant(settings) = &mut self {
            change(settings);
        }
        self
    }

    /// Returns the name of the space that an address names, whichever space is served, or `None` if it names none.
    pub fn space_name(&self) -> Option<&SpaceName> {
        match self {
            Self::Folder(_) => None,
            Self::Qdrant(settings) => settings.url.space(),
        }
    }

    /// Returns the location of the whole collection, without the name of a space.
    #[must_use]
    pub fn of_collection(&self) -> Self {
        self.clone().with_settings(|settings| settings.url = settings.url.of_collection())
    }

    /// Returns the location of a space of this collection; a folder has one location for all of its spaces.
    ///
    /// # Errors
    ///
    /// [`QdrantError::Address`](crate::qdrant::QdrantError::Address) if the address would be too long.
    pub fn of_space(&self, name: &SpaceName) -> Result<Self> {
        match self {
            Self::Folder(_) => Ok(self.clone()),
            Self::Qdrant(settings) => {
                let url = settings.url.of_space(name)?;
                Ok(QdrantSettings { url, ..(**settings).clone() }.into())
            }
        }
    }

    /// Opens the newest snapshot of the served space, or of the space that an address names.
    ///
    /// # Errors
    ///
    /// [`Error::NotACollection`], [`Error::Format`], [`Error::Damaged`], and those of the store.
    pub fn open(&self) -> Result<Box<dyn CollectionReader>> {
        Ok(match self {
            Self::Folder(folder) => Box::new(FolderReader::open(folder)?),
            Self::Qdrant(settings) => Box::new(QdrantReader::open((**settings).clone())?),
        })
    }

    /// Opens the served space for writing, or the one that an address names; creates the collection if there is none.
    ///
    /// # Errors
    ///
    /// [`Error::OtherBundle`] if another bundle fills the space, [`Error::FolderInUse`], [`Error::Locked`], and those of
    /// the store.
    pub fn open_or_create(&self, space: &EmbeddingSpace) -> Result<Box<dyn CollectionWriter>> {
        Ok(match self {
            Self::Folder(folder) => Box::new(FolderWriter::open_or_create(folder, space)?),
            Self::Qdrant(settings) => {
                Box::new(QdrantWriter::open_or_create((**settings).clone(), space)?)
            }
        })
    }

    /// Opens an existing collection for writing, in the served space or in the one that an address names.
    ///
    /// # Errors
    ///
    /// Those of [`open`](Self::open) and [`open_or_create`](Self::open_or_create).
    pub fn open_for_writing(&self) -> Result<Box<dyn CollectionWriter>> {
        let space = self.open()?.space().clone();
        self.open_or_create(&space)
    }

    /// Returns the spaces of the collection.
    ///
    /// # Errors
    ///
    /// [`QdrantError::Address`](crate::qdrant::QdrantError::Address) if the address names a space, and
    /// [`Error::Setting`](Error::Setting).
    pub fn spaces(&self) -> Result<Box<dyn Spaces>> {
        Ok(match self {
            Self::Folder(folder) => Box::new(FolderSpaces::of(folder)),
            Self::Qdrant(settings) => Box::new(QdrantSpaces::of((**settings).clone())?),
        })
    }

    /// Returns the record of the served space, or of the space that an address names; `None` if none was written.
    ///
    /// # Errors
    ///
    /// [`Error::NotACollection`], [`Error::UnknownSpace`], and those of the store.
    pub fn record(&self) -> Result<Option<SpaceRecord>> {
        let spaces = self.of_collection().spaces()?;
        match self.space_name() {
            Some(name) => spaces.record(name),
            None => spaces.record(&spaces.serving()?.space),
        }
    }

    /// Waits until a server has built the indexes of the space, at most for some time, and calls `observe` meanwhile.
    /// Returns how far it is, or `None` for a folder, which builds none.
    ///
    /// # Errors
    ///
    /// [`QdrantError::Optimizer`](crate::qdrant::QdrantError::Optimizer), and those of the server.
    pub fn wait_until_indexed(
        &self,
        at_most: Duration,
        observe: &mut dyn FnMut(IndexingStatus),
    ) -> Result<Option<IndexingStatus>> {
        match self {
            Self::Folder(_) => Ok(None),
            Self::Qdrant(settings) => {
                wait_until_green((**settings).clone(), at_most, observe).map(Some)
            }
        }
    }

    /// Has a server take snapshots of every space of the collection, or of the space that the address names. Returns
    /// `None` for a folder.
    ///
    /// # Errors
    ///
    /// [`QdrantError::Changed`](crate::qdrant::QdrantError::Changed) if the collection was written meanwhile, and
    /// those of the server.
    pub fn back_up_on_server(&self) -> Result<Option<ServerBackup>> {
        let Self::Qdrant(settings) = self else { return Ok(None) };
        let settings = (**settings).clone();
        if settings.url.space().is_some() {
            let snapshots = QdrantReader::open(settings)?.snapshot()?;
            return Ok(Some(ServerBackup { snapshots, alias: None }));
        }
        let spaces = QdrantSpaces::of(settings)?;
        let mut snapshots = Vec::new();
        for name in spaces.names()? {
            snapshots.extend(spaces.open(&name)?.snapshot()?);
        }
        Ok(Some(ServerBackup { snapshots, alias: spaces.alias()? }))
    }
}

impl fmt::Display for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => write!(f, "{}", folder.display()),
            Self::Qdrant(settings) => write!(f, "{}", settings.url),
        }
    }
}

impl FromStr for Location {
    type Err = Error;

    /// Reads anything that looks like an address as one, so that a slip does not create a folder of that name.
    ///
    /// # Errors
    ///
    /// [`QdrantError::Address`](crate::qdrant::QdrantError::Address).
    fn from_str(text: &str) -> Result<Self> {
        if text.contains("://") {
            return Ok(QdrantSettings::at(text.parse()?).into());
        }
        Ok(Self::Folder(PathBuf::from(text)))
    }
}

// Not from `&str` or `&OsStr`: a text is parsed, because it may be an address.
impl From<&Path> for Location {
    fn from(folder: &Path) -> Self {
        Self::Folder(folder.to_owned())
    }
}

impl From<QdrantSettings> for Location {
    fn from(settings: QdrantSettings) -> Self {
        Self::Qdrant(Box::new(settings))
    }
}
