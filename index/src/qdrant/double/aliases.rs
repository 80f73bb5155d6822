//! Other names of collections, as Qdrant 1.19 has them.

use qdrant_client::qdrant::alias_operations::Action;
use qdrant_client::qdrant::{
    AliasDescription, ChangeAliases, CreateAlias, DeleteAlias, RenameAlias,
};
use tonic::Status;

use super::store::{Store, missing};

impl Store {
    /// Changes aliases one by one; one that is refused leaves those before it changed.
    pub(super) fn change_aliases(&mut self, request: ChangeAliases) -> Result<(), Status> {
        for action in request.actions.into_iter().filter_map(|it| it.action) {
            match action {
                Action::CreateAlias(CreateAlias { collection_name, alias_name }) => {
                    // An alias of an alias there is none.
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

    /// Returns the aliases, of one collection where it is named.
    pub(super) fn list_aliases(&self, of: Option<&str>) -> Vec<AliasDescription> {
        let wanted = self.aliases.iter().filter(|(_, it)| of.is_none_or(|of| of == it.as_str()));
        let described = wanted.map(|(alias_name, collection_name)| AliasDescription {
            alias_name: alias_name.clone(),
            collection_name: collection_name.clone(),
        });
        described.collect()
    }

    /// Deletes a collection with the aliases of it, and returns whether it was there; an alias is none.
    pub(super) fn delete_collection(&mut self, name: &str) -> bool {
        self.aliases.retain(|_, collection| collection != name);
        self.collections.remove(name).is_some()
    }

    /// Returns whether there is a collection of a name, or an alias that leads to one.
    pub(super) fn exists(&self, name: &str) -> bool {
        self.collections.contains_key(self.resolve(name))
    }

    /// Returns the name of the collection that a name leads to.
    pub(super) fn resolve<'a>(&'a self, name: &'a str) -> &'a str {
        self.aliases.get(name).map_or(name, String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use qdrant_client::qdrant::AliasOperations;
    use tonic::Code;

    use super::*;
    use crate::qdrant::double::StoredCollection;

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
    fn aliases_are_moved_and_go_with_their_collection() {
        let mut store = store();
        change(&mut store, [create("x", "a"), create("y", "a"), create("x", "b")]).unwrap();
        assert_eq!((store.resolve("x"), store.resolve("y"), store.resolve("a")), ("b", "a", "a"));
        assert!(!store.delete_collection("x"), "an alias is no collection");
        assert!(store.delete_collection("a"));
        assert!(store.exists("x") && !store.exists("y"));
    }

    #[test]
    fn refused_action_leaves_those_before_it_done() {
        let mut store = store();
        let refused = change(&mut store, [create("x", "a"), create("b", "a"), create("y", "a")]);
        assert_eq!(refused, Err(Code::AlreadyExists));
        assert!(store.exists("x") && !store.exists("y"));
        assert_eq!(change(&mut store, [create("z", "x")]), Err(Code::NotFound));
    }
}
