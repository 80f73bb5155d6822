//! Several spaces in one collection, one of which is served, and whatever happens there is always exactly one.

use std::collections::BTreeMap;
use std::sync::Arc;

use nocturne_encoder::bundle::TokenizerSpec;
use nocturne_index::storage::{CrashImage, Fault, Folder, Simulated, Storage};
use nocturne_index::{
    Collection, CollectionWriter, Coverage, Demand, EmbeddingSpace, Error, Existing,
    RecordingDraft, SpaceName, SpaceRecord, Spaces, StoredFile,
};

use crate::support::{assert_kept, draft, id, space, space_of};

const IMAGES: [CrashImage; 4] =
    [CrashImage::Durable, CrashImage::Everything, CrashImage::Some(7), CrashImage::Some(8)];

fn name(text: &str) -> SpaceName {
    SpaceName::new(text).unwrap()
}

/// The space of the bundle that `v2` is filled with.
fn great() -> EmbeddingSpace {
    space_of("great", 8)
}

fn record(space_name: &str, space: EmbeddingSpace) -> SpaceRecord {
    SpaceRecord {
        name: name(space_name),
        made: Some("2026-03-01T22:58:30Z".parse().unwrap()),
        bundle_folder: "/bundles/great".into(),
        space,
        tokenizer: TokenizerSpec {
            kind: "clip-bpe".to_owned(),
            context: 256,
            vocabulary_size: 49408,
        },
        vocabulary_sha256: "00".repeat(32),
    }
}

/// A recording as the bundle of a space sees it: of the same source, with other vectors.
fn seen(space_name: &str, night: &str, seed: u64) -> RecordingDraft {
    let mut draft = draft(night, if space_name == "main" { seed } else { seed + 1000 }, 4);
    draft.annotations_sha256 = Some(format!("{seed:064x}"));
    draft
}

/// Nights `a` and `b` in `main`, and in a space `v2` those that are named.
fn filled_in(storage: Arc<dyn Storage>, nights: &[(&str, u64)]) -> Spaces {
    let mut writer = CollectionWriter::create_in(Arc::clone(&storage), &space()).unwrap();
    for (night, seed) in [("a", 1), ("b", 2)] {
        writer.commit(seen("main", night, seed)).unwrap();
    }
    drop(writer);
    let spaces = Spaces::of_storage(storage);
    spaces.create(&record("v2", great())).unwrap();
    let mut writer = spaces.writer(&name("v2")).unwrap();
    for (night, seed) in nights {
        writer.commit(seen("v2", night, *seed)).unwrap();
    }
    spaces
}

fn filled(nights: &[(&str, u64)]) -> (Arc<Simulated>, Spaces) {
    let storage = Arc::new(Simulated::default());
    (storage.clone(), filled_in(storage, nights))
}

/// Checks that a snapshot is of one space, whole, and returns which.
#[track_caller]
fn served(collection: &Collection) -> &'static str {
    let (space_name, expected) = match collection.space_name().as_str() {
        "main" => ("main", space()),
        "v2" => ("v2", great()),
        other => panic!("nobody made `{other}`"),
    };
    assert_eq!(collection.space(), &expected);
    for (night, seed) in [("a", 1), ("b", 2)] {
        assert_kept(collection, &seen(space_name, night, seed));
    }
    space_name
}

#[test]
fn promotion_leads_readers_and_writers_to_another_space_and_back() {
    let (storage, spaces) = filled(&[("a", 1), ("b", 2)]);
    let reader = Collection::open_in(storage.clone()).unwrap();
    assert_eq!(served(&reader), "main");
    let promoted = spaces.promote(&name("v2"), Demand::Whole).unwrap();
    assert!(promoted.coverage.unwrap().is_whole());
    assert_eq!(promoted.serving.previous, Some(SpaceName::main()));
    // The snapshot stays what it was; the next one is of the other space.
    assert_eq!(served(&reader), "main");
    assert!(!reader.is_served().unwrap());
    let next = reader.refresh().unwrap().unwrap();
    assert_eq!(served(&next), "v2");
    assert!(next.refresh().unwrap().is_none());

    let error = CollectionWriter::open_in(storage.clone(), &space()).unwrap_err();
    assert!(matches!(error, Error::OtherBundle { .. }), "{error}");
    let mut writer = CollectionWriter::open_or_create_in(storage.clone(), &great()).unwrap();
    assert_eq!(writer.space_name(), &name("v2"));
    writer.commit(seen("v2", "c", 3)).unwrap();
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
fn space_that_is_opened_by_name_is_not_left() {
    let (_, spaces) = filled(&[("a", 1), ("b", 2)]);
    let main = spaces.open(&SpaceName::main()).unwrap();
    spaces.promote(&name("v2"), Demand::Whole).unwrap();
    assert!(main.is_served().unwrap() && main.refresh().unwrap().is_none());
    spaces.writer(&SpaceName::main()).unwrap().commit(seen("main", "c", 3)).unwrap();
    let newer = main.refresh().unwrap().unwrap();
    assert_eq!((newer.space(), newer.recordings().len()), (&space(), 3));
}

#[test]
fn promotion_notices_what_was_done_to_the_served_space_since() {
    let (_, spaces) = filled(&[("a", 1), ("b", 2), ("gone", 9)]);
    let mut writer = spaces.writer(&SpaceName::main()).unwrap();
    writer.commit(seen("main", "new", 3)).unwrap();
    writer.commit(seen("main", "b", 4)).unwrap();
    let said = BTreeMap::from([("age".to_owned(), "61".to_owned())]);
    writer.set_metadata([(id("a"), said)].into()).unwrap();
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
fn each_space_has_a_lock_and_a_writer_of_the_served_one_holds_up_the_promotion() {
    let (storage, spaces) = filled(&[("a", 1), ("b", 2)]);
    let writer = CollectionWriter::open_in(storage.clone(), &space()).unwrap();
    let other = spaces.writer(&name("v2")).unwrap();
    let error = spaces.promote(&name("v2"), Demand::Incomplete).unwrap_err();
    assert!(matches!(error, Error::Locked { .. }), "{error}");
    drop(writer);
    // Whoever fills the space that is promoted goes on in it.
    spaces.promote(&name("v2"), Demand::Whole).unwrap();
    let error = CollectionWriter::open_in(storage, &great()).unwrap_err();
    assert!(matches!(error, Error::Locked { .. }), "{error}");
    drop(other);
}

#[test]
fn unknown_served_and_taken_names_are_refused() {
    let (_, spaces) = filled(&[("a", 1), ("b", 2)]);
    let told = |result: Result<(), Error>| result.unwrap_err().to_string();
    let promote = |it: &str| spaces.promote(&name(it), Demand::Incomplete).map(|_| ());
    assert_eq!(told(promote("v3")), "`simulated` has no space `v3`; it has `main`, `v2`");
    assert_eq!(told(promote("main")), "the space `main` is the one that `simulated` serves");
    let drop_space = |it: &str| spaces.drop(&name(it));
    assert_eq!(told(drop_space("main")), "the space `main` is the one that `simulated` serves");
    let create = |it: &str| spaces.create(&record(it, great()));
    assert_eq!(told(create("v2")), "`simulated` has a space `v2` already");
    assert_eq!(told(create("main")), "`simulated` has a space `main` already");
    let rolled = spaces.roll_back().map(|_| ());
    assert_eq!(told(rolled), "`simulated` has served no other space that is still there");
    let nothing = Spaces::of_storage(Arc::new(Simulated::default()));
    let error = nothing.create(&record("v2", great())).unwrap_err();
    assert!(matches!(error, Error::NotACollection { .. }), "{error}");
}

/// Does something to a collection whose storage fails from each operation on, or at it alone, and looks at what a cut
/// at that moment may leave.
fn cut_off(
    make: impl Fn() -> (Arc<Simulated>, Spaces),
    act: impl Fn(&Spaces) -> Result<(), Error>,
    look: impl Fn(&Arc<Simulated>, bool),
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
                look(&Arc::new(storage.crash(image)), is_done);
            }
        }
    }
}

#[test]
fn promotion_that_is_cut_off_leaves_the_old_space_or_the_new() {
    let mut seen = BTreeMap::new();
    let seen = std::cell::RefCell::new(&mut seen);
    cut_off(
        || filled(&[("a", 1), ("b", 2)]),
        |spaces| spaces.promote(&name("v2"), Demand::Whole).map(|_| ()),
        |found, is_done| {
            let space_name = served(&Collection::open_in(found.clone()).unwrap());
            assert!(space_name == "v2" || !is_done);
            *seen.borrow_mut().entry((space_name, is_done)).or_insert(0) += 1;
            // Whatever is left, it can be served again or undone.
            let spaces = Spaces::of_storage(found.clone());
            if space_name == "main" {
                spaces.promote(&name("v2"), Demand::Whole).unwrap();
            }
            assert_eq!(spaces.roll_back().unwrap().serving.space, SpaceName::main());
        },
    );
    let seen: Vec<_> = seen.into_inner().keys().copied().collect();
    assert!(seen.contains(&("main", false)) && seen.contains(&("v2", false)), "{seen:?}");
}

#[test]
fn reversal_that_is_cut_off_leaves_the_old_space_or_the_new() {
    let promoted = || {
        let (storage, spaces) = filled(&[("a", 1), ("b", 2)]);
        spaces.promote(&name("v2"), Demand::Whole).unwrap();
        (storage, spaces)
    };
    cut_off(
        promoted,
        |spaces| spaces.roll_back().map(|_| ()),
        |found, is_done| {
            let space_name = served(&Collection::open_in(found.clone()).unwrap());
            assert!(space_name == "main" || !is_done);
        },
    );
}

#[test]
fn space_that_was_not_made_whole_is_none_and_can_be_made_again() {
    let main_alone = || {
        let (storage, spaces) = filled(&[]);
        spaces.drop(&name("v2")).unwrap();
        (storage, spaces)
    };
    cut_off(
        main_alone,
        |spaces| spaces.create(&record("v2", great())),
        |found, is_done| {
            let spaces = Spaces::of_storage(found.clone());
            assert_eq!(served(&Collection::open_in(found.clone()).unwrap()), "main");
            if spaces.names().unwrap().contains(&name("v2")) {
                assert_eq!(spaces.record(&name("v2")).unwrap(), Some(record("v2", great())));
            } else {
                assert!(!is_done);
                spaces.create(&record("v2", great())).unwrap();
            }
            let v2 = spaces.open(&name("v2")).unwrap();
            assert_eq!((v2.space(), v2.recordings().len()), (&great(), 0));
        },
    );
}

#[test]
fn space_that_was_not_dropped_whole_is_whole_or_none() {
    cut_off(
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
            spaces.create(&record("v2", great())).unwrap();
            assert_eq!(spaces.open(&name("v2")).unwrap().recordings().len(), 0);
        },
    );
}

#[test]
fn dropped_space_leaves_no_file_and_is_not_returned_to() {
    let (storage, spaces) = filled(&[("a", 1), ("b", 2)]);
    spaces.promote(&name("v2"), Demand::Whole).unwrap();
    spaces.drop(&SpaceName::main()).unwrap();
    let error = spaces.roll_back().unwrap_err();
    assert!(matches!(error, Error::NothingToRollBack { .. }), "{error}");
    assert!(!storage.files().iter().any(|file| file.starts_with("segments/")));
    assert_eq!(served(&Collection::open_in(storage.clone()).unwrap()), "v2");
    // The folder of `main` is the collection's, so `main` stays, without recordings, and can be filled again.
    assert_eq!(spaces.open(&SpaceName::main()).unwrap().recordings().len(), 0);
    let mut writer = spaces.writer(&SpaceName::main()).unwrap();
    for (night, seed) in [("a", 1), ("b", 2)] {
        writer.commit(seen("main", night, seed)).unwrap();
    }
    drop(writer);
    spaces.promote(&SpaceName::main(), Demand::Whole).unwrap();
    spaces.drop(&name("v2")).unwrap();
    assert!(!storage.files().iter().any(|file| file.starts_with("spaces/")));
    assert_eq!(spaces.names().unwrap(), [SpaceName::main()]);
}

#[test]
fn reader_notices_another_space_under_the_same_name() {
    let (storage, spaces) = filled(&[("a", 1), ("b", 2)]);
    spaces.promote(&name("v2"), Demand::Whole).unwrap();
    let reader = Collection::open_in(storage).unwrap();
    spaces.roll_back().unwrap();
    spaces.drop(&name("v2")).unwrap();
    spaces.create(&record("v2", space_of("third", 8))).unwrap();
    let mut writer = spaces.writer(&name("v2")).unwrap();
    for (night, seed) in [("a", 11), ("b", 12)] {
        writer.commit(seen("v2", night, seed)).unwrap();
    }
    assert_eq!(writer.generation(), reader.generation());
    drop(writer);
    spaces.promote(&name("v2"), Demand::Incomplete).unwrap();
    let next = reader.refresh().unwrap().unwrap();
    assert_eq!(next.space(), &space_of("third", 8));
    assert_kept(&next, &seen("v2", "a", 11));
}

#[test]
fn damaged_pointer_is_named_and_a_newer_one_too() {
    let (storage, spaces) = filled(&[("a", 1), ("b", 2)]);
    spaces.promote(&name("v2"), Demand::Whole).unwrap();
    storage.tamper("serving.jsonl", |bytes| bytes[20] ^= 1);
    let error = Collection::open_in(storage.clone()).unwrap_err();
    assert!(matches!(error, Error::Damaged { file: StoredFile::Note, .. }), "{error}");
    assert!(error.to_string().starts_with("`simulated/serving.jsonl` is damaged at byte 0: "));
    // A sealed file of a later format, as a later build would write it.
    let line = "{\"format\":2,\"number\":1,\"space\":\"v2\",\"elsewhere\":true}\n";
    let checksum = xxhash_rust::xxh3::xxh3_128(line.as_bytes());
    let later = format!("{line}{{\"xxh3\":\"{checksum:032x}\"}}\n");
    storage.tamper("serving.jsonl", |bytes| *bytes = later.into_bytes());
    let error = Collection::open_in(storage).unwrap_err();
    assert!(matches!(error, Error::Format { found: 2, .. }), "{error}");
}

#[test]
fn copy_has_every_space_and_the_pointer_or_is_not_there() {
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
        assert_eq!(spaces.record(&name("v2")).unwrap(), Some(record("v2", great())));
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
        let place = Arc::new(Simulated::default());
        copy(&place).unwrap();
        place.operations()
    };
    for operation in 0..n {
        let place = Arc::new(Simulated::default());
        place.set_fault(Fault::From(operation));
        let is_done = copy(&place).is_ok();
        for image in IMAGES {
            let found = Arc::new(place.crash(image));
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
                Err(error) => panic!("{operation}, {image:?}: {error}"),
            }
        }
    }
}

#[test]
fn copy_is_brought_up_to_date_with_spaces_that_came_and_went() {
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
fn readers_meet_one_whole_space_while_it_is_changed_all_the_time() {
    let folder = tempfile::tempdir().unwrap();
    let root: Arc<dyn Storage> = Arc::new(Folder::at(folder.path().join("collection")));
    let spaces = filled_in(Arc::clone(&root), &[("a", 1), ("b", 2)]);
    let is_over = std::sync::atomic::AtomicBool::new(false);
    let order = std::sync::atomic::Ordering::SeqCst;
    std::thread::scope(|scope| {
        let readers = [0, 1].map(|_| {
            scope.spawn(|| {
                let mut met = BTreeMap::new();
                let mut collection = Collection::open_in(Arc::clone(&root)).unwrap();
                while !is_over.load(order) {
                    *met.entry(served(&collection)).or_insert(0) += 1;
                    if let Some(next) = collection.refresh().unwrap() {
                        collection = next;
                    }
                    served(&Collection::open_in(Arc::clone(&root)).unwrap());
                }
                met
            })
        });
        for _ in 0..100 {
            spaces.promote(&name("v2"), Demand::Whole).unwrap();
            spaces.roll_back().unwrap();
        }
        is_over.store(true, order);
        for reader in readers {
            let met = reader.join().unwrap();
            assert!(met.values().sum::<u32>() > 0, "{met:?}");
        }
    });
    assert_eq!(spaces.serving().unwrap().number, 200);
}
