//! Copies of a collection with all its spaces: between folders, and from and to Qdrant.

use std::sync::Arc;

use nocturne_index::storage::{CrashImage, Fault, Simulated};
use nocturne_index::{CollectionCopy, Error, ExistingCopy, RequiredCoverage, copy_collection};

use super::stores::{FolderStore, QdrantStore, TestStore, on_each_store};
use super::{checked_space, create_equal_spaces, large, name, names, record};
use crate::support::space_of;

on_each_store!(
    copy_has_every_space_and_the_pointer,
    copy_is_updated_with_spaces_that_came_and_went,
);

/// Creates a collection of which `v2` is served.
fn promoted(store: &dyn TestStore) {
    let spaces = create_equal_spaces(store);
    spaces.promote(&name("v2"), RequiredCoverage::Complete).unwrap();
}

fn copy(
    from: &dyn TestStore,
    to: &dyn TestStore,
    existing: ExistingCopy,
) -> Result<CollectionCopy, Error> {
    copy_collection(&*from.spaces(), &*to.spaces(), existing)
}

/// Checks that a copy has both spaces of the original, and serves the same one.
#[track_caller]
fn check_copy(copy: &dyn TestStore, original: &dyn TestStore) {
    let spaces = copy.spaces();
    assert_eq!(names(&*spaces), ["main", "v2"]);
    assert_eq!(spaces.serving().unwrap(), original.spaces().serving().unwrap());
    assert_eq!(spaces.record(&name("v2")).unwrap(), Some(record("v2", large())));
    for space_name in ["main", "v2"] {
        let (copied, expected) = (
            spaces.reader(&name(space_name)).unwrap(),
            original.spaces().reader(&name(space_name)).unwrap(),
        );
        assert_eq!(checked_space(&*copied), space_name);
        // Entries name segments by the hash of their bytes.
        assert_eq!(copied.entries(), expected.entries());
    }
}

fn copy_has_every_space_and_the_pointer(original: &dyn TestStore) {
    promoted(original);
    let targets: [Box<dyn TestStore>; 2] =
        [Box::new(FolderStore::new()), Box::new(QdrantStore::new())];
    for target in targets {
        let made = copy(original, &*target, ExistingCopy::Refuse).unwrap();
        assert_eq!((made.served, made.report.n_recordings), (name("v2"), 2));
        assert_eq!((made.report.n_written, made.others.len()), (4, 1));
        check_copy(&*target, original);
        let error = copy(original, &*target, ExistingCopy::Refuse).unwrap_err();
        assert!(matches!(error, Error::AlreadyACollection { .. }), "{error}");
        // And back again.
        let back = FolderStore::new();
        copy(&*target, &back, ExistingCopy::Refuse).unwrap();
        check_copy(&back, original);
    }
}

fn copy_is_updated_with_spaces_that_came_and_went(original: &dyn TestStore) {
    let spaces = create_equal_spaces(original);
    let target = FolderStore::new();
    copy(original, &target, ExistingCopy::Refuse).unwrap();
    assert_eq!(checked_space(&*target.open().unwrap()), "main");
    spaces.promote(&name("v2"), RequiredCoverage::Complete).unwrap();
    spaces.create(&record("v3", space_of("third", 8))).unwrap();
    let made = copy(original, &target, ExistingCopy::Update).unwrap();
    assert_eq!((made.served, made.report.n_written), (name("v2"), 0));
    assert_eq!(made.others, [name("main"), name("v3")]);
    assert_eq!(checked_space(&*target.open().unwrap()), "v2");
    spaces.remove(&name("v3")).unwrap();
    copy(original, &target, ExistingCopy::Update).unwrap();
    assert_eq!(names(&*target.spaces()), ["main", "v2"]);
}

#[test]
fn interrupted_copy_into_a_folder_does_not_exist_or_is_whole_and_can_be_repeated() {
    let original = FolderStore::new();
    promoted(&original);
    let n = {
        let target = FolderStore::new();
        copy(&original, &target, ExistingCopy::Refuse).unwrap();
        target.0.operations()
    };
    let images =
        [CrashImage::Durable, CrashImage::Everything, CrashImage::Some(7), CrashImage::Some(8)];
    for operation in 0..n {
        let target = FolderStore(Arc::new(Simulated::default()));
        target.0.set_fault(Fault::From(operation));
        let is_done = copy(&original, &target, ExistingCopy::Refuse).is_ok();
        for image in images {
            let found = FolderStore(Arc::new(target.0.crash(image)));
            match found.open() {
                Ok(collection) => {
                    assert_eq!(checked_space(&*collection), "v2");
                    check_copy(&found, &original);
                }
                Err(Error::NotACollection { .. }) => {
                    assert!(!is_done);
                    copy(&original, &found, ExistingCopy::Refuse).unwrap();
                    check_copy(&found, &original);
                }
                Err(error) => panic!("{operation}, {image:?}: {error}"),
            }
        }
    }
}
