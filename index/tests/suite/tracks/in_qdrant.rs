//! Tracks in Qdrant: what is stored of them, and what of it is used.

use nocturne_index::TrackProblem;
use nocturne_qdrant_double::StoredPoint;

use super::{VERSION, check, fill, found};
use crate::spaces::stores::{QdrantStore, TestStore};
use crate::support::id;

const TRACKS: &str = "sleep-tracks";

/// Changes the point of the track of a recording.
fn tamper(store: &QdrantStore, night: &str, change: impl Fn(&mut StoredPoint)) {
    store.0.tamper(|server| {
        let points = server.collections.get_mut(TRACKS).unwrap().points.values_mut();
        points.filter(|point| point.payload["recording"] == night.into()).for_each(change);
    });
}

#[test]
fn damaged_points_are_found_and_named() {
    let changes: [fn(&mut StoredPoint); 5] = [
        |point| drop(point.payload.insert("track".to_owned(), "AAAA".into())),
        |point| drop(point.payload.insert("track".to_owned(), "?".into())),
        |point| drop(point.payload.remove("track")),
        |point| drop(point.payload.remove("version")),
        |point| drop(point.payload.insert("checksum".to_owned(), "00".into())),
    ];
    for change in changes {
        let store = QdrantStore::new();
        drop(fill(&store));
        tamper(&store, "a", change);
        let reader = store.open().unwrap();
        let problem = found(&*reader, Some(VERSION), "a").unwrap_err();
        assert!(matches!(problem, TrackProblem::Damaged { .. }), "{problem}");
        check(&*reader, "b", Ok(2));
        let caches = reader.verify_caches().unwrap();
        assert_eq!(caches.len(), 1, "{caches:?}");
        assert!(caches[0].problem.contains("`a`"), "{caches:?}");
    }
}

#[test]
fn lost_points_count_as_absent() {
    let store = QdrantStore::new();
    drop(fill(&store));
    store.0.tamper(|server| server.collections.get_mut(TRACKS).unwrap().points.clear());
    check(&*store.open().unwrap(), "a", Err(TrackProblem::Absent));
}

#[test]
fn tracks_are_deleted_with_their_recordings() {
    let store = QdrantStore::new();
    let mut writer = fill(&store);
    let n_tracks = || store.0.store().collections[TRACKS].points.len();
    writer.remove(&id("a")).unwrap();
    assert_eq!(n_tracks(), 1);
    writer.commit(crate::support::draft("b", 9, 4)).unwrap();
    assert_eq!(n_tracks(), 0);
}

#[test]
fn tracks_come_in_pages() {
    let store = QdrantStore::new();
    let mut writer = fill(&store);
    (10..80).for_each(|seed| super::commit(&mut *writer, &format!("night-{seed}"), seed));
    let reader = store.open().unwrap();
    store.0.faults().clear();
    let tracks = reader.tracks(Some(VERSION), &reader.entries()).unwrap();
    assert!(tracks.iter().all(|track| track.bytes().is_ok()));
    assert_eq!(store.0.faults().calls(), ["get"; 3]);
}
