//! Damage is named and never served; files that are not part of a collection are ignored.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use nocturne_index::storage::{Simulated, Storage};
use nocturne_index::{
    CollectionReader, CollectionWriter, Error, ExactIndex, Filter, FolderReader, FolderWriter,
    HnswIndex, HnswSettings, IvfIndex, SearchRequest, StoredFile, VectorIndex,
};
use xxhash_rust::xxh3::xxh3_128;

use crate::support::{assert_stored, draft, id, space, space_of};

/// Returns a collection of one recording, and the names of its segment and its manifest.
fn one_night(n_epochs: u32) -> (Arc<Simulated>, String, String) {
    let storage = Arc::new(Simulated::default());
    let mut writer = FolderWriter::create_in(storage.clone(), &space()).unwrap();
    let entry = writer.commit(draft("a", 1, n_epochs)).unwrap();
    let segment = format!("segments/{}", entry.segment.file_name());
    (storage, segment, "manifest-000002.jsonl".to_owned())
}

/// Reads every byte of a collection.
fn read(storage: &Arc<Simulated>) -> Result<(), Error> {
    let collection = FolderReader::open_in(storage.clone())?;
    let problem = collection.verify().next();
    problem.map_or(Ok(()), |(_, error)| Err(error))
}

/// Checks the error of a segment after a change.
#[track_caller]
fn check_segment(n_epochs: u32, change: impl FnOnce(&mut Vec<u8>), expect: &str) {
    let (storage, segment, _) = one_night(n_epochs);
    storage.tamper(&segment, change);
    let message = read(&storage).unwrap_err().to_string();
    assert_eq!(message, format!("`simulated/{segment}` is damaged at byte {expect}"));
}

#[test]
fn change_of_any_byte_of_a_segment_is_detected() {
    let (storage, segment, _) = one_night(4);
    let mut length = 0;
    storage.tamper(&segment, |bytes| length = bytes.len());
    for offset in 0..length {
        for mask in [0x01, 0x80] {
            storage.tamper(&segment, |bytes| bytes[offset] ^= mask);
            let result = read(&storage);
            assert!(
                matches!(result, Err(Error::Damaged { file: StoredFile::Segment, .. })),
                "byte {offset}: {result:?}"
            );
            storage.tamper(&segment, |bytes| bytes[offset] ^= mask);
        }
    }
    read(&storage).unwrap();
}

#[test]
fn change_of_any_byte_of_a_manifest_is_detected() {
    let (storage, _, manifest) = one_night(4);
    let mut length = 0;
    storage.tamper(&manifest, |bytes| length = bytes.len());
    for offset in 0..length {
        for mask in [0x01, 0x20, 0x80] {
            storage.tamper(&manifest, |bytes| bytes[offset] ^= mask);
            let result = read(&storage);
            assert!(
                matches!(result, Err(Error::Damaged { file: StoredFile::Manifest, .. })),
                "byte {offset}: {result:?}"
            );
            storage.tamper(&manifest, |bytes| bytes[offset] ^= mask);
        }
    }
    read(&storage).unwrap();
}

#[test]
fn files_truncated_anywhere_are_rejected() {
    let (storage, segment, manifest) = one_night(4);
    for (name, is_segment) in [(segment, true), (manifest, false)] {
        let mut whole = Vec::new();
        storage.tamper(&name, |bytes| whole.clone_from(bytes));
        for length in 0..whole.len() {
            storage.tamper(&name, |bytes| *bytes = whole[..length].to_vec());
            let is_named = match read(&storage) {
                Err(Error::Damaged { file: StoredFile::Segment, .. }) => is_segment,
                Err(Error::Damaged { file: StoredFile::Manifest, .. }) => !is_segment,
                _ => false,
            };
            assert!(is_named, "{length} bytes");
        }
        storage.tamper(&name, |bytes| *bytes = whole);
    }
}

#[test]
fn damaged_block_is_named_by_its_offset() {
    check_segment(
        3000,
        |bytes| bytes[100_000] ^= 4,
        "65536: the checksum of its 65536 bytes is wrong",
    );
}

#[test]
fn segment_of_another_length_is_rejected() {
    let (storage, segment, _) = one_night(4);
    let mut length = 0;
    storage.tamper(&segment, |bytes| {
        length = bytes.len();
        bytes.push(0);
    });
    let expect = format!(
        "`simulated/{segment}` is damaged at byte {length}: it has {} bytes; the manifest expects {length}",
        length + 1
    );
    assert_eq!(read(&storage).unwrap_err().to_string(), expect);
}

#[test]
fn segment_of_another_recording_is_rejected() {
    let storage = Arc::new(Simulated::default());
    let mut writer = FolderWriter::create_in(storage.clone(), &space()).unwrap();
    let names = [1, 2].map(|seed| {
        let entry = writer.commit(draft("a", seed, 4)).unwrap();
        format!("segments/{}", entry.segment.file_name())
    });
    let mut other = Vec::new();
    storage.tamper(&names[0], |bytes| other.clone_from(bytes));
    storage.tamper(&names[1], |bytes| *bytes = other);
    let message = read(&storage).unwrap_err().to_string();
    assert!(message.ends_with(", undamaged but under a wrong name"), "{message}");
}

#[test]
fn lost_segment_is_named_and_restored_by_indexing_again() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = FolderWriter::create(folder.path(), &space()).unwrap();
    let night = draft("a", 1, 4);
    let entry = writer.commit(night.clone()).unwrap();
    writer.commit(draft("b", 2, 4)).unwrap();
    let file = folder.path().join("segments").join(entry.segment.file_name());
    fs::remove_file(&file).unwrap();
    let collection = FolderReader::open(folder.path()).unwrap();
    let error = collection.recording(&id("a")).unwrap_err();
    let expect = format!("`{}` is damaged at byte 0: the file does not exist", file.display());
    assert_eq!(error.to_string(), expect);
    assert_eq!(
        error.hint().as_deref(),
        Some("index the recording again, or restore the file from a backup")
    );
    assert_stored(&collection, &draft("b", 2, 4));
    assert_eq!(collection.verify().map(|(id, _)| id.as_str()).collect::<Vec<_>>(), ["a"]);

    writer.commit(night.clone()).unwrap();
    assert_stored(&FolderReader::open(folder.path()).unwrap(), &night);
}

#[test]
fn damaged_recordings_are_skipped_and_reported() {
    let storage = Arc::new(Simulated::default());
    let mut writer = FolderWriter::create_in(storage.clone(), &space()).unwrap();
    let entry = writer.commit(draft("a", 1, 4)).unwrap();
    writer.commit(draft("b", 2, 4)).unwrap();
    let file = format!("segments/{}", entry.segment.file_name());
    storage.tamper(&file, |bytes| bytes[300] ^= 1);
    let index = ExactIndex::new(FolderReader::open_in(storage).unwrap().segments().unwrap());
    assert_eq!(index.missing(), [], "nothing was read yet");
    let query = draft("a", 1, 4).epochs[0].vector.clone();
    let hits = index.search(&query, &SearchRequest::nearest(9)).unwrap();
    assert_eq!(hits.len(), 4);
    assert!(hits.iter().all(|hit| hit.epoch.recording == id("b")));
    let missing = index.missing();
    let [missing] = missing.as_slice() else { panic!("one is damaged") };
    assert_eq!(missing.recording, id("a"));
    assert_eq!(
        (missing.location.to_string(), missing.offset),
        (format!("simulated/{file}"), Some(0))
    );
    let message = format!("`{}` is damaged at byte 0: {}", missing.location, missing.problem);

    let filter = Filter { recordings: Some([id("a")].into()), ..Filter::default() };
    let request = SearchRequest { filter, ..SearchRequest::nearest(9) };
    assert_eq!(index.search(&query, &request).unwrap_err().to_string(), message);
    assert_eq!(index.recording(&id("a")).unwrap_err().to_string(), message);
}

/// Only the vector of the best hit is damaged: it is shortlisted by its codes, and then it cannot be scored.
#[test]
fn damage_found_during_rescoring_excludes_no_other_recording() {
    let storage = Arc::new(Simulated::default());
    let mut writer = FolderWriter::create_in(storage.clone(), &space()).unwrap();
    let nights = [("a", 1, 9000), ("b", 2, 40), ("c", 3, 40)];
    let [file, ..] = nights.map(|(name, seed, n_epochs)| {
        let entry = writer.commit(draft(name, seed, n_epochs)).unwrap();
        format!("segments/{}", entry.segment.file_name())
    });
    let whole =
        ExactIndex::new(FolderReader::open_in(storage.clone()).unwrap().segments().unwrap());
    // Columns of 9000 epochs have 25 bytes each; vectors come after them, then captions.
    storage.tamper(&file, |bytes| bytes[300_000] ^= 1);
    let index = ExactIndex::new(FolderReader::open_in(storage).unwrap().segments().unwrap());
    let filter = Filter { excluded_recordings: [id("a")].into(), ..Filter::default() };
    for point in draft("a", 1, 9000).epochs.iter().skip(4000).step_by(200) {
        let without = SearchRequest { filter: filter.clone(), ..SearchRequest::nearest(5) };
        let all = SearchRequest::nearest(5);
        let found = index.search(&point.vector, &all).unwrap();
        let expect = if index.missing().is_empty() { &all } else { &without };
        assert_eq!(found, whole.search(&point.vector, expect).unwrap());
    }
    let missing: Vec<_> = index.missing().into_iter().map(|missing| missing.recording).collect();
    assert_eq!(missing, [id("a")]);
}

#[test]
fn damaged_manifest_is_not_ignored() {
    let (storage, _, manifest) = one_night(4);
    storage.tamper(&manifest, |bytes| bytes[70] ^= 1);
    let error = FolderReader::open_in(storage.clone()).unwrap_err();
    let message = error.to_string();
    assert!(
        message.starts_with("`simulated/manifest-000002.jsonl` is damaged at byte 0: bytes 0 to "),
        "{message}"
    );
    assert!(error.hint().is_some());
    let error = FolderWriter::open_in(storage, &space()).unwrap_err();
    assert!(matches!(error, Error::Damaged { file: StoredFile::Manifest, .. }), "{error}");
}

#[test]
fn manifest_under_a_wrong_name_is_rejected() {
    let folder = tempfile::tempdir().unwrap();
    drop(FolderWriter::create(folder.path(), &space()).unwrap());
    let copy = folder.path().join("manifest-000009.jsonl");
    fs::copy(folder.path().join("manifest-000001.jsonl"), &copy).unwrap();
    let message = FolderReader::open(folder.path()).unwrap_err().to_string();
    let expect = "is damaged at byte 0: it is generation 1, under a wrong name";
    assert_eq!(message, format!("`{}` {expect}", copy.display()));
}

#[test]
fn other_formats_are_rejected_by_number() {
    let (storage, _, manifest) = one_night(4);
    storage.tamper(&manifest, |bytes| {
        let content = b"{\"format\":7,\"what\":\"unknown\"}\nmore of it\n";
        *bytes = content.to_vec();
        bytes.extend(format!("{{\"xxh3\":\"{:032x}\"}}\n", xxh3_128(content)).bytes());
    });
    let message = FolderReader::open_in(storage).unwrap_err().to_string();
    assert_eq!(message, format!("`simulated/{manifest}` has format 7; this build reads format 1"));
}

#[test]
fn spaces_without_dimensions_are_rejected() {
    let storage = Arc::new(Simulated::default());
    let error = FolderWriter::create_in(storage, &space_of("none", 0)).unwrap_err();
    assert_eq!(error.to_string(), "`dim` is 0; expected 1 to 65536");
}

#[test]
fn other_files_are_ignored() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = FolderWriter::create(folder.path(), &space()).unwrap();
    writer.commit(draft("a", 1, 4)).unwrap();
    drop(writer);
    let unrelated =
        ["manifest-000007.jsonl~", "manifest-7.jsonl", ".swp", "x.tmp", "segments/notes.txt"];
    let unfinished = ["manifest-000003.jsonl.tmp".to_owned(), unfinished_segment()];
    for name in unrelated.into_iter().chain(unfinished.iter().map(String::as_str)) {
        fs::write(folder.path().join(name), "").unwrap();
    }
    fs::create_dir(folder.path().join("lost+found")).unwrap();
    fs::create_dir(folder.path().join("manifest-000008.jsonl")).unwrap();
    assert_stored(&FolderReader::open(folder.path()).unwrap(), &draft("a", 1, 4));

    let writer = FolderWriter::open(folder.path(), &space()).unwrap();
    let mut cleared = writer.removed_files().to_vec();
    cleared.sort();
    assert_eq!(cleared, unfinished.map(|name| folder.path().join(name)));
    assert!(unrelated.iter().all(|name| folder.path().join(name).exists()));
}

fn unfinished_segment() -> String {
    format!("segments/{:032x}.seg.tmp", 7)
}

#[test]
fn folders_with_other_files_are_not_changed() {
    let folder = tempfile::tempdir().unwrap();
    let files = |path: &Path| fs::read_dir(path).unwrap().count();
    fs::write(folder.path().join("thesis.txt"), "").unwrap();
    let path = folder.path().display();
    let error = FolderReader::open(folder.path()).unwrap_err();
    assert_eq!(error.to_string(), format!("`{path}` is not a collection: it has no manifest"));
    let error = FolderWriter::open(folder.path(), &space()).unwrap_err();
    assert!(matches!(error, Error::NotACollection { .. }), "{error}");
    let error = FolderWriter::open_or_create(folder.path(), &space()).unwrap_err();
    let expect = format!("`{path}` contains `thesis.txt`; a new collection needs an empty folder");
    assert_eq!(error.to_string(), expect);
    assert_eq!(files(folder.path()), 1);
}

#[test]
fn collections_are_not_created_twice() {
    let folder = tempfile::tempdir().unwrap();
    drop(FolderWriter::create(folder.path(), &space()).unwrap());
    let error = FolderWriter::create(folder.path(), &space()).unwrap_err();
    let expect = format!("`{}` is already a collection", folder.path().display());
    assert_eq!(error.to_string(), expect);
}

#[test]
fn unreadable_old_generations_do_not_block_and_keep_their_segments() {
    let storage = Arc::new(Simulated::default());
    let mut writer = FolderWriter::create_in(storage.clone(), &space()).unwrap();
    let replaced = writer.commit(draft("a", 1, 4)).unwrap();
    // The sixth generation is a compacted one, which does not depend on older ones.
    (2..6).for_each(|seed| drop(writer.commit(draft("a", seed, 4)).unwrap()));
    drop(writer);
    storage.tamper("manifest-000002.jsonl", Vec::clear);
    let mut writer = FolderWriter::open_in(storage.clone(), &space()).unwrap();
    let file = format!("segments/{}", replaced.segment.file_name());
    assert!(storage.files().contains(&file));
    writer.commit(draft("b", 3, 4)).unwrap();
    writer.commit(draft("b", 4, 4)).unwrap();
    drop(writer);
    drop(FolderWriter::open_in(storage.clone(), &space()).unwrap());
    assert!(!storage.files().contains(&file));
}

/// Returns a collection whose newest compacted manifest is the first, with three changes after it.
fn three_changes() -> Arc<Simulated> {
    let storage = Arc::new(Simulated::default());
    let mut writer = FolderWriter::create_in(storage.clone(), &space()).unwrap();
    (1..4).for_each(|seed| drop(writer.commit(draft("a", seed, 4)).unwrap()));
    storage
}

fn copy_manifest(storage: &Simulated, from: &str, to: &str) {
    let mut content = Vec::new();
    storage.tamper(from, |bytes| content.clone_from(bytes));
    storage.tamper(to, |bytes| *bytes = content);
}

#[track_caller]
fn check_manifests(storage: Arc<Simulated>, expect: &str) {
    let message = FolderReader::open_in(storage.clone()).unwrap_err().to_string();
    assert_eq!(message, format!("`simulated/{expect}"));
    assert!(matches!(
        FolderWriter::open_in(storage, &space()),
        Err(Error::Damaged { file: StoredFile::Manifest, .. })
    ));
}

#[test]
fn damage_in_the_middle_of_the_log_is_not_ignored_as_an_incomplete_write() {
    let storage = three_changes();
    storage.tamper("manifest-000002.jsonl", Vec::clear);
    let expect = "manifest-000002.jsonl` is damaged at byte 0: it does not end with a newline";
    check_manifests(storage, expect);

    let storage = three_changes();
    storage.remove("manifest-000003.jsonl").unwrap();
    check_manifests(
        storage,
        "manifest-000003.jsonl` is damaged at byte 0: the file does not exist",
    );

    let storage = three_changes();
    copy_manifest(&storage, "manifest-000002.jsonl", "manifest-000003.jsonl");
    let expect =
        "manifest-000003.jsonl` is damaged at byte 0: it is generation 2, under a wrong name";
    check_manifests(storage, expect);
}

#[test]
fn logs_of_two_collections_cannot_be_mixed() {
    let (storage, other) = (three_changes(), Arc::new(Simulated::default()));
    let mut writer = FolderWriter::create_in(other.clone(), &space()).unwrap();
    (7..9).for_each(|seed| drop(writer.commit(draft("b", seed, 4)).unwrap()));
    let mut content = Vec::new();
    other.tamper("manifest-000003.jsonl", |bytes| content.clone_from(bytes));
    storage.tamper("manifest-000003.jsonl", |bytes| *bytes = content);
    let expect = "the next generation is a delta of another one";
    check_manifests(storage, &format!("manifest-000003.jsonl` is damaged at byte 0: {expect}"));
}

#[test]
fn caches_are_verified_against_the_segments() {
    let storage = Arc::new(Simulated::default());
    let mut writer = FolderWriter::create_in(storage.clone(), &space()).unwrap();
    for (name, seed) in [("a", 1), ("b", 2), ("c", 3)] {
        writer.commit(draft(name, seed, 60)).unwrap();
    }
    let problems = || FolderReader::open_in(storage.clone()).unwrap().verify_caches().unwrap();
    let exact = || {
        Arc::new(ExactIndex::new(
            FolderReader::open_in(storage.clone()).unwrap().segments().unwrap(),
        ))
    };
    IvfIndex::build(exact(), Some(4)).unwrap().save(storage.as_ref()).unwrap();
    HnswIndex::build(exact(), HnswSettings::default()).unwrap().save(storage.as_ref()).unwrap();
    assert_eq!(problems(), []);
    // Rows of a replaced recording are skipped.
    writer.commit(draft("b", 4, 50)).unwrap();
    assert_eq!(problems(), []);
    let files = storage.files();
    let caches: Vec<_> =
        files.iter().filter(|name| name.contains(".ivf") || name.contains(".hnsw")).collect();
    assert_eq!(caches.len(), 2, "{files:?}");
    for name in caches {
        let n = storage.read(name).unwrap().len();
        for offset in (0..n).step_by(97) {
            storage.tamper(name, |bytes| bytes[offset] ^= 0x10);
            let found = problems();
            assert_eq!(found.len(), 1, "byte {offset} of {name}: {found:?}");
            assert!(found[0].location.to_string().ends_with(name.as_str()), "{found:?}");
            storage.tamper(name, |bytes| bytes[offset] ^= 0x10);
        }
    }
    assert_eq!(problems(), []);
}
