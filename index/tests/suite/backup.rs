//! Backups: each is a whole collection at one generation.

use std::collections::BTreeMap;
use std::sync::Arc;

use nocturne_index::storage::{CrashImage, Fault, Folder, Simulated, Storage};
use nocturne_index::{
    CollectionReader, CollectionWriter, CopyReport, Error, ExistingCopy, FolderReader,
    FolderSpaces, FolderWriter, StoredFile, copy_collection,
};

use crate::support::{assert_stored, draft, id, space, space_of};

/// Creates a collection in memory with recordings of these names and seeds.
fn filled(nights: &[(&str, u64)]) -> Arc<Simulated> {
    let storage = Arc::new(Simulated::default());
    let mut writer = FolderWriter::create_in(storage.clone(), &space()).unwrap();
    for (name, seed) in nights {
        writer.commit(draft(name, *seed, 4)).unwrap();
    }
    storage
}

fn back_up(
    from: &Arc<Simulated>,
    to: &Arc<Simulated>,
    existing: ExistingCopy,
) -> Result<CopyReport, Error> {
    let spaces = |storage: &Arc<Simulated>| FolderSpaces::of_storage(storage.clone());
    Ok(copy_collection(&spaces(from), &spaces(to), existing)?.report)
}

/// Checks that a collection has exactly these recordings, undamaged.
#[track_caller]
fn assert_has(storage: &Arc<Simulated>, nights: &[(&str, u64)]) {
    let collection = FolderReader::open_in(storage.clone()).unwrap();
    assert_eq!(collection.entries().len(), nights.len());
    assert_eq!(collection.verify().count(), 0);
    for (name, seed) in nights {
        assert_stored(&collection, &draft(name, *seed, 4));
    }
}

#[test]
fn backup_is_a_collection_and_can_be_restored() {
    let (original, backup, restored) =
        (filled(&[("a", 1), ("b", 2)]), Arc::default(), Arc::default());
    let copied = back_up(&original, &backup, ExistingCopy::Refuse).unwrap();
    assert_eq!((copied.n_recordings, copied.n_epochs, copied.n_written), (2, 8, 2));
    back_up(&backup, &restored, ExistingCopy::Refuse).unwrap();
    assert_has(&restored, &[("a", 1), ("b", 2)]);
    let mut writer = FolderWriter::open_in(restored.clone(), &space()).unwrap();
    writer.commit(draft("c", 3, 4)).unwrap();
    assert_has(&restored, &[("a", 1), ("b", 2), ("c", 3)]);
}

#[test]
fn update_of_a_backup_adds_new_and_drops_removed_recordings() {
    let (original, backup) = (filled(&[("a", 1), ("b", 2)]), Arc::default());
    back_up(&original, &backup, ExistingCopy::Refuse).unwrap();
    let mut writer = FolderWriter::open_in(original.clone(), &space()).unwrap();
    writer.commit(draft("c", 3, 4)).unwrap();
    writer.remove(&id("a")).unwrap();
    let error = back_up(&original, &backup, ExistingCopy::Refuse).unwrap_err();
    assert!(matches!(error, Error::AlreadyACollection { .. }), "{error}");
    let copied = back_up(&original, &backup, ExistingCopy::Update).unwrap();
    assert_eq!((copied.n_recordings, copied.n_written), (2, 1));
    assert_has(&backup, &[("b", 2), ("c", 3)]);
    // An original that was reset has lower generations than its backup.
    let copied = back_up(&filled(&[("d", 4)]), &backup, ExistingCopy::Update).unwrap();
    assert_eq!((copied.n_recordings, copied.n_written), (1, 1));
    assert_has(&backup, &[("d", 4)]);
}

#[test]
fn update_of_a_backup_replaces_damaged_segments() {
    let (original, backup) = (filled(&[("a", 1)]), Arc::default());
    back_up(&original, &backup, ExistingCopy::Refuse).unwrap();
    let files = backup.files();
    let segment = files.iter().find(|name| name.starts_with("segments/")).unwrap();
    backup.tamper(segment, |bytes| bytes[300] ^= 1);
    let copied = back_up(&original, &backup, ExistingCopy::Update).unwrap();
    assert_eq!(copied.n_written, 1);
    assert_has(&backup, &[("a", 1)]);
}

#[test]
fn damaged_collection_is_not_backed_up() {
    let (original, backup) = (filled(&[("a", 1), ("b", 2)]), Arc::<Simulated>::default());
    let entry = FolderReader::open_in(original.clone()).unwrap().entry(&id("b")).unwrap().clone();
    original.tamper(&format!("segments/{}", entry.segment.file_name()), |bytes| bytes[300] ^= 1);
    let error = back_up(&original, &backup, ExistingCopy::Refuse).unwrap_err();
    assert!(matches!(error, Error::Damaged { file: StoredFile::Segment, .. }), "{error}");
    let error = FolderReader::open_in(backup).unwrap_err();
    assert!(matches!(error, Error::NotACollection { .. }), "{error}");
}

#[test]
fn backup_of_another_bundle_is_not_retargetd() {
    let backup = Arc::new(Simulated::default());
    drop(FolderWriter::create_in(backup.clone(), &space_of("large", 8)).unwrap());
    let error = back_up(&filled(&[]), &backup, ExistingCopy::Update).unwrap_err();
    assert!(matches!(error, Error::OtherBundle { .. }), "{error}");
}

#[test]
fn interrupted_backup_is_absent_old_or_complete_and_can_be_repeated() {
    let (before, after) = (filled(&[("a", 1), ("b", 2)]), filled(&[("a", 3), ("c", 4)]));
    let backup_of_before = || {
        let backup = Arc::<Simulated>::default();
        back_up(&before, &backup, ExistingCopy::Refuse).unwrap();
        backup
    };
    let n = {
        let backup = backup_of_before();
        backup.set_fault(Fault::None);
        back_up(&after, &backup, ExistingCopy::Update).unwrap();
        backup.operations()
    };
    for operation in 0..n {
        for (target, existed) in [(Arc::default(), false), (backup_of_before(), true)] {
            target.set_fault(Fault::From(operation));
            let is_done = back_up(&after, &target, ExistingCopy::Update).is_ok();
            for image in [CrashImage::Durable, CrashImage::Everything, CrashImage::Some(7)] {
                let found = Arc::new(target.crash(image));
                match FolderReader::open_in(found.clone()) {
                    Err(Error::NotACollection { .. }) => assert!(!existed && !is_done),
                    Err(error) => panic!("operation {operation}, {image:?}: {error}"),
                    Ok(collection) if collection.entry(&id("c")).is_none() => {
                        assert!(existed && !is_done);
                        assert_has(&found, &[("a", 1), ("b", 2)]);
                    }
                    Ok(_) => assert_has(&found, &[("a", 3), ("c", 4)]),
                }
                back_up(&after, &found, ExistingCopy::Update).unwrap();
                assert_has(&found, &[("a", 3), ("c", 4)]);
            }
        }
    }
}

#[test]
fn backups_during_indexing_are_each_of_one_generation() {
    let folder = tempfile::tempdir().unwrap();
    let source: Arc<dyn Storage> = Arc::new(Folder::at(folder.path().join("collection")));
    let mut writer = FolderWriter::create_in(Arc::clone(&source), &space()).unwrap();
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
            let target: Arc<dyn Storage> =
                Arc::new(Folder::at(folder.path().join(format!("backup-{n}"))));
            let [from, to] = [Arc::clone(&source), target.clone()].map(FolderSpaces::of_storage);
            let copied = copy_collection(&from, &to, ExistingCopy::Refuse).unwrap().report;
            let backup = FolderReader::open_in(target).unwrap();
            assert_eq!(backup.verify().count(), 0);
            // The backup has exactly the recordings of the first `n_commits` commits.
            let seed = |text: &str| u64::from_str_radix(text, 16).unwrap();
            let found: BTreeMap<String, u64> = backup
                .entries()
                .into_iter()
                .map(|entry| {
                    (entry.id.to_string(), seed(entry.annotations_sha256.as_deref().unwrap()))
                })
                .collect();
            let n_commits = found.values().max().map_or(0, |newest| newest + 1);
            let expected: BTreeMap<String, u64> = (0..n_commits).map(|n| (name(n), n)).collect();
            assert_eq!(found, expected);
            assert_eq!(copied.n_recordings, found.len());
        }
    });
}

#[test]
fn purge_deletes_the_files_of_removed_recordings() {
    let storage = filled(&[("a", 1), ("b", 2), ("a", 3)]);
    let reader = FolderReader::open_in(storage.clone()).unwrap();
    let mut writer = FolderWriter::open_in(storage.clone(), &space()).unwrap();
    writer.remove(&id("b")).unwrap();
    writer.purge().unwrap();
    let of_kind = |kind: &str| {
        storage.files().into_iter().filter(|name| name.starts_with(kind)).collect::<Vec<_>>()
    };
    let collection = FolderReader::open_in(storage.clone()).unwrap();
    let file = collection.entry(&id("a")).unwrap().segment.file_name();
    assert_eq!(of_kind("segments/"), [format!("segments/{file}")]);
    assert_eq!(of_kind("manifest-").len(), 1);
    let error = reader.recording(&id("b")).unwrap_err();
    assert!(matches!(error, Error::Outdated { .. }), "{error}");
    assert_has(&storage, &[("a", 3)]);
}
