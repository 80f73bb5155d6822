//! Where a collection is, and the settings of a Qdrant server.

use std::fmt;
use std::path::PathBuf;

use clap::Args;
use clap::builder::TypedValueParser;
use nocturne_engine::Source;
use nocturne_index::qdrant::{ApiKey, QdrantSettings, QdrantSpaces, QdrantUrl};
use nocturne_index::{Result, SpaceKeeper, SpaceRecord, Spaces};

/// The folder or address of a collection.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Place {
    Folder(PathBuf),
    Qdrant(QdrantUrl),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(folder) => write!(f, "{}", folder.display()),
            Self::Qdrant(url) => write!(f, "{url}"),
        }
    }
}

impl Place {
    /// Returns whether the address names a specific space.
    pub(crate) fn names_space(&self) -> bool {
        match self {
            Self::Folder(_) => false,
            Self::Qdrant(url) => url.space().is_some(),
        }
    }

    /// Returns the collection in the form that an engine opens.
    pub(crate) fn source(&self, server: &QdrantArguments, full_pass: usize) -> Source {
        match self {
            Self::Folder(folder) => Source::from(folder.as_path()),
            Self::Qdrant(url) => Source::from(QdrantSettings { full_pass, ..server.settings(url) }),
        }
    }
}

/// A collection with the settings of its server, if it has one.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reached<'a> {
    pub(crate) place: &'a Place,
    pub(crate) server: &'a QdrantArguments,
}

impl Reached<'_> {
    /// Returns the spaces of the collection.
    pub(crate) fn spaces(self) -> Result<Box<dyn SpaceKeeper>> {
        Ok(match self.place {
            Place::Folder(folder) => Box::new(Spaces::of(folder)),
            Place::Qdrant(url) => Box::new(QdrantSpaces::of(self.server.settings(url))?),
        })
    }

    /// Returns the record of the space in the address, or else of the served space.
    pub(crate) fn record(self) -> Result<Option<SpaceRecord>> {
        let named = match self.place {
            Place::Folder(_) => None,
            Place::Qdrant(url) => url.space().map(|space| (url.of_collection(), space.clone())),
        };
        let Some((url, name)) = named else {
            let spaces = self.spaces()?;
            return spaces.record(&spaces.serving()?.space);
        };
        QdrantSpaces::of(self.server.settings(&url))?.record(&name)
    }
}

/// Options for a Qdrant server.
#[derive(Debug, Clone, Args)]
pub(crate) struct QdrantArguments {
    /// API key of the Qdrant server; sent to other machines over encrypted connections only.
    #[arg(
        long,
        env = "NOCTURNE_QDRANT_API_KEY",
        hide_env_values = true,
        value_name = "KEY",
        help_heading = "Qdrant",
        value_parser = clap::builder::StringValueParser::new().map(ApiKey::new)
    )]
    pub(crate) api_key: Option<ApiKey>,
}

impl QdrantArguments {
    /// Returns the settings of a connection.
    pub(crate) fn settings(&self, url: &QdrantUrl) -> QdrantSettings {
        QdrantSettings { api_key: self.api_key.clone(), ..QdrantSettings::at(url.clone()) }
    }
}

/// How long to wait for a Qdrant server after writing to it.
#[derive(Debug, Clone, Args)]
pub(crate) struct WaitArguments {
    /// Maximum time in seconds to wait for the server to finish its HNSW index; searches work in the meantime.
    #[arg(long, value_name = "SECONDS", default_value_t = 600, help_heading = "Qdrant")]
    pub(crate) wait: u32,
    /// Exit without waiting for the server's HNSW index.
    #[arg(long, help_heading = "Qdrant", conflicts_with = "wait")]
    pub(crate) no_wait: bool,
}

/// Parses anything that looks like an address as one, so that a typo does not create a folder of that name.
pub(super) fn place(text: &str) -> Result<Place, nocturne_index::Error> {
    if text.contains("://") {
        return text.parse().map(Place::Qdrant);
    }
    Ok(Place::Folder(PathBuf::from(text)))
}
