//! What the server stores: collections by name.

use std::collections::BTreeMap;

use qdrant_client::qdrant::vectors_config::Config;
use qdrant_client::qdrant::{CreateCollection, Distance};
use tonic::Status;

use crate::collection::StoredCollection;

/// Everything that a server stores.
#[derive(Debug, Clone, PartialEq)]
pub struct Store {
    /// The collections by name.
    pub collections: BTreeMap<String, StoredCollection>,
    /// Names of collections by alias.
    pub aliases: BTreeMap<String, String>,
    /// The version that the server reports.
    pub version: String,
}

impl Default for Store {
    fn default() -> Self {
        Self {
            collections: BTreeMap::new(),
            aliases: BTreeMap::new(),
            version: "1.20.0".to_owned(),
        }
    }
}

impl Store {
    /// Creates a collection with named dense vectors under the dot product; other kinds are not supported.
    pub(crate) fn create(&mut self, request: CreateCollection) -> Result<(), Status> {
        let name = request.collection_name;
        if self.collections.contains_key(&name) {
            return Err(Status::already_exists(format!("Collection `{name}` already exists!")));
        }
        if self.aliases.contains_key(&name) {
            return Err(Status::invalid_argument(format!(
                "Wrong input: Can't create collection with name {name}. Alias with the same name already exists"
            )));
        }
        let Some(Config::ParamsMap(params)) = request.vectors_config.and_then(|it| it.config)
        else {
            return Err(Status::unimplemented("unnamed vectors"));
        };
        if params.map.values().any(|params| params.distance() != Distance::Dot) {
            return Err(Status::unimplemented("distances other than `Dot`"));
        }
        let dims = params.map.into_iter().map(|(name, params)| (name, params.size as usize));
        let collection = StoredCollection { dims: dims.collect(), ..StoredCollection::default() };
        self.collections.insert(name, collection);
        Ok(())
    }

    /// Returns the collection of a name or an alias.
    pub(crate) fn get(&mut self, name: &str) -> Result<&mut StoredCollection, Status> {
        let name = self.resolve(name).to_owned();
        self.collections.get_mut(&name).ok_or_else(|| missing(&name))
    }
}

/// Returns the error for a collection that does not exist.
pub(crate) fn missing(name: &str) -> Status {
    Status::not_found(format!("Not found: Collection `{name}` doesn't exist!"))
}
