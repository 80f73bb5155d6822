//! Tracks in a folder: when their files are opened, damaged and deleted.

use std::sync::Arc;

use nocturne_index::storage::{Simulated, Storage};
use nocturne_index::{
    CollectionReader, CollectionWriter, FolderReader, FolderWriter, TrackProblem,
};

use super::{OTHER, VERSION, check, fill, found, track};
use crate::spaces::stores::FolderStore;
use crate::support::{draft, id, space};

fn filled() -> (Arc<Simulated>, Box<dyn CollectionWriter>) {
    let store = FolderStore::new();
    let writer = fill(&store);
    (store.0, writer)
}

fn open(storage: &Arc<Simulated>) -> FolderReader {
    FolderReader::open_in(storage.clone()).unwrap()
}

fn tracks(storage: &Simulated) -> Vec<String> {
    storage.files().into_iter().filter(|name| name.starts_with("tracks/")).collect()
}

/// Returns the file of the track of a recording.
fn file_of(storage: &Arc<Simulated>, night: &str) -> String {
    let hash = open(storage).entry(&id(night)).unwrap().segment.hash.to_string();
    tracks(storage).into_iter().find(|name| name.contains(&hash)).unwrap()
}

#[test]
fn every_damaged_byte_is_found_and_named() {
    let (storage, _writer) = filled();
    let name = file_of(&storage, "a");
    let length = storage.read(&name).unwrap().len();
    for offset in (0..length).step_by(31) {
        storage.tamper(&name, |bytes| bytes[offset] ^= 0x10);
        let reader = open(&storage);
        let problem = found(&reader, Some(VERSION), "a").unwrap_err();
        let TrackProblem::Damaged { location, .. } = &problem else { panic!("{problem:?}") };
        assert!(location.to_string().ends_with(&name), "{problem}");
        check(&reader, "b", Ok(2));
        let caches = reader.verify_caches().unwrap();
        assert_eq!(caches.len(), 1, "byte {offset}: {caches:?}");
        assert_eq!(&caches[0].location, location);
        storage.tamper(&name, |bytes| bytes[offset] ^= 0x10);
    }
    check(&open(&storage), "a", Ok(1));
}

#[test]
fn damaged_track_is_replaced() {
    let (storage, _writer) = filled();
    storage.tamper(&file_of(&storage, "a"), |bytes| bytes.truncate(99));
    let reader = open(&storage);
    found(&reader, Some(VERSION), "a").unwrap_err();
    reader.save_tracks(&[(id("a"), track(VERSION, 1))]).unwrap();
    check(&reader, "a", Ok(1));
}

#[test]
fn file_is_opened_when_the_track_is_first_used() {
    let (storage, _writer) = filled();
    let reader = open(&storage);
    let tracks = reader.tracks(Some(VERSION), &reader.entries()).unwrap();
    assert!(tracks.iter().all(|track| track.known_problem().is_none()));
    tracks[1].bytes().unwrap();
    for name in ["a", "b"] {
        storage.remove(&file_of(&storage, name)).unwrap();
    }
    assert_eq!(tracks[0].bytes(), Err(&TrackProblem::Absent));
    assert_eq!(tracks[0].known_problem(), Some(&TrackProblem::Absent));
    assert!(tracks[1].bytes().is_ok());
}

#[test]
fn a_recording_has_the_track_of_one_version() {
    let (storage, mut writer) = filled();
    writer.put_tracks(&[(id("a"), track(OTHER, 9))]).unwrap();
    assert_eq!(tracks(&storage).len(), 2);
}

#[test]
fn tracks_are_deleted_with_their_segments() {
    let (storage, mut writer) = filled();
    writer.remove(&id("a")).unwrap();
    assert_eq!(tracks(&storage).len(), 2, "older generations are readable");
    writer.purge().unwrap();
    assert_eq!(tracks(&storage), [file_of(&storage, "b")]);
    for seed in 10..14 {
        writer.commit(draft("b", seed, 4)).unwrap();
    }
    drop(writer);
    let unfinished = format!("{}.tmp", tracks(&storage)[0]);
    std::io::Write::write_all(&mut *storage.create(&unfinished).unwrap(), b"part").unwrap();
    drop(FolderWriter::open_in(storage.clone(), &space()).unwrap());
    assert_eq!(tracks(&storage), [] as [String; 0]);
}

#[test]
fn tracks_of_a_folder_are_mapped() {
    let folder = tempfile::tempdir().unwrap();
    let mut writer = FolderWriter::create(folder.path(), &space()).unwrap();
    super::commit(&mut writer, "a", 1);
    let reader = FolderReader::open(folder.path()).unwrap();
    let kept = reader.tracks(Some(VERSION), &reader.entries()).unwrap();
    check(&reader, "a", Ok(1));
    kept[0].bytes().unwrap();
    // A file that is replaced or removed stays readable for those who have opened it.
    reader.save_tracks(&[(id("a"), track(OTHER, 9))]).unwrap();
    assert_eq!(kept[0].bytes().unwrap(), super::bytes(1));
    check(&reader, "a", Err(TrackProblem::OtherVersion));
}
