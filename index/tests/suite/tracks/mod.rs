//! Concept tracks: stored with their recordings, in a folder and in Qdrant, and never returned unless they fit.

mod in_folder;
mod in_qdrant;

use nocturne_index::{
    CollectionReader, CollectionWriter, Error, ExistingCopy, OnConflict, SpaceName, TrackDraft,
    TrackProblem, copy_collection, join,
};

use crate::spaces::stores::{FolderStore, QdrantStore, TestStore, on_each_store};
use crate::support::{draft, id, space};

on_each_store!(
    track_is_returned_as_it_was_committed,
    track_is_computed_from_the_recording_as_it_is_stored,
    track_of_another_version_is_not_returned,
    track_replaces_that_of_another_version,
    replaced_recording_has_no_track,
    recording_of_the_same_content_keeps_its_track,
    tracks_of_unknown_recordings_are_refused,
    refreshed_reader_has_new_tracks,
    tracks_are_copied_with_their_recordings,
    tracks_are_copied_with_a_collection,
    spaces_have_tracks_of_their_own,
    interrupted_writes_leave_whole_tracks_or_none,
);

const VERSION: &str = "bundle 5d41, registry 7, calibration 3";
const OTHER: &str = "bundle 5d41, registry 8, calibration 3";

/// Returns 30 bytes for each of 40 epochs.
fn bytes(seed: u8) -> Vec<u8> {
    (0..1200_u32).map(|number| (number % 251) as u8 ^ seed).collect()
}

fn track(version: &str, seed: u8) -> TrackDraft {
    TrackDraft::new(version, bytes(seed)).unwrap()
}

fn commit(writer: &mut dyn CollectionWriter, night: &str, seed: u8) {
    let draft = draft(night, seed.into(), 4);
    writer.commit_with_track(draft, &mut |_| Some(track(VERSION, seed))).unwrap();
}

/// A collection with the nights `a` and `b`, both with tracks.
fn fill(store: &dyn TestStore) -> Box<dyn CollectionWriter> {
    let mut writer = store.writer(&space()).unwrap();
    commit(&mut *writer, "a", 1);
    commit(&mut *writer, "b", 2);
    writer
}

fn found(
    reader: &dyn CollectionReader,
    version: Option<&str>,
    night: &str,
) -> Result<Vec<u8>, TrackProblem> {
    let entry = reader.entry(&id(night)).unwrap();
    let track = reader.tracks(version, &[entry]).unwrap().remove(0);
    assert_eq!(track.segment(), entry.segment.hash);
    track.bytes().map(<[u8]>::to_vec).map_err(Clone::clone)
}

#[track_caller]
fn check(reader: &dyn CollectionReader, night: &str, expect: Result<u8, TrackProblem>) {
    assert_eq!(found(reader, Some(VERSION), night), expect.map(bytes), "{night}");
}

fn track_is_returned_as_it_was_committed(store: &dyn TestStore) {
    let mut writer = fill(store);
    writer.commit(draft("plain", 3, 4)).unwrap();
    let empty = TrackDraft::new(VERSION, Vec::new()).unwrap();
    writer.commit_with_track(draft("short", 4, 0), &mut |_| Some(empty.clone())).unwrap();
    let reader = store.open().unwrap();
    check(&*reader, "a", Ok(1));
    check(&*reader, "b", Ok(2));
    check(&*reader, "plain", Err(TrackProblem::Absent));
    assert_eq!(found(&*reader, Some(VERSION), "short"), Ok(vec![]));
    let entries = reader.entries();
    let tracks = reader.tracks(Some(VERSION), &entries).unwrap();
    let versions: Vec<_> = tracks.iter().map(|track| track.version().ok()).collect();
    assert_eq!(versions, [Some(VERSION), Some(VERSION), None, Some(VERSION)]);
    assert_eq!(reader.verify_caches().unwrap(), []);
}

fn track_is_computed_from_the_recording_as_it_is_stored(store: &dyn TestStore) {
    let mut writer = store.writer(&space()).unwrap();
    let mut given = Vec::new();
    let mut keep = |recording: &nocturne_index::Recording| {
        given.push((recording.entry().clone(), recording.vectors().embedding(2).unwrap()));
        None
    };
    let entry = writer.commit_with_track(draft("a", 1, 4), &mut keep).unwrap();
    let stored = store.open().unwrap().recording(&id("a")).unwrap();
    let vector = stored.vectors().embedding(2).unwrap();
    assert_eq!(given, [(entry, vector)]);
}

fn track_of_another_version_is_not_returned(store: &dyn TestStore) {
    drop(fill(store));
    let reader = store.open().unwrap();
    assert_eq!(found(&*reader, Some(OTHER), "a"), Err(TrackProblem::OtherVersion));
    assert_eq!(found(&*reader, None, "a"), Ok(bytes(1)));
}

fn track_replaces_that_of_another_version(store: &dyn TestStore) {
    let mut writer = fill(store);
    let reader = store.open().unwrap();
    reader.save_tracks(&[(id("a"), track(OTHER, 9))]).unwrap();
    check(&*reader, "a", Err(TrackProblem::OtherVersion));
    check(&*reader, "b", Ok(2));
    assert_eq!(found(&*reader, Some(OTHER), "a"), Ok(bytes(9)));
    writer.put_tracks(&[(id("a"), track(VERSION, 5)), (id("b"), track(VERSION, 6))]).unwrap();
    check(&*reader, "a", Ok(5));
    check(&*reader, "b", Ok(6));
}

fn replaced_recording_has_no_track(store: &dyn TestStore) {
    let mut writer = fill(store);
    writer.commit(draft("a", 77, 4)).unwrap();
    let reader = store.open().unwrap();
    check(&*reader, "a", Err(TrackProblem::Absent));
    check(&*reader, "b", Ok(2));
    writer.remove(&id("b")).unwrap();
    writer.commit(draft("b", 78, 4)).unwrap();
    check(&*store.open().unwrap(), "b", Err(TrackProblem::Absent));
}

fn recording_of_the_same_content_keeps_its_track(store: &dyn TestStore) {
    let mut writer = fill(store);
    writer.commit(draft("a", 1, 4)).unwrap();
    let metadata = [("age".to_owned(), "61".to_owned())].into();
    writer.set_metadata_of(&id("b"), metadata).unwrap();
    let reader = store.open().unwrap();
    check(&*reader, "a", Ok(1));
    check(&*reader, "b", Ok(2));
    commit(&mut *writer, "a", 1);
    check(&*store.open().unwrap(), "a", Ok(1));
}

fn tracks_of_unknown_recordings_are_refused(store: &dyn TestStore) {
    let mut writer = fill(store);
    let reader = store.open().unwrap();
    let tracks = [(id("a"), track(VERSION, 9)), (id("c"), track(VERSION, 9))];
    for error in [writer.put_tracks(&tracks), reader.save_tracks(&tracks)].map(Result::unwrap_err) {
        assert!(matches!(error, Error::UnknownRecording { .. }), "{error}");
    }
    check(&*reader, "a", Ok(1));
}

fn refreshed_reader_has_new_tracks(store: &dyn TestStore) {
    let mut writer = fill(store);
    let reader = store.open().unwrap();
    let before = reader.tracks(Some(VERSION), &reader.entries()).unwrap();
    commit(&mut *writer, "b", 3);
    commit(&mut *writer, "c", 4);
    let refreshed = reader.refresh().unwrap().unwrap();
    let is_kept = |night: &str, place: usize| {
        refreshed.entry(&id(night)).unwrap().segment.hash == before[place].segment()
    };
    assert!(is_kept("a", 0) && !is_kept("b", 1));
    for (night, seed) in [("a", 1), ("b", 3), ("c", 4)] {
        check(&*refreshed, night, Ok(seed));
    }
}

fn tracks_are_copied_with_their_recordings(store: &dyn TestStore) {
    fill(store).commit(draft("plain", 3, 4)).unwrap();
    let source = store.open().unwrap();
    let targets: [Box<dyn TestStore>; 2] =
        [Box::new(FolderStore::new()), Box::new(QdrantStore::new())];
    for target in targets {
        let mut writer = target.writer(&space()).unwrap();
        join(&[&*source], &mut *writer, OnConflict::Keep, &mut |_, _| {}).unwrap();
        let copied = target.open().unwrap();
        check(&*copied, "a", Ok(1));
        check(&*copied, "b", Ok(2));
        check(&*copied, "plain", Err(TrackProblem::Absent));
    }
}

fn tracks_are_copied_with_a_collection(store: &dyn TestStore) {
    let mut writer = fill(store);
    let targets: [Box<dyn TestStore>; 2] =
        [Box::new(FolderStore::new()), Box::new(QdrantStore::new())];
    for target in &targets {
        copy_collection(&*store.spaces(), &*target.spaces(), ExistingCopy::Refuse).unwrap();
        check(&*target.open().unwrap(), "b", Ok(2));
    }
    commit(&mut *writer, "b", 8);
    for target in &targets {
        copy_collection(&*store.spaces(), &*target.spaces(), ExistingCopy::Update).unwrap();
        check(&*target.open().unwrap(), "a", Ok(1));
        check(&*target.open().unwrap(), "b", Ok(8));
    }
}

fn spaces_have_tracks_of_their_own(store: &dyn TestStore) {
    drop(fill(store));
    let (spaces, v2) = (store.spaces(), SpaceName::new("v2").unwrap());
    spaces.create(&crate::spaces::record_of_v2()).unwrap();
    commit(&mut *spaces.writer(&v2).unwrap(), "a", 7);
    check(&*spaces.reader(&v2).unwrap(), "a", Ok(7));
    check(&*store.open().unwrap(), "a", Ok(1));
    spaces.delete(&v2).unwrap();
    check(&*store.open().unwrap(), "a", Ok(1));
}

fn interrupted_writes_leave_whole_tracks_or_none(store: &dyn TestStore) {
    let prepare = |store: &dyn TestStore| {
        let mut writer = store.writer(&space()).unwrap();
        commit(&mut *writer, "a", 1);
        writer.commit(draft("b", 2, 4)).unwrap();
    };
    let write = |spaces: &dyn nocturne_index::Spaces| -> Result<(), Error> {
        let mut writer = spaces.writer(&SpaceName::main())?;
        writer.put_tracks(&[(id("a"), track(OTHER, 9)), (id("b"), track(VERSION, 2))])?;
        let track = &mut |_: &nocturne_index::Recording| Some(track(VERSION, 3));
        writer.commit_with_track(draft("c", 3, 4), track).map(|_| ())
    };
    store.interrupt(&prepare, &write, &|store, is_done| {
        let reader = store.open().unwrap();
        let previous = found(&*reader, Some(VERSION), "a") == Ok(bytes(1));
        let is_replaced = found(&*reader, Some(OTHER), "a") == Ok(bytes(9));
        assert!(is_replaced || (!is_done && previous));
        let added = found(&*reader, Some(VERSION), "b");
        let is_absent = added == Err(TrackProblem::Absent);
        assert!(added == Ok(bytes(2)) || (!is_done && is_absent), "{added:?}");
        match reader.entry(&id("c")) {
            Some(_) => check(&*reader, "c", Ok(3)),
            None => assert!(!is_done),
        }
        assert_eq!(reader.verify_caches().unwrap(), []);
    });
}
