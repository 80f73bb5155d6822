//! A promotion leads new readers and writers to another space, in one step, and can be rolled back.

use std::collections::BTreeMap;

use nocturne_index::{Coverage, Error, RequiredCoverage, Serving, SpaceName};

use super::stores::{TestStore, on_each_store};
use super::{
    checked_space, create_equal_spaces, create_two_spaces, embedded, fill, large, name, names,
    record,
};
use crate::support::{assert_stored, id, space, space_of};

on_each_store!(
    promotion_leads_readers_and_writers_to_another_space_and_back,
    space_opened_by_name_is_not_left,
    promotion_notices_changes_of_the_served_space,
    unknown_served_and_existing_names_are_refused,
    commands_on_a_missing_collection_are_refused,
    dropped_space_cannot_be_rolled_back_to_and_main_can_be_filled_again,
    reader_notices_another_space_under_the_same_name,
);

fn promotion_leads_readers_and_writers_to_another_space_and_back(store: &dyn TestStore) {
    let spaces = create_equal_spaces(store);
    let reader = store.open().unwrap();
    assert_eq!(checked_space(&*reader), "main");
    let promotion = spaces.promote(&name("v2"), RequiredCoverage::Complete).unwrap();
    assert!(promotion.coverage.unwrap().is_complete());
    let expected = Serving { number: 1, space: name("v2"), previous: Some(SpaceName::main()) };
    assert_eq!((&promotion.serving, &spaces.serving().unwrap()), (&expected, &expected));
    // An open reader stays in its space; the next one is in the other.
    assert_eq!(checked_space(&*reader), "main");
    assert!(!reader.is_served().unwrap() && reader.refresh().unwrap().is_none());
    let reader = store.open().unwrap();
    assert_eq!(checked_space(&*reader), "v2");
    assert!(reader.is_served().unwrap() && reader.refresh().unwrap().is_none());

    let error = store.writer(&space()).unwrap_err();
    assert!(matches!(error, Error::OtherBundle { .. }), "{error}");
    let mut writer = store.writer(&large()).unwrap();
    assert_eq!(writer.space_name(), name("v2"));
    writer.commit(embedded("v2", "c", 3)).unwrap();
    drop(writer);
    assert!(reader.refresh().unwrap().unwrap().entry(&id("c")).is_some());
    assert!(spaces.reader(&SpaceName::main()).unwrap().entry(&id("c")).is_none());

    let rollback = spaces.roll_back().unwrap();
    assert_eq!(rollback.coverage.unwrap().missing, [id("c")]);
    assert_eq!(checked_space(&*store.open().unwrap()), "main");
    assert!(!reader.is_served().unwrap());
    spaces.roll_back().unwrap();
    assert_eq!(checked_space(&*store.open().unwrap()), "v2");
    assert_eq!(spaces.serving().unwrap().number, 3);
    assert_eq!(names(&*spaces), ["main", "v2"]);
    spaces.roll_back().unwrap();
    spaces.remove(&name("v2")).unwrap();
    assert_eq!(names(&*spaces), ["main"]);
    assert_eq!(checked_space(&*store.open().unwrap()), "main");
}

fn space_opened_by_name_is_not_left(store: &dyn TestStore) {
    let spaces = create_equal_spaces(store);
    let main = spaces.reader(&SpaceName::main()).unwrap();
    spaces.promote(&name("v2"), RequiredCoverage::Complete).unwrap();
    assert!(main.is_served().unwrap() && main.refresh().unwrap().is_none());
    fill(&*spaces, "main", &[("c", 3)]);
    let newer = main.refresh().unwrap().unwrap();
    assert_eq!((newer.space(), newer.entries().len()), (&space(), 3));
}

fn promotion_notices_changes_of_the_served_space(store: &dyn TestStore) {
    let spaces = create_two_spaces(store, &[("a", 1), ("b", 2), ("extra", 9)]);
    fill(&*spaces, "main", &[("new", 3), ("b", 4)]);
    let metadata = BTreeMap::from([("age".to_owned(), "61".to_owned())]);
    let mut writer = spaces.writer(&SpaceName::main()).unwrap();
    writer.set_metadata([(id("a"), metadata)].into()).unwrap();
    drop(writer);
    let [main, v2] = ["main", "v2"].map(|it| spaces.reader(&name(it)).unwrap());
    let expected = Coverage {
        n_same: 0,
        missing: vec![id("new")],
        extra: vec![id("extra")],
        changed: vec![id("a"), id("b")],
        n_epochs_missing: 4,
        n_epochs_extra: 4,
    };
    assert_eq!(Coverage::of(&*main, &*v2), expected);
    let error = spaces.promote(&name("v2"), RequiredCoverage::Complete).unwrap_err();
    let message = "the space `v2` differs from `main`: 1 recordings missing, 1 extra, 2 changed";
    assert_eq!(error.to_string(), message);
    let unchanged = Serving { number: 0, space: SpaceName::main(), previous: None };
    assert_eq!(spaces.serving().unwrap(), unchanged);
    let promotion = spaces.promote(&name("v2"), RequiredCoverage::Any).unwrap();
    assert_eq!(promotion.coverage, Some(expected));
    assert_eq!(spaces.serving().unwrap().space, name("v2"));
}

fn unknown_served_and_existing_names_are_refused(store: &dyn TestStore) {
    let spaces = create_equal_spaces(store);
    let location = spaces.location();
    let message = |result: Result<(), Error>| result.unwrap_err().to_string();
    let promote = |it: &str| spaces.promote(&name(it), RequiredCoverage::Any).map(drop);
    let unknown = format!("`{location}` has no space `v3`; it has `main`, `v2`");
    let served = format!("the space `main` is the one that `{location}` serves");
    let exists = |it: &str| format!("`{location}` already has a space `{it}`");
    assert_eq!(message(promote("v3")), unknown);
    assert_eq!(message(promote("main")), served);
    assert_eq!(message(spaces.remove(&name("main"))), served);
    assert_eq!(message(spaces.remove(&name("v3"))), unknown);
    assert_eq!(message(spaces.reader(&name("v3")).map(drop)), unknown);
    assert_eq!(message(spaces.writer(&name("v3")).map(drop)), unknown);
    for existing in ["main", "v2"] {
        assert_eq!(message(spaces.create(&record(existing, large()))), exists(existing));
    }
    let rollback = format!("`{location}` has no previously served space to roll back to");
    assert_eq!(message(spaces.roll_back().map(drop)), rollback);
    assert_eq!(spaces.record(&name("v2")).unwrap(), Some(record("v2", large())));
    assert_eq!(spaces.record(&SpaceName::main()).unwrap(), None);
    spaces.create(&record("first", space())).unwrap();
    assert_eq!(names(&*spaces), ["main", "first", "v2"]);
}

fn commands_on_a_missing_collection_are_refused(store: &dyn TestStore) {
    let spaces = store.spaces();
    for error in [
        store.open().unwrap_err(),
        spaces.names().unwrap_err(),
        spaces.create(&record("v2", large())).unwrap_err(),
        spaces.promote(&name("v2"), RequiredCoverage::Complete).unwrap_err(),
        spaces.remove(&name("v2")).unwrap_err(),
    ] {
        assert!(matches!(error, Error::NotACollection { .. }), "{error}");
    }
}

fn dropped_space_cannot_be_rolled_back_to_and_main_can_be_filled_again(store: &dyn TestStore) {
    let spaces = create_equal_spaces(store);
    spaces.promote(&name("v2"), RequiredCoverage::Complete).unwrap();
    spaces.remove(&SpaceName::main()).unwrap();
    assert_eq!(spaces.serving().unwrap(), Serving { number: 1, space: name("v2"), previous: None });
    let error = spaces.roll_back().unwrap_err();
    assert!(matches!(error, Error::NothingToRollBack { .. }), "{error}");
    assert_eq!(checked_space(&*store.open().unwrap()), "v2");
    // A folder keeps `main`, because its folder is the collection's, without recordings; a server does not.
    match spaces.reader(&SpaceName::main()) {
        Ok(main) => assert_eq!(main.entries().len(), 0),
        Err(_) => spaces.create(&record("main", space())).unwrap(),
    }
    fill(&*spaces, "main", &[("a", 1), ("b", 2)]);
    spaces.promote(&SpaceName::main(), RequiredCoverage::Complete).unwrap();
    spaces.remove(&name("v2")).unwrap();
    assert_eq!(names(&*spaces), ["main"]);
    assert_eq!(checked_space(&*store.open().unwrap()), "main");
}

fn reader_notices_another_space_under_the_same_name(store: &dyn TestStore) {
    let spaces = create_equal_spaces(store);
    spaces.promote(&name("v2"), RequiredCoverage::Complete).unwrap();
    let reader = store.open().unwrap();
    spaces.roll_back().unwrap();
    spaces.remove(&name("v2")).unwrap();
    spaces.create(&record("v2", space_of("third", 8))).unwrap();
    fill(&*spaces, "v2", &[("a", 11), ("b", 12)]);
    spaces.promote(&name("v2"), RequiredCoverage::Any).unwrap();
    assert!(!reader.is_served().unwrap());
    let next = store.open().unwrap();
    assert_eq!((next.space_name(), next.space()), (name("v2"), &space_of("third", 8)));
    assert_stored(&*next, &embedded("v2", "a", 11));
}
