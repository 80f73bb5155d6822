//! Whatever fails while spaces are created, promoted, rolled back and dropped, one whole space is served.

use std::cell::RefCell;
use std::collections::BTreeSet;

use nocturne_index::{Error, RequiredCoverage, SpaceName, Spaces};

use super::stores::{TestStore, on_each_store};
use super::{checked_space, create_equal_spaces, large, name, names, record};

on_each_store!(
    interrupted_promotion_serves_the_previous_space_or_the_new_one,
    interrupted_rollback_serves_the_previous_space_or_the_new_one,
    interrupted_creation_leaves_no_space_or_a_whole_one_and_can_be_repeated,
    interrupted_drop_leaves_a_whole_space_or_none_and_can_be_repeated,
);

/// Promotes the space that is not served, and rolls that back.
fn promote_other_and_roll_back(spaces: &dyn Spaces, served: &str) {
    let other = if served == "main" { "v2" } else { "main" };
    spaces.promote(&name(other), RequiredCoverage::Complete).unwrap();
    assert_eq!(spaces.serving().unwrap().space, name(other));
    assert_eq!(spaces.roll_back().unwrap().serving.space, name(served));
}

fn interrupted_promotion_serves_the_previous_space_or_the_new_one(store: &dyn TestStore) {
    let seen = RefCell::new(BTreeSet::new());
    store.interrupt(
        &|store| drop(create_equal_spaces(store)),
        &|spaces| spaces.promote(&name("v2"), RequiredCoverage::Complete).map(drop),
        &|found, is_done| {
            let served = checked_space(&*found.open().unwrap());
            assert!(served == "v2" || !is_done);
            seen.borrow_mut().insert((served, is_done));
            promote_other_and_roll_back(&*found.spaces(), served);
        },
    );
    let seen = seen.into_inner();
    assert!(seen.contains(&("main", false)) && seen.contains(&("v2", false)), "{seen:?}");
}

fn interrupted_rollback_serves_the_previous_space_or_the_new_one(store: &dyn TestStore) {
    let seen = RefCell::new(BTreeSet::new());
    store.interrupt(
        &|store| {
            let spaces = create_equal_spaces(store);
            spaces.promote(&name("v2"), RequiredCoverage::Complete).unwrap();
        },
        &|spaces| spaces.roll_back().map(drop),
        &|found, is_done| {
            let served = checked_space(&*found.open().unwrap());
            assert!(served == "main" || !is_done);
            seen.borrow_mut().insert((served, is_done));
            promote_other_and_roll_back(&*found.spaces(), served);
        },
    );
    let seen = seen.into_inner();
    assert!(seen.contains(&("main", false)) && seen.contains(&("v2", false)), "{seen:?}");
}

fn interrupted_creation_leaves_no_space_or_a_whole_one_and_can_be_repeated(store: &dyn TestStore) {
    store.interrupt(
        &|store| create_equal_spaces(store).remove(&name("v2")).unwrap(),
        &|spaces| spaces.create(&record("v2", large())),
        &|found, is_done| {
            let spaces = found.spaces();
            assert_eq!(checked_space(&*found.open().unwrap()), "main");
            if names(&*spaces) == ["main"] {
                assert!(!is_done);
                spaces.create(&record("v2", large())).unwrap();
            }
            assert_eq!(spaces.record(&name("v2")).unwrap(), Some(record("v2", large())));
            let v2 = spaces.reader(&name("v2")).unwrap();
            assert_eq!((v2.space(), v2.entries().len()), (&large(), 0));
        },
    );
}

fn interrupted_drop_leaves_a_whole_space_or_none_and_can_be_repeated(store: &dyn TestStore) {
    store.interrupt(
        &|store| drop(create_equal_spaces(store)),
        &|spaces| spaces.remove(&name("v2")),
        &|found, is_done| {
            let spaces = found.spaces();
            assert_eq!(checked_space(&*found.open().unwrap()), "main");
            if names(&*spaces).contains(&"v2".to_owned()) {
                assert!(!is_done);
                assert_eq!(checked_space(&*spaces.reader(&name("v2")).unwrap()), "v2");
            }
            match spaces.remove(&name("v2")) {
                Ok(()) | Err(Error::UnknownSpace { .. }) => {}
                Err(error) => panic!("dropping again: {error}"),
            }
            assert_eq!(spaces.names().unwrap(), [SpaceName::main()]);
            spaces.create(&record("v2", large())).unwrap();
            assert_eq!(spaces.reader(&name("v2")).unwrap().entries().len(), 0);
        },
    );
}
