//! Arguments that name a collection, and what its server needs.

use std::time::Duration;

use clap::Args;
use clap::builder::TypedValueParser;
use nocturne_index::Location;
use nocturne_index::qdrant::ApiKey;

/// A collection that is named by an option.
#[derive(Debug, Clone, Args)]
pub(crate) struct CollectionOption {
    /// Collection: a folder or `qdrant://HOST[:PORT]/NAME[@SPACE]` (`qdrants://` for an encrypted connection).
    #[arg(long, short, env = "NOCTURNE_COLLECTION", value_name = "COLLECTION")]
    pub(crate) collection: Location,
    #[command(flatten)]
    pub(crate) server: ServerArguments,
}

impl CollectionOption {
    /// Returns where the collection is, with the key of its server.
    pub(crate) fn location(&self) -> Location {
        self.server.with_key(&self.collection)
    }
}

/// A collection that is named by its position.
#[derive(Debug, Clone, Args)]
pub(crate) struct CollectionArgument {
    /// Collection: a folder or `qdrant://HOST[:PORT]/NAME`.
    #[arg(env = "NOCTURNE_COLLECTION", value_name = "COLLECTION")]
    collection: Location,
    #[command(flatten)]
    server: ServerArguments,
}

impl CollectionArgument {
    /// Returns where the collection is, with the key of its server.
    pub(crate) fn location(&self) -> Location {
        self.server.with_key(&self.collection)
    }

    /// Returns another location, with the same key.
    pub(crate) fn with_key(&self, other: &Location) -> Location {
        self.server.with_key(other)
    }
}

/// Options for a Qdrant server.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ServerArguments {
    /// API key of the Qdrant server; sent to other machines over encrypted connections only.
    #[arg(
        long,
        env = "NOCTURNE_QDRANT_API_KEY",
        hide_env_values = true,
        value_name = "KEY",
        help_heading = "Qdrant",
        value_parser = clap::builder::StringValueParser::new().map(ApiKey::new)
    )]
    api_key: Option<ApiKey>,
}

impl ServerArguments {
    /// Returns a location with the key.
    pub(crate) fn with_key(&self, location: &Location) -> Location {
        location.clone().with_api_key(self.api_key.clone())
    }
}

/// How long to wait for a Qdrant server after writing to it.
#[derive(Debug, Clone, Args)]
pub(crate) struct WaitArguments {
    /// Maximum time in seconds to wait for the server to finish its HNSW index; searches work in the meantime.
    #[arg(long, value_name = "SECONDS", default_value_t = 600, help_heading = "Qdrant")]
    wait: u32,
    /// Exit without waiting for the server's HNSW index.
    #[arg(long, help_heading = "Qdrant", conflicts_with = "wait")]
    no_wait: bool,
}

impl WaitArguments {
    /// Returns the longest time to wait, or `None` if the command does not wait.
    pub(crate) fn at_most(&self) -> Option<Duration> {
        (!self.no_wait).then(|| Duration::from_secs(self.wait.into()))
    }
}
