//! Several spaces in one collection: exactly one is served, whatever fails.

use std::collections::BTreeMap;
use std::sync::Arc;

use nocturne_encoder::bundle::TokenizerSpec;
use nocturne_index::storage::{CrashImage, Fault, Folder, Simulated, Storage};
use nocturne_index::{
    Collection, CollectionWriter, Coverage, Demand, EmbeddingSpace, Error, Existing,
    RecordingDraft, SpaceName, SpaceRecord, Spaces, StoredFile,
};

use crate::support::{assert_stored, draft, id, space, space_of};

const IMAGES: [CrashImage; 4] =
    [CrashImage::Durable, CrashImage::Everything, CrashImage::Some(7), CrashImage::Some(8)];

fn name(text: &str) -> SpaceName {
    SpaceName::new(text).unwrap()
}

/// The space of the bundle that fills `v2`.
fn large() -> EmbeddingSpace {
    space_of("large", 8)
}

fn record(space_name: &str, space: EmbeddingSpace) -> SpaceRecord {
    SpaceRecord {
        name: name(space_name),
        made: Some("2026-03-01T22:58:30Z".parse().unwrap()),
        bundle_folder: "/bundles/large".into(),
        space,
        tokenizer: TokenizerSpec {
            kind: "clip-bpe".to_owned(),
            context: 256,
            vocabulary_size: 49408,
        },
        vocabulary_sha256: "00".repeat(32),
    }
}

/// A recording embedded by the bundle of a space: the same source in each space, with different vectors.
fn embedded(space_name: &str, night: &str, seed: u64) -> RecordingDraft {
    let mut draft = draft(night, if space_name == "main" { seed } else { seed + 1000 }, 4);
    draft.annotations_sha256 = Some(format!("{seed:064x}"));
    draft
}

/// Commits nights `a` and `b` to `main`, and these nights to a new space `v2`.
fn filled_in(storage: Arc<dyn Storage>, nights: &[(&str, u64)]) -> Spaces {
    let mut writer = CollectionWriter::create_in(Arc::clone(&storage), &space()).unwrap();
    for (night, seed) in [("a", 1), ("b", 2)] {
        writer.commit(embedded("main", night, seed)).unwrap();
    }
    drop(writer);
    let spaces = Spaces::of_storage(storage);
    spaces.create(&record("v2", large())).unwrap();
    let mut writer = spaces.writer(&name("v2")).unwrap();
    for (night, seed) in nights {
        writer.commit(embedded("v2", night, *seed)).unwrap();
    }
    spaces
}

fn filled(nights: &[(&str, u64)]) -> (Arc<Simulated>, Spaces) {
    let storage = Arc::new(Simulated::default());
    (storage.clone(), filled_in(storage, nights))
}

/// Checks that a snapshot has both nights of its space, and returns the name of the space.
#[track_caller]
fn served(collection: &Collection) -> &'static str {
    let (space_name, expected) = match collection.space_name().as_str() {
        "main" => ("main", space()),
        "v2" => ("v2", large()),
        other => panic!("unexpected space `{other}`"),
    };
    assert_eq!(collection.space(), &expected);
    for (night, seed) in [("a", 1), ("b", 2)] {
        assert_stored(collection, &embedded(space_name, night, seed));
    }
    space_name
}

#[test]
fn promotion_and_rollback_switch_readers_and_writers() {
    let (storage, spaces) = filled(&[("a", 1), ("b", 2)]);
    let reader = Collection::open_in(storage.clone()).unwrap();
    assert_eq!(served(&reader), "main");
    let promoted = spaces.promote(&name("v2"), Demand::Whole).unwrap();
    assert!(promoted.coverage.unwrap().is_whole());
    assert_eq!(promoted.serving.previous, Some(SpaceName::main()));
    // The snapshot does not change; the next one is of the promoted space.
    assert_eq!(served(&reader), "main");
    assert!(!reader.is_served().unwrap());
    let next = reader.refresh().unwrap().unwrap();
    assert_eq!(served(&next), "v2");
    assert!(next.refresh().unwrap().is_none());

    let error = CollectionWriter::open_in(storage.clone(), &space()).unwrap_err();
    assert!(matches!(error, Error::OtherBundle { .. }), "{error}");
    let mut writer = CollectionWriter::open_or_create_in(storage.clone(), &large()).unwrap();
    assert_eq!(writer.space_name(), &name("v2"));
    writer.commit(embedded("v2", "c", 3)).unwrap();
    drop(writer);
    assert!(next.refresh().unwrap().unwrap().entry(&id("c")).is_some());
    assert!(spaces.open(&SpaceName::main()).unwrap().entry(&id("c")).is_none());

    let undone = spaces.roll_back().unwrap();
    assert_eq!(undone.coverage.unwrap().lacking, [id("c")]);
    assert_eq!(served(&next.refresh().unwrap().unwrap()), "main");
    spaces.roll_back().unwrap();
    assert_eq!(served(&Collection::open_in(storage).unwrap()), "v2");
}

#[test]
fn reader_of_a_named_space_stays_in_it() {
    let (_, spaces) = filled(&[("a", 1), ("b", 2)]);
    let main = spaces.open(&SpaceName::main()).unwrap();
    spaces.promote(&name("v2"), Demand::Whole).unwrap();
    assert!(main.is_served().unwrap() && main.refresh().unwrap().is_none());
    spaces.writer(&SpaceName::main()).unwrap().commit(embedded("main", "c", 3)).unwrap();
    let newer = main.refresh().unwrap().unwrap();
    assert_eq!((newer.space(), newer.recordings().len()), (&space(), 3));
}

#[test]
fn promotion_detects_changes_of_the_served_space() {
    let (_, spaces) = filled(&[("a", 1), ("b", 2), ("gone", 9)]);
    let mut writer = spaces.writer(&SpaceName::main()).unwrap();
    writer.commit(embedded("main", "new", 3)).unwrap();
    writer.commit(embedded("main", "b", 4)).unwrap();
    let metadata = BTreeMap::from([("age".to_owned(), "61".to_owned())]);
    writer.set_metadata([(id("a"), metadata)].into()).unwrap();
    drop(writer);
    let [main, v2] = ["main", "v2"].map(|it| spaces.open(&name(it)).unwrap());
    let expected = Coverage {
        n_same: 0,
        lacking: vec![id("new")],
        extra: vec![id("gone")],
        differing: vec![id("a"), id("b")],
        n_epochs_lacking: 4,
        n_epochs_extra: 4,
    };
    assert_eq!(Coverage::of(&main, &v2), expected);
    let error = spaces.promote(&name("v2"), Demand::Whole).unwrap_err();
    let sentence = "the space `v2` differs from `main`: 1 recordings missing, 1 extra, 2 different";
    assert_eq!(error.to_string(), sentence);
    assert_eq!(spaces.serving().unwrap().space, SpaceName::main());
    let promoted = spaces.promote(&name("v2"), Demand::Incomplete).unwrap();
    assert_eq!(promoted.coverage, Some(expected));
    assert_eq!(spaces.serving().unwrap().space, name("v2"));
}

#[test]
fn each_space_has_a_lock_and_a_writer_of_the_served_space_blocks_promotion() {
    let (storage, spaces) = filled(&[("a", 1), ("b", 2)]);
    let writer = CollectionWriter::open_in(storage.clone(), &space()).unwrap();
    let other = spaces.writer(&name("v2")).unwrap();
    let error = spaces.promote(&name("v2"), Demand::Incomplete).unwrap_err();
    assert!(matches!(error, Error::Locked { .. }), "{error}");
    drop(writer);
    // A writer of the promoted space keeps its lock.
    spaces.promote(&name("v2"), Demand::Whole).unwrap();
    let error = CollectionWriter::open_in(storage, &large()).unwrap_err();
    assert!(matches!(error, Error::Locked { .. }), "{error}");
    drop(other);
}

#[test]
fn unknown_served_and_existing_names_are_rejected() {
    let (_, spaces) = filled(&[("a", 1), ("b", 2)]);
    let message = |result: Result<(), Error>| result.unwrap_err().to_string();
    let promote = |it: &str| spaces.promote(&name(it), Demand::Incomplete).map(|_| ());
    assert_eq!(message(promote("v3")), "`simulated` has no space `v3`; it has `main`, `v2`");
    assert_eq!(message(promote("main")), "the space `main` is the one that `simulated` serves");
    let drop_space = |it: &str| spaces.drop(&name(it));
    assert_eq!(message(drop_space("main")), "the space `main` is the one that `simulated` serves");
    let create = |it: &str| spaces.create(&record(it, large()));
    assert_eq!(message(create("v2")), "`simulated` already has a space `v2`");
    assert_eq!(message(create("main")), "`simulated` already has a space `main`");
    let rolled = spaces.roll_back().map(|_| ());
    assert_eq!(message(rolled), "`simulated` has no previously served space to roll back to");
    let nothing = Spaces::of_storage(Arc::new(Simulated::default()));
    let error = nothing.create(&record("v2", large())).unwrap_err();
    assert!(matches!(error, Error::NotACollection { .. }), "{error}");
}

/// Runs `act` on storage that fails at one operation or from it on, for every operation, and calls `check` with each state
/// that a crash may leave then, and whether `act` succeeded.
fn check_interrupted(
    make: impl Fn() -> (Arc<Simulated>, Spaces),
    act: impl Fn(&Spaces) -> Result<(), Error>,
    check: impl Fn(&Arc<Simulated>, bool),
) {
    let (storage, spaces) = make();
    storage.set_fault(Fault::None);
    act(&spaces).unwrap();
    let n = storage.operations();
    assert!(n > 3, "{n} operations");
    for operation in 0..n {
        for fault in [Fault::From(operation), Fault::At(operation)] {
            let (storage, spaces) = make();
            storage.set_fault(fault);
            let is_done = act(&spaces).is_ok();
            for image in IMAGES {
                check(&Arc::new(storage.crash(image)), is_done);
            }
        }
    }
}

#[test]
fn interrupted_promotion_serves_the_old_space_or_the_new() {
    let mut counts = BTreeMap::new();
    let counts = std::cell::RefCell::new(&mut counts);
    check_interrupted(
        || filled(&[("a", 1), ("b", 2)]),
        |spaces| spaces.promote(&name("v2"), Demand::Whole).map(|_| ()),
        |found, is_done| {
            let space_name = served(&Collection::open_in(found.clone()).unwrap());
            assert!(space_name == "v2" || !is_done);
            *counts.borrow_mut().entry((space_name, is_done)).or_insert(0) += 1;
            // In either state, the space can be promoted and rolled back.
            let spaces = Spaces::of_storage(found.clone());
            if space_name == "main" {
                spaces.promote(&name("v2"), Demand::Whole).unwrap();
            }
            assert_eq!(spaces.roll_back().unwrap().serving.space, SpaceName::main());
        },
    );
    let states: Vec<_> = counts.into_inner().keys().copied().collect();
    assert!(states.contains(&("main", false)) && states.contains(&("v2", false)), "{states:?}");
}

#[test]
fn interrupted_rollback_serves_the_old_space_or_the_new() {
    let promoted = || {
        let (storage, spaces) = filled(&[("a", 1), ("b", 2)]);
        spaces.promote(&name("v2"), Demand::Whole).unwrap();
        (storage, spaces)
    };
    check_interrupted(
        promoted,
        |spaces| spaces.roll_back().map(|_| ()),
        |found, is_done| {
            let space_name = served(&Collection::open_in(found.clone()).unwrap());
            assert!(space_name == "main" || !is_done);
        },
    );
}

#[test]
fn interrupted_creation_of_a_space_can_be_repeated() {
    let only_main = || {
        let (storage, spaces) = filled(&[]);
        spaces.drop(&name("v2")).unwrap();
        (storage, spaces)
    };
    check_interrupted(
        only_main,
        |spaces| spaces.create(&record("v2", large())),
        |found, is_done| {
            let spaces = Spaces::of_storage(found.clone());
            assert_eq!(served(&Collection::open_in(found.clone()).unwrap()), "main");
            if spaces.names().unwrap().contains(&name("v2")) {
                assert_eq!(spaces.record(&name("v2")).unwrap(), Some(record("v2", large())));
            } else {
                assert!(!is_done);
                spaces.create(&record("v2", large())).unwrap();
            }
            let v2 = spaces.open(&name("v2")).unwrap();
            assert_eq!((v2.space(), v2.recordings().len()), (&large(), 0));
        },
    );
}

#[test]
fn interrupted_drop_leaves_a_whole_space_or_none() {
    check_interrupted(
        || filled(&[("a", 1), ("b", 2)]),
        |spaces| spaces.drop(&name("v2")),
        |found, is_done| {
            let spaces = Spaces::of_storage(found.clone());
            assert_eq!(served(&Collection::open_in(found.clone()).unwrap()), "main");
            if spaces.names().unwrap().contains(&name("v2")) {
                assert!(!is_done);
                assert_eq!(served(&spaces.open(&name("v2")).unwrap()), "v2");
                spaces.drop(&name("v2")).unwrap();
            }
            spaces.create(&record("v2", large())).unwrap();
            assert_eq!(spaces.open(&name("v2")).unwrap().recordings().len(), 0);
        },
    );
}

#[test]
fn dropped_space_leaves_no_file_and_cannot_be_rolled_back_to() {
    let (storage, spaces) = filled(&[("a", 1), ("b", 2)]);
    spaces.promote(&name("v2"), Demand::Whole).unwrap();
    spaces.drop(&SpaceName::main()).unwrap();
    let error = spaces.roll_back().unwrap_err();
    assert!(matches!(error, Error::NothingToRollBack { .. }), "{error}");
    assert!(!storage.files().iter().any(|file| file.starts_with("segments/")));
    assert_eq!(served(&Collection::open_in(storage.clone()).unwrap()), "v2");
    // `main` is in the folder of the collection itself, so it remains, without recordings, and can be filled again.
    assert_eq!(spaces.open(&SpaceName::main()).unwrap().recordings().len(), 0);
    let mut writer = spaces.writer(&SpaceName::main()).unwrap();
    for (night, seed) in [("a", 1), ("b", 2)] {
        writer.commit(embedded("main", night, seed)).unwrap();
    }
    drop(writer);
    spaces.promote(&SpaceName::main(), Demand::Whole).unwrap();
    spaces.drop(&name("v2")).unwrap();
    assert!(!storage.files().iter().any(|file| file.starts_with("spaces/")));
    assert_eq!(spaces.names().unwrap(), [SpaceName::main()]);
}

#[test]
fn reader_detects_a_new_space_of_the_same_name() {
    let (storage, spaces) = filled(&[("a", 1), ("b", 2)]);
    spaces.promote(&name("v2"), Demand::Whole).unwrap();
    let reader = Collection::open_in(storage).unwrap();
    spaces.roll_back().unwrap();
    spaces.drop(&name("v2")).unwrap();
    spaces.create(&record("v2", space_of("third", 8))).unwrap();
    let mut writer = spaces.writer(&name("v2")).unwrap();
    for (night, seed) in [("a", 11), ("b", 12)] {
        writer.commit(embedded("v2", night, seed)).unwrap();
    }
    assert_eq!(writer.generation(), reader.generation());
    drop(writer);
    spaces.promote(&name("v2"), Demand::Incomplete).unwrap();
    let next = reader.refresh().unwrap().unwrap();
    assert_eq!(next.space(), &space_of("third", 8));
    assert_stored(&next, &embedded("v2", "a", 11));
}

#[test]
fn damaged_pointer_and_pointer_of_a_later_format_are_named() {
    let (storage, spaces) = filled(&[("a", 1), ("b", 2)]);
    spaces.promote(&name("v2"), Demand::Whole).unwrap();
    storage.tamper("serving.jsonl", |bytes| bytes[20] ^= 1);
    let error = Collection::open_in(storage.clone()).unwrap_err();
    assert!(matches!(error, Error::Damaged { file: StoredFile::Note, .. }), "{error}");
    assert!(error.to_string().starts_with("`simulated/serving.jsonl` is damaged at byte 0: "));
    // An intact file of a later format.
    let line = "{\"format\":2,\"number\":1,\"space\":\"v2\",\"elsewhere\":true}\n";
    let checksum = xxhash_rust::xxh3::xxh3_128(line.as_bytes());
    let later = format!("{line}{{\"xxh3\":\"{checksum:032x}\"}}\n");
    storage.tamper("serving.jsonl", |bytes| *bytes = later.into_bytes());
    let error = Collection::open_in(storage).unwrap_err();
    assert!(matches!(error, Error::Format { found: 2, .. }), "{error}");
}

#[test]
fn copy_has_every_space_and_the_pointer_or_is_not_a_collection() {
    let promoted = || {
        let (storage, spaces) = filled(&[("a", 1), ("b", 2)]);
        spaces.promote(&name("v2"), Demand::Whole).unwrap();
        (storage, spaces)
    };
    let copy = |to: &Arc<Simulated>| promoted().1.copy_to(to.clone(), Existing::Refuse);
    let check = |copied: &Arc<Simulated>| {
        let spaces = Spaces::of_storage(copied.clone());
        assert_eq!(spaces.names().unwrap(), [SpaceName::main(), name("v2")]);
        assert_eq!(spaces.serving().unwrap(), promoted().1.serving().unwrap());
        assert_eq!(spaces.record(&name("v2")).unwrap(), Some(record("v2", large())));
        for space_name in ["main", "v2"] {
            assert_eq!(served(&spaces.open(&name(space_name)).unwrap()), space_name);
        }
    };
    let whole = Arc::new(Simulated::default());
    copy(&whole).unwrap();
    check(&whole);
    let error = copy(&whole).unwrap_err();
    assert!(matches!(error, Error::AlreadyACollection { .. }), "{error}");
    whole.set_fault(Fault::None);
    let n = {
        let target = Arc::new(Simulated::default());
        copy(&target).unwrap();
        target.operations()
    };
    for operation in 0..n {
        let target = Arc::new(Simulated::default());
        target.set_fault(Fault::From(operation));
        let is_done = copy(&target).is_ok();
        for image in IMAGES {
            let found = Arc::new(target.crash(image));
            match Collection::open_in(found.clone()) {
                Ok(collection) => {
                    assert_eq!(served(&collection), "v2");
                    check(&found);
                }
                Err(Error::NotACollection { .. }) => {
                    assert!(!is_done);
                    copy(&found).unwrap();
                    check(&found);
                }
                Err(error) => panic!("operation {operation}, {image:?}: {error}"),
            }
        }
    }
}

#[test]
fn copy_follows_created_and_dropped_spaces() {
    let (_, spaces) = filled(&[("a", 1), ("b", 2)]);
    let copy = Arc::new(Simulated::default());
    spaces.copy_to(copy.clone(), Existing::Refuse).unwrap();
    assert_eq!(served(&Collection::open_in(copy.clone()).unwrap()), "main");
    spaces.promote(&name("v2"), Demand::Whole).unwrap();
    spaces.create(&record("v3", space_of("third", 8))).unwrap();
    let copied = spaces.copy_to(copy.clone(), Existing::Replace).unwrap();
    assert_eq!((copied.served.0, copied.served.1.n_written), (name("v2"), 0));
    assert_eq!(copied.others, [SpaceName::main(), name("v3")]);
    assert_eq!(served(&Collection::open_in(copy.clone()).unwrap()), "v2");
    spaces.drop(&name("v3")).unwrap();
    spaces.copy_to(copy.clone(), Existing::Replace).unwrap();
    let names = Spaces::of_storage(copy).names().unwrap();
    assert_eq!(names, [SpaceName::main(), name("v2")]);
}

#[test]
fn readers_always_read_one_whole_space_during_promotions() {
    let folder = tempfile::tempdir().unwrap();
    let root: Arc<dyn Storage> = Arc::new(Folder::at(folder.path().join("collection")));
    let spaces = filled_in(Arc::clone(&root), &[("a", 1), ("b", 2)]);
    let is_over = std::sync::atomic::AtomicBool::new(false);
    let order = std::sync::atomic::Ordering::SeqCst;
    std::thread::scope(|scope| {
        let readers = [0, 1].map(|_| {
            scope.spawn(|| {
                let mut counts = BTreeMap::new();
                let mut collection = Collection::open_in(Arc::clone(&root)).unwrap();
                while !is_over.load(order) {
                    *counts.entry(served(&collection)).or_insert(0) += 1;
                    if let Some(next) = collection.refresh().unwrap() {
                        collection = next;
                    }
                    served(&Collection::open_in(Arc::clone(&root)).unwrap());
                }
                counts
            })
        });
        for _ in 0..100 {
            spaces.promote(&name("v2"), Demand::Whole).unwrap();
            spaces.roll_back().unwrap();
        }
        is_over.store(true, order);
        for reader in readers {
            let counts = reader.join().unwrap();
            assert!(counts.values().sum::<u32>() > 0, "{counts:?}");
        }
    });
    assert_eq!(spaces.serving().unwrap().number, 200);
}
