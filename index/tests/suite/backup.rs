//! Backups are whole, of one moment, and become collections again.

use std::collections::BTreeMap;
use std::sync::Arc;

use nocturne_index::storage::{CrashImage, Fault, Folder, Simulated, Storage};
use nocturne_index::{Collection, CollectionWriter, Copied, Error, Existing, StoredFile};

use crate::support::{assert_kept, draft, id, space, space_of};

/// A collection in memory with recordings of these names and seeds.
fn filled(nights: &[(&str, u64)]) -> Arc<Simulated> {
    let storage = Arc::new(Simulated::default());
    let mut writer = CollectionWriter::create_in(storage.clone(), &space()).unwrap();
    for (name, seed) in nights {
        writer.commit(draft(name, *seed, 4)).unwrap();
    }
    storage
}

fn back_up(
    from: &Arc<Simulated>,
    to: &Arc<Simulated>,
    existing: Existing,
) -> Result<Copied, Error> {
    Collection::open_in(from.clone())?.copy_to(to.clone(), existing)
}

/// Checks that a collection has these recordings, whole, and no others.
#[track_caller]
fn assert_has(storage: &Arc<Simulated>, nights: &[(&str, u64)]) {
    let collection = Collection::open_in(storage.clone()).unwrap();
    assert_eq!(collection.recordings().len(), nights.len());
    assert_eq!(collection.verify().count(), 0);
    for (name, seed) in nights {
        assert_kept(&collection, &draft(name, *seed, 4));
    }
}

#[test]
fn backup_is_a_collection_and_restores() {
    let (original, backup, restored) =
        (filled(&[("a", 1), ("b", 2)]), Arc::default(), Arc::default());
    let copied = back_up(&original, &backup, Existing::Refuse).unwrap();
    assert_eq!((copied.n_recordings, copied.n_epochs, copied.n_written), (2, 8, 2));
    back_up(&backup, &restored, Existing::Refuse).unwrap();
    assert_has(&restored, &[("a", 1), ("b", 2)]);
    let mut writer = CollectionWriter::open_in(restored.clone(), &space()).unwrap();
    writer.commit(draft("c", 3, 4)).unwrap();
    assert_has(&restored, &[("a", 1), ("b", 2), ("c", 3)]);
}

#[test]
fn later_backup_writes_what_is_new_and_drops_what_is_gone() {
    let (original, backup) = (filled(&[("a", 1), ("b", 2)]), Arc::default());
    back_up(&original, &backup, Existing::Refuse).unwrap();
    let mut writer = CollectionWriter::open_in(original.clone(), &space()).unwrap();
    writer.commit(draft("c", 3, 4)).unwrap();
    writer.remove(&id("a")).unwrap();
    let error = back_up(&original, &backup, Existing::Refuse).unwrap_err();
    assert!(matches!(error, Error::AlreadyACollection { .. }), "{error}");
    let copied = back_up(&original, &backup, Existing::Replace).unwrap();
    assert_eq!((copied.n_recordings, copied.n_written), (2, 1));
    assert_has(&backup, &[("b", 2), ("c", 3)]);
    // The original was put back to an earlier state meanwhile: its generations are behind those of the backup.
    let copied = back_up(&filled(&[("d", 4)]), &backup, Existing::Replace).unwrap();
    assert_eq!((copied.n_recordings, copied.n_written), (1, 1));
    assert_has(&backup, &[("d", 4)]);
}

#[test]
fn damaged_segment_of_an_earlier_backup_is_written_again() {
    let (original, backup) = (filled(&[("a", 1)]), Arc::default());
    back_up(&original, &backup, Existing::Refuse).unwrap();
    let files = backup.files();
    let segment = files.iter().find(|name| name.starts_with("segments/")).unwrap();
    backup.tamper(segment, |bytes| bytes[300] ^= 1);
    let copied = back_up(&original, &backup, Existing::Replace).unwrap();
    assert_eq!(copied.n_written, 1);
    assert_has(&backup, &[("a", 1)]);
}

#[test]
fn damage_is_not_backed_up() {
    let (original, backup) = (filled(&[("a", 1), ("b", 2)]), Arc::<Simulated>::default());
    let entry = Collection::open_in(original.clone()).unwrap().entry(&id("b")).unwrap().clone();
    original.tamper(&format!("segments/{}", entry.segment.file_name()), |bytes| bytes[300] ^= 1);
    let error = back_up(&original, &backup, Existing::Refuse).unwrap_err();
    assert!(matches!(error, Error::Damaged { file: StoredFile::Segment, .. }), "{error}");
    let error = Collection::open_in(backup).unwrap_err();
    assert!(matches!(error, Error::NotACollection { .. }), "{error}");
}

#[test]
fn backup_of_another_bundle_is_not_replaced() {
    let backup = Arc::new(Simulated::default());
    drop(CollectionWriter::create_in(backup.clone(), &space_of("great", 8)).unwrap());
    let error = back_up(&filled(&[]), &backup, Existing::Replace).unwrap_err();
    assert!(matches!(error, Error::OtherBundle { .. }), "{error}");
}

#[test]
fn backup_that_is_cut_off_is_not_there_or_as_before_and_can_be_made_again() {
    let (before, after) = (filled(&[("a", 1), ("b", 2)]), filled(&[("a", 3), ("c", 4)]));
    let backup_of_before = || {
        let backup = Arc::<Simulated>::default();
        back_up(&before, &backup, Existing::Refuse).unwrap();
        backup
    };
    let n = {
        let backup = backup_of_before();
        backup.set_fault(Fault::None);
        back_up(&after, &backup, Existing::Replace).unwrap();
        backup.operations()
    };
    for operation in 0..n {
        for (place, was_there) in [(Arc::default(), false), (backup_of_before(), true)] {
            place.set_fault(Fault::From(operation));
            let done = back_up(&after, &place, Existing::Replace).is_ok();
            for image in [CrashImage::Durable, CrashImage::Everything, CrashImage::Some(7)] {
                let found = Arc::new(place.crash(image));
                match Collection::open_in(found.clone()) {
                    Err(Error::NotACollection { .. }) => assert!(!was_there && !done),
                    Err(error) => panic!("{operation}, {image:?}: {error}"),
                    Ok(collection) if collection.entry(&id("c")).is_none() => {
                        assert!(was_there && !done);
                        assert_has(&found, &[("a", 1), ("b", 2)]);
                    }
                    Ok(_) => assert_has(&found, &[("a", 3), ("c", 4)]),
                }
                back_up(&after, &found, Existing::Replace).unwrap();
                assert_has(&found, &[("a", 3), ("c", 4)]);
            }
        }
    }
}

#[test]
fn backups_during_ingest_are_of_one_moment_each() {
    let folder = tempfile::tempdir().unwrap();
    let source: Arc<dyn Storage> = Arc::new(Folder::at(folder.path().join("collection")));
    let mut writer = CollectionWriter::create_in(Arc::clone(&source), &space()).unwrap();
    let name = |n: u64| format!("night-{:02}", n % 40);
    std::thread::scope(|scope| {
        scope.spawn(move || {
            for n in 0..300 {
                writer.commit(draft(&name(n), n, 3)).unwrap();
                if n % 50 == 49 {
                    writer.purge().unwrap();
                }
            }
        });
        for n in 0..50 {
            let place = Arc::new(Folder::at(folder.path().join(format!("backup-{n}"))));
            let collection = Collection::open_in(Arc::clone(&source)).unwrap();
            let copied = collection.copy_to(place.clone(), Existing::Refuse).unwrap();
            let backup = Collection::open_in(place).unwrap();
            assert_eq!(backup.verify().count(), 0);
            // What is there was written by the first so many commits.
            let seed = |text: &str| u64::from_str_radix(text, 16).unwrap();
            let found: BTreeMap<String, u64> = backup
                .recordings()
                .map(|entry| {
                    (entry.id.to_string(), seed(entry.annotations_sha256.as_deref().unwrap()))
                })
                .collect();
            let n_commits = found.values().max().map_or(0, |newest| newest + 1);
            let promised: BTreeMap<String, u64> = (0..n_commits).map(|n| (name(n), n)).collect();
            assert_eq!(found, promised);
            assert_eq!(copied.n_recordings, found.len());
        }
    });
}

#[test]
fn purged_recordings_leave_no_file() {
    let storage = filled(&[("a", 1), ("b", 2), ("a", 3)]);
    let reader = Collection::open_in(storage.clone()).unwrap();
    let mut writer = CollectionWriter::open_in(storage.clone(), &space()).unwrap();
    writer.remove(&id("b")).unwrap();
    writer.purge().unwrap();
    let of_kind = |kind: &str| {
        storage.files().into_iter().filter(|name| name.starts_with(kind)).collect::<Vec<_>>()
    };
    let kept = Collection::open_in(storage.clone()).unwrap();
    let file = kept.entry(&id("a")).unwrap().segment.file_name();
    assert_eq!(of_kind("segments/"), [format!("segments/{file}")]);
    assert_eq!(of_kind("manifest-").len(), 1);
    let error = reader.recording(&id("b")).unwrap_err();
    assert!(matches!(error, Error::Outdated { .. }), "{error}");
    assert_has(&storage, &[("a", 3)]);
}
