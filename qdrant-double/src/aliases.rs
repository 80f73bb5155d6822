//! Aliases of collections, with the rules of Qdrant 1.19.

use qdrant_client::qdrant::alias_operations::Action;
use qdrant_client::qdrant::{
    AliasDescription, ChangeAliases, CreateAlias, DeleteAlias, RenameAlias,
};
use tonic::Status;

use crate::store::{Store, missing};

impl Store {
    /// Executes the actions one by one; if one is refused, those before it stay done.
    pub(crate) fn change_aliases(&mut self, request: ChangeAliases) -> Result<(), Status> {
        for action in request.actions.into_iter().filter_map(|it| it.action) {
            match action {
                Action::CreateAlias(CreateAlias { collection_name, alias_name }) => {
                    // An alias of an alias is not allowed.
                    if !self.collections.contains_key(&collection_name) {
                        return Err(missing(&collection_name));
                    }
                    if self.collections.contains_key(&alias_name) {
                        return Err(Status::already_exists(format!(
                            "Wrong input: Collection `{alias_name}` already exists!"
                        )));
                    }
                    self.aliases.insert(alias_name, collection_name);
                }
                Action::DeleteAlias(DeleteAlias { alias_name }) => {
                    self.aliases.remove(&alias_name);
                }
                Action::RenameAlias(RenameAlias { old_alias_name, new_alias_name }) => {
                    let Some(collection) = self.aliases.remove(&old_alias_name) else {
                        return Err(Status::not_found(format!(
                            "Not found: Alias {old_alias_name} does not exists!"
                        )));
                    };
                    self.aliases.insert(new_alias_name, collection);
                }
            }
        }
        Ok(())
    }

    /// Returns the aliases of a collection, or all of them for `None`.
    pub(crate) fn list_aliases(&self, collection: Option<&str>) -> Vec<AliasDescription> {
        let listed =
            self.aliases.iter().filter(|(_, it)| collection.is_none_or(|name| name == it.as_str()));
        let described = listed.map(|(alias_name, collection_name)| AliasDescription {
            alias_name: alias_name.clone(),
            collection_name: collection_name.clone(),
        });
        described.collect()
    }

    /// Deletes a collection and its aliases, and returns whether it existed. An alias is not a collection.
    pub(crate) fn delete_collection(&mut self, name: &str) -> bool {
        self.aliases.retain(|_, collection| collection != name);
        self.collections.remove(name).is_some()
    }

    /// Returns whether there is a collection or an alias of that name.
    pub(crate) fn exists(&self, name: &str) -> bool {
        self.collections.contains_key(self.resolve(name))
    }

    /// Returns the name of the collection that a name or an alias refers to.
    pub(crate) fn resolve<'a>(&'a self, name: &'a str) -> &'a str {
        self.aliases.get(name).map_or(name, String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use qdrant_client::qdrant::AliasOperations;
    use tonic::Code;

    use super::*;
    use crate::StoredCollection;

    fn store() -> Store {
        let names = ["a", "b"].map(|name| (name.to_owned(), StoredCollection::default()));
        Store { collections: names.into(), ..Store::default() }
    }

    fn create(alias: &str, collection: &str) -> Action {
        let (alias_name, collection_name) = (alias.to_owned(), collection.to_owned());
        Action::CreateAlias(CreateAlias { collection_name, alias_name })
    }

    fn change(store: &mut Store, actions: impl IntoIterator<Item = Action>) -> Result<(), Code> {
        let actions = actions.into_iter();
        let actions = actions.map(|action| AliasOperations { action: Some(action) }).collect();
        let changed = store.change_aliases(ChangeAliases { actions, timeout: None });
        changed.map_err(|status| status.code())
    }

    #[test]
    fn aliases_can_be_moved_and_are_deleted_with_their_collection() {
        let mut store = store();
        change(&mut store, [create("x", "a"), create("y", "a"), create("x", "b")]).unwrap();
        assert_eq!((store.resolve("x"), store.resolve("y"), store.resolve("a")), ("b", "a", "a"));
        assert!(!store.delete_collection("x"), "an alias is not a collection");
        assert!(store.delete_collection("a"));
        assert!(store.exists("x") && !store.exists("y"));
    }

    #[test]
    fn actions_before_a_refused_one_stay_done() {
        let mut store = store();
        let refused = change(&mut store, [create("x", "a"), create("b", "a"), create("y", "a")]);
        assert_eq!(refused, Err(Code::AlreadyExists));
        assert!(store.exists("x") && !store.exists("y"));
        assert_eq!(change(&mut store, [create("z", "x")]), Err(Code::NotFound));
    }
}
