//! What only a folder does: locks, files that are deleted, a pointer file that can be damaged, and readers in one process.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use nocturne_index::storage::{Folder, Storage};
use nocturne_index::{
    CollectionReader, Error, FolderReader, FolderSpaces, FolderWriter, RequiredCoverage,
    ServingPointer, SpaceName, Spaces,
};

use super::stores::{FolderStore, TestStore};
use super::{checked_space, create_equal_spaces, fill, large, name, record};
use crate::support::space;

#[test]
fn each_space_has_a_lock_and_a_writer_of_the_served_one_delays_the_promotion() {
    let store = FolderStore::new();
    let spaces = create_equal_spaces(&store);
    let writer = store.writer(&space()).unwrap();
    let other = spaces.writer(&name("v2")).unwrap();
    let error = spaces.promote(&name("v2"), RequiredCoverage::Any).unwrap_err();
    assert!(matches!(error, Error::Locked { .. }), "{error}");
    drop(writer);
    // The writer of the promoted space continues in it.
    spaces.promote(&name("v2"), RequiredCoverage::Complete).unwrap();
    let error = FolderWriter::open_in(store.0.clone(), &large()).unwrap_err();
    assert!(matches!(error, Error::Locked { .. }), "{error}");
    drop(other);
}

#[test]
fn dropped_space_leaves_no_file() {
    let store = FolderStore::new();
    let spaces = create_equal_spaces(&store);
    let has = |prefix: &str| store.0.files().iter().any(|file| file.starts_with(prefix));
    spaces.promote(&name("v2"), RequiredCoverage::Complete).unwrap();
    spaces.remove(&SpaceName::main()).unwrap();
    assert!(!has("segments/") && has("spaces/"));
    fill(&*spaces, "main", &[("a", 1), ("b", 2)]);
    spaces.promote(&SpaceName::main(), RequiredCoverage::Complete).unwrap();
    spaces.remove(&name("v2")).unwrap();
    assert!(!has("spaces/"));
}

#[test]
fn damaged_pointer_and_one_of_another_format_are_named() {
    let store = FolderStore::new();
    let spaces = create_equal_spaces(&store);
    spaces.promote(&name("v2"), RequiredCoverage::Complete).unwrap();
    store.0.tamper("serving.jsonl", |bytes| bytes[20] ^= 1);
    let error = store.open().unwrap_err();
    assert!(error.to_string().starts_with("`simulated/serving.jsonl` is damaged at byte 0: "));
    // A sealed file of another format, as another build would write it.
    let line = "{\"format\":2,\"number\":1,\"space\":\"v2\",\"elsewhere\":true}\n";
    let checksum = xxhash_rust::xxh3::xxh3_128(line.as_bytes());
    let other = format!("{line}{{\"xxh3\":\"{checksum:032x}\"}}\n");
    store.0.tamper("serving.jsonl", |bytes| *bytes = other.into_bytes());
    let error = store.open().unwrap_err();
    assert!(matches!(error, Error::Format { found: 2, .. }), "{error}");
}

#[test]
fn readers_see_one_whole_space_while_promotions_follow_each_other() {
    let folder = tempfile::tempdir().unwrap();
    let root: Arc<dyn Storage> = Arc::new(Folder::at(folder.path().join("collection")));
    drop(FolderWriter::create_in(Arc::clone(&root), &space()).unwrap());
    let spaces = FolderSpaces::of_storage(Arc::clone(&root));
    spaces.create(&record("v2", large())).unwrap();
    for space_name in ["main", "v2"] {
        fill(&spaces, space_name, &[("a", 1), ("b", 2)]);
    }
    let is_over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let readers = [0, 1].map(|_| {
            scope.spawn(|| {
                let mut seen = BTreeMap::new();
                let mut reader = FolderReader::open_in(Arc::clone(&root)).unwrap();
                while !is_over.load(Ordering::SeqCst) {
                    *seen.entry(checked_space(&reader)).or_insert(0) += 1;
                    if !reader.is_served().unwrap() {
                        reader = FolderReader::open_in(Arc::clone(&root)).unwrap();
                    }
                }
                seen
            })
        });
        for _ in 0..100 {
            spaces.promote(&name("v2"), RequiredCoverage::Complete).unwrap();
            spaces.roll_back().unwrap();
        }
        is_over.store(true, Ordering::SeqCst);
        for reader in readers {
            let seen = reader.join().unwrap();
            assert!(seen.values().sum::<u32>() > 0, "{seen:?}");
        }
    });
    assert_eq!(spaces.serving().unwrap().number, 200);
}
